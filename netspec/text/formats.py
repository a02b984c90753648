"""Diagnostics as text: for people, editors, scripts and continuous integration.

Lines and columns count from 1, columns in code points.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from netspec.text.diagnostics import (
    Diagnostic,
    Fix,
    Label,
    Span,
    brief,
    escape,
)
from netspec.text.explain import title
from netspec.text.rendered import Screen, render
from netspec.version import __version__

FORMAT = "netspec-check-1"
"""The version of the JSON; another number where a program that reads it would fail."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def written(items: Sequence[Diagnostic], format: str, screen: Screen | None = None) -> str:
    """Return diagnostics as "full", "concise", "json", "github" or "sarif"."""
    match format:
        case "json":
            return to_json(items)
        case "sarif":
            return to_sarif(items)
        case "github":
            return "\n".join(map(to_github, items))
        case "concise":
            return "\n".join(map(str, items))
    return "\n\n".join(render(item, screen) for item in items)


def to_json(items: Iterable[Diagnostic]) -> str:
    """Return one JSON object; `endColumn` is the column behind the last character."""
    found = [_json(item) for item in items]
    return json.dumps({"format": FORMAT, "diagnostics": found}, indent=2)


def _json(item: Diagnostic) -> dict[str, Any]:
    return {
        "code": item.code,
        "severity": item.severity,
        "message": brief(item.message),
        **(_place(item.span) if item.span else {}),
        "label": brief(item.label),
        "notes": [{**_place(note.span), "label": brief(note.text)} for note in item.notes],
        "details": [brief(text) for text in item.details],
        "help": brief(item.help),
        "fixes": [
            {
                "title": brief(fix.title),
                "safe": fix.is_safe,
                "edits": [{**_place(edit.span), "text": edit.text} for edit in fix.edits],
            }
            for fix in item.fixes
        ],
    }


def _place(span: Span) -> dict[str, Any]:
    return {"file": escape(span.source.name), **_region(span, "line", "column")}


def _region(span: Span, line: str, column: str) -> dict[str, int]:
    last, behind = span.source.position(max(span.start, span.end))
    end = {"endLine": last, "endColumn": behind}
    return {line: span.line, column: span.column, **end}


# ------------------------------------------------------------------ GitHub


def to_github(item: Diagnostic) -> str:
    """Return a workflow command, which GitHub shows beside the line."""
    properties = {"title": f"netspec {item.code}"}
    if item.span:
        place = _place(item.span)
        properties |= {
            "file": place["file"],
            "line": place["line"],
            "endLine": place["endLine"],
            "col": place["column"],
            "endColumn": place["endColumn"],
        }
    text = "\n".join([brief(item.message), *map(brief, item.details)])
    text += f"\nhelp: {brief(item.help)}" if item.help else ""
    options = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{item.severity} {options}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # GitHub splits properties at commas and ends them at colons.
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# ------------------------------------------------------------------ SARIF


def to_sarif(items: Sequence[Diagnostic]) -> str:
    """Return a SARIF 2.1.0 log of one run."""
    codes = list(dict.fromkeys(item.code for item in items))
    rules = [{"id": code, "shortDescription": {"text": title(code)}} for code in codes]
    driver = {"name": "netspec", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, codes) for item in items],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(item: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    help = [f"help: {item.help}"] if item.help else []
    lines = [item.message, *([item.label] if item.label else []), *item.details, *help]
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code),
        "level": item.severity,
        "message": {"text": "\n".join(map(brief, lines))},
    }
    if item.span:
        result["locations"] = [_location(Label(item.span))]
    if item.notes:
        result["relatedLocations"] = [_location(note) for note in item.notes]
    if item.fixes:
        result["fixes"] = [_sarif_fix(fix) for fix in item.fixes]
    return result


def _sarif_fix(fix: Fix) -> dict[str, Any]:
    files: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        region = _region(edit.span, "startLine", "startColumn")
        change = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
        files.setdefault(_uri(edit.span.source.name), []).append(change)
    changes = [{"artifactLocation": {"uri": uri}, "replacements": r} for uri, r in files.items()]
    return {
        "description": {"text": brief(fix.title)},
        "artifactChanges": changes,
        "properties": {"safe": fix.is_safe},
    }


def _uri(name: str) -> str:
    """Return a file's name as a relative URI: its own bytes, as far as the system can have them."""
    name = name.replace(os.sep, "/")
    try:
        return quote(os.fsencode(name))
    except UnicodeEncodeError:
        return quote(name, errors="replace")


def _location(label: Label) -> dict[str, Any]:
    region = _region(label.span, "startLine", "startColumn")
    artifact = {"uri": _uri(label.span.source.name)}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": artifact, "region": region}
    }
    return {**location, "message": {"text": brief(label.text)}} if label.text else location
