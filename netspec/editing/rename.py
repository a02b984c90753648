"""A new name for a layer, a block, a parameter, an input or an output, wherever it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from netspec.analysis.network import Network
from netspec.editing.places import Place, place_at, places, uses
from netspec.editing.workspace import Document, Workspace
from netspec.language.variant.lineage import LoadError
from netspec.text import files
from netspec.text.diagnostics import Diagnostic, Edit, SpecError, brief, escape
from netspec.text.fixes import replaced

_NAMED = ("layer", "block", "param", "input", "output")
Texts = Mapping[str, str]
"""The text of each path."""


class RenameError(ValueError):
    """Why something cannot be renamed, or not so: a line for the user."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """The edits of each file, by its path, and the keys of the state_dict that change."""

    edits: Mapping[str, Sequence[Edit]]
    keys: Mapping[str, str]
    """Of the document itself, whose weights on disk have the old ones."""


def renamable(document: Document, offset: int) -> Place:
    """Return the name at an offset that could be another. Raises RenameError."""
    if document.tree is None:
        raise RenameError("nothing is renamed while the text is no YAML")
    place = place_at(document, offset)
    if place is None or place.kind not in _NAMED:
        raise RenameError("here stands no name that the spec gives")
    if place.target is None:
        raise RenameError(f"`{place.name}` is defined nowhere in the spec")
    found = uses(document, place)
    if any(other.scope[:1] == ("externs",) for other in found):
        raise RenameError(f"`{place.name}` is a name of the class that is imported")
    if any(other.name != place.name for other in found):
        raise RenameError(f"`{place.name}` counts on from `{place.target.text}`")
    return place


def rename(
    workspace: Workspace, document: Document, offset: int, name: str, beside: Iterable[str] = ()
) -> Renamed:
    """Return what gives the name at an offset another one. Raises RenameError.

    It is refused unless the spec, what it extends and the specs that extend one of these, open or
    among the files `beside`, all compile to the same networks as before but for names, or have no
    mistakes that they had not.
    """
    place = renamable(document, offset)
    family = _family(workspace, document, beside)
    edits = {
        path: [Edit(found.span, name) for found in group]
        for path, group in groupby(uses(document, place, family), lambda x: x.span.source.name)
    }
    before = {x.name: x.text for each in family for x in each.index.sources}
    after = {path: replaced(text, edits.get(path, ())) for path, text in before.items()}
    keys: Mapping[str, str] = {}
    for path in before:
        old, new = _compiled(before, path), _compiled(after, path)
        _refuse_change(old, new, place.name, name)
        if path == document.path and old.network and new.network:
            pairs = zip(old.network.tensors(), new.network.tensors(), strict=True)
            keys = {one: other for one, other in pairs if one != other}
    return Renamed(edits, keys)


def _family(workspace: Workspace, document: Document, beside: Iterable[str]) -> Sequence[Document]:
    """Return a document and those that extend it, or something that it extends."""
    own = {source.name for source in document.index.sources}
    found = {document.path: document} | {other.path: other for other in workspace.documents()}
    for path in beside:
        with suppress(OSError, LoadError, SpecError):  # what cannot be read extends nothing
            if path not in found and workspace.is_variant(path):
                found[path] = workspace.look(path)
    return [x for x in found.values() if x is document or not own.isdisjoint(x.asked)]


def _compiled(texts: Texts, path: str) -> Document:
    def read(path: str) -> str:
        if path not in texts:
            raise files.absent(path)
        return texts[path]

    return Workspace(read).change(path, texts[path])


def _refuse_change(before: Document, after: Document, old: str, new: str) -> None:
    """Raise RenameError where more than names changes from one document to the other."""
    known = Counter(item.code for item in before.diagnostics)
    for item in after.diagnostics:
        known[item.code] -= 1
        if known[item.code] < 0:
            raise RenameError(_said(item))
    shown = [_shown(x.network) for x in (before, after) if x.network]
    if shown[:1] != shown[1:] or _linked(before) != _linked(after):
        message = f"as `{brief(new)}`, `{old}` would be mistaken for another in {before.path}"
        raise RenameError(message)


def _linked(document: Document) -> Sequence[tuple[str, int | None]]:
    """Return which of its names each name of a document means, all by their numbers."""
    found = places(document)
    number = {place.span: i for i, place in enumerate(found)}
    return [(x.kind, number.get(x.target) if x.target else None) for x in found]


def _said(item: Diagnostic) -> str:
    """Write a mistake that a new name would make as one line."""
    place = f"{escape(item.span.source.name)}:{item.span.line}: " if item.span else ""
    return place + brief(f"{item.message} ({item.help})" if item.help else item.message)


_NAMES: dict[str, bool | dict[str, bool]] = {"names": True, "whole": {"names": True}}
"""The arguments of ops that are names, of a piece too."""


def _shown(network: Network) -> tuple[object, ...]:
    """Return all that a network is but for its names."""
    graph = network.graph
    number = {node: i for i, node in enumerate([*graph.inputs, *graph.nodes])}
    nodes = [
        (
            *(
                node.op.op_name,
                node.op.model_dump(exclude=_NAMES),
                [number[x] for x in node.inputs],
            ),
            *(number.get(node.owner), network.shapes[node.id], node.train_only),
        )
        for node in graph.nodes.values()
    ]
    inputs = [(shape, name in graph.integers) for name, shape in graph.inputs.items()]
    outputs = [(number[out.node], out.train_only, out.weight) for out in graph.outputs]
    return nodes, inputs, outputs, [*network.tensors().values()], [*graph.params.values()]
