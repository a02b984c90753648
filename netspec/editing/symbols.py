"""The outline of a text: its sections, and what stands in each under a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.editing.peers import callee
from netspec.editing.workspace import Document
from netspec.language.grammar import SignatureKeys
from netspec.language.variant.places import SECTIONS, Place, parts
from netspec.text.diagnostics import Span
from netspec.text.syntax import Mapping, Scalar, Tree

SymbolKind = Literal["section", "layer", "block", "extern", "param", "input", "output"]
_KINDS: dict[str, SymbolKind] = {
    "params": "param",
    "inputs": "input",
    "externs": "extern",
    "blocks": "block",
    "graph": "layer",
    "outputs": "output",
}
_PATCHES = ("change", "insert")
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Symbol:
    """A part of a text: `name` is where its name stands, `whole` where all of it does.

    `detail` is a few words: what a layer calls, the value of a parameter.
    """

    kind: SymbolKind
    text: str
    detail: str
    name: Span
    whole: Span
    inner: Sequence[Symbol] = ()


def symbols(document: Document) -> Sequence[Symbol]:
    """Return the sections of a document."""
    tree = document.loose
    return [*_sections(tree)] if isinstance(tree, Mapping) else []


def _sections(tree: Mapping) -> Iterator[Symbol]:
    named = parts(tree, "spec")
    for key, value in tree.items:
        inner: Iterator[Symbol] = iter(())
        if key.text in SECTIONS:
            inner = _inner(named[key.text], _KINDS[key.text])
        elif key.text in _PATCHES and isinstance(value, Mapping):
            inner = (_patch(path, layer) for path, layer in value.items)
        detail = _detail(value) if isinstance(value, Scalar) else ""
        yield Symbol("section", key.text, detail, key.span, _whole(key.span, value), [*inner])


def _inner(part: Place, kind: SymbolKind) -> Iterator[Symbol]:
    """Yield the parts of a section, of a block, or of an inline body."""
    for name, place in part.parts.items():
        if part.form == "block" and name in SignatureKeys.kinds():
            continue
        inner = [*_inner(place, "layer")]
        yield Symbol(
            kind, name, _detail(place.tree), place.span, _whole(place.span, place.tree), inner
        )


def _patch(path: Scalar, tree: Tree) -> Symbol:
    """Return what a variant puts at a path."""
    section, *names = path.text.split(".")
    kind = _KINDS.get(section, "section") if len(names) == 1 else "layer"
    return Symbol(kind, path.text, _detail(tree), path.span, _whole(path.span, tree))


def _detail(tree: Tree) -> str:
    """Say in a word or two what a part is."""
    if isinstance(tree, Mapping) and (params := tree.get("params")):
        return _detail(params)
    if isinstance(tree, Mapping):
        is_body = tree.find("chain") or tree.find("parallel")
        found = None if is_body else callee(tree, {})
        return found[0].text if found else ""
    text = tree.text if isinstance(tree, Scalar) else tree.span.text
    return text if len(text) <= _MAX_SHOWN and "\n" not in text else ""


def _whole(name: Span, tree: Tree) -> Span:
    """Return the place of a name and of what it stands for."""
    return Span(name.source, name.start, max(name.end, tree.span.end))
