"""What a page asks beside the protocol: what there is to see, and the files that it edits.

Parameters and answers are plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pygls.exceptions import JsonRpcInvalidParams

from netspec.analysis.network import Network
from netspec.editing.export import EXPORTS
from netspec.editing.steps import Step
from netspec.editing.view import PARTS, Report, View, view
from netspec.editing.workspace import Document, Workspace, growing
from netspec.emit.diff import NAMES, diff, render
from netspec.emit.figure.svg import THEMES
from netspec.emit.look import LookError
from netspec.server.client import Client, path_of
from netspec.server.folder import Folder, Saved
from netspec.server.lsp import Request
from netspec.server.refusal import Refusal
from netspec.text.diagnostics import Span, SpecError

Json = dict[str, Any]


def requests(folder: Folder) -> Mapping[str, Request]:
    """Return what answers a page that works in a directory."""
    own: Mapping[str, Callable[[Folder, Client, Any], Json]] = {
        "netspec/files": _files,
        "netspec/read": _read,
        "netspec/save": _save,
        "netspec/compare": _compare,
    }
    found: dict[str, Request] = {name: partial(answer, folder) for name, answer in own.items()}
    return {**found, "netspec/view": _view, "netspec/export": _export}


# ---------------------------------------------------------------------- files


def _files(folder: Folder, client: Client, params: Any) -> Json:
    paths = [(client.uri(path), Path(path).relative_to(folder.root)) for path in folder.paths()]
    return {
        "root": f"{client.uri(folder.root)}/",
        "files": [{"uri": uri, "path": path.as_posix()} for uri, path in paths],
        "start": folder.start and client.uri(folder.start),
    }


def _read(folder: Folder, client: Client, params: Any) -> Json:
    uri = _said(params, "uri", str)
    text, stamp = _allowed(folder.state, path_of(uri))
    if text is None:
        raise Refusal(f"there is no file {path_of(uri)}")
    return {"uri": uri, "text": text, "stamp": stamp}


def _save(folder: Folder, client: Client, params: Any) -> Json:
    uri, text = _said(params, "uri", str), _said(params, "text", str)
    stamp = _said(params, "stamp", str | None)
    found: Saved = _allowed(folder.save, path_of(uri), text, stamp)
    return found._asdict()


def _allowed(do: Callable[..., Any], *arguments: object) -> Any:
    """Do something with files; what the system or the folder refuses is for the user to read."""
    try:
        return do(*arguments)
    except SpecError as error:
        raise Refusal(error.diagnostics[0].message) from None
    except (OSError, UnicodeEncodeError) as error:
        raise Refusal(str(error)) from None


# ---------------------------------------------------------------------- networks


def _view(client: Client, params: Any) -> Json:
    uri = _said(params, "uri", str)
    document = _document(client, uri)
    parts = [part for part in PARTS if part in _said(params, "parts", list)]
    theme = params.get("theme")
    with client.looking_at(document.path), growing():
        found = view(document, parts, theme if theme in THEMES else "light")
    version = client.version(document.path)
    is_stale = document.network is None
    network = _network(client, document, found) if found else None
    return {"uri": uri, "version": version, "stale": is_stale, "network": network}


def _network(client: Client, document: Document, found: View) -> Json:
    places: dict[Span, int] = {}
    layers = [
        {
            "path": layer.path,
            "places": [places.setdefault(span, len(places)) for span in layer.places],
            "code": layer.code,
        }
        for layer in found.layers
    ]
    return {
        "name": found.name,
        "totals": [
            {"key": key, "label": NAMES[key], "value": value, "text": f"{value:,}"}
            for key, value in found.totals.items()
        ],
        "layers": layers,
        "places": [_place(client, span) for span in places],
        "steps": [_step(client, step) for step in found.steps],
        "figure": found.figure,
        "report": found.report and _report(found.report),
        "code": found.code,
        "problem": found.problems,
    }


def _place(client: Client, span: Span) -> Json:
    return {"uri": client.uri(span.source.name), "range": _range(client, span)}


def _range(client: Client, span: Span) -> Json:
    found = client.positions.range(span)
    ends = {"start": found.start, "end": found.end}
    return {key: {"line": x.line, "character": x.character} for key, x in ends.items()}


def _step(client: Client, step: Step) -> Json:
    return {
        "range": _range(client, step.span),
        "name": step.name,
        "value": step.value,
        "min": step.range.least,
        "max": step.range.most,
        "step": step.range.step,
        "layers": step.layers,
    }


def _report(found: Report) -> Json:
    titles = zip(found.keys, found.cells.headings, found.cells.left, strict=True)
    rows = zip(found.layers, found.cells.rows, strict=True)
    return {
        "columns": [
            {"key": key, "title": title, "align": "left" if is_left else "right"}
            for key, title, is_left in titles
        ],
        "rows": [{"layer": layer, "cells": cells} for layer, cells in rows],
        "totals": [{"cells": cells} for cells in found.cells.totals],
        "notes": found.notes,
    }


def _compare(folder: Folder, client: Client, params: Any) -> Json:
    """Compare an open text with another spec, or with another text in its place."""
    document = _document(client, _said(params, "uri", str))
    other = _said(params, "with", dict)
    if (text := _said(other, "text", str | None)) is not None:
        before = _compiled(folder, client, document.path, text)
    else:
        before = _other(folder, client, _said(other, "uri", str))
    for one, what in ((document, "the text"), (before, "the other one")):
        if one.network is None:
            return {"diff": None, "problem": f"{what} has errors: {_first_error(one)}"}
    assert before.network
    assert document.network
    found = render(diff(before.network, document.network), "json")
    return {"diff": json.loads(found), "problem": None}


def _other(folder: Folder, client: Client, uri: str) -> Document:
    """Return another spec as it is open, or as it stands on disk."""
    with suppress(KeyError):
        return client.document(uri)
    path = path_of(uri)
    text, _ = _allowed(folder.state, path)
    if text is None:
        raise Refusal(f"there is no file {path}")
    return _compiled(folder, client, path, text)


def _compiled(folder: Folder, client: Client, path: str, text: str) -> Document:
    """Compile a text as if it stood at a path; what it extends is as on disk."""
    with client.looking_at(path):
        return Workspace(partial(folder.extended, path)).change(path, text)


def _first_error(document: Document) -> str:
    errors = (item.message for item in document.diagnostics if item.severity == "error")
    return next(errors, "")


def _export(client: Client, params: Any) -> Json:
    document, format = _document(client, _said(params, "uri", str)), _said(params, "format", str)
    if format not in EXPORTS:
        raise JsonRpcInvalidParams(f"`format` is one of {', '.join(EXPORTS)}")
    if document.network is None or _first_error(document):
        raise Refusal(f"the text has errors: {_first_error(document)}")
    name = f"{Path(document.path).stem}.{format}"
    with client.looking_at(document.path):
        return {"name": name, "text": _exported(document.network, format)}


def _exported(network: Network, format: str) -> str:
    try:
        return EXPORTS[format](network)
    except SpecError as error:
        raise Refusal(error.diagnostics[0].message) from None
    except LookError as error:
        raise Refusal(str(error)) from None


# ---------------------------------------------------------------------- parameters


def _document(client: Client, uri: str) -> Document:
    try:
        return client.document(uri)
    except KeyError:
        raise JsonRpcInvalidParams(f"{uri} is not open") from None


def _said(params: Any, name: str, kind: Any) -> Any:
    """Return a parameter of a request."""
    value = params.get(name) if isinstance(params, Mapping) else None
    if not isinstance(value, kind):
        raise JsonRpcInvalidParams(f"`{name}` is missing, or of another type")
    return value
