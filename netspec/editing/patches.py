"""What a variant says itself: the paths of parts that it changes, inserts and removes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec import limits
from netspec.editing.walk import Kind, Place
from netspec.language.grammar import PlaceKeys, SignatureKeys
from netspec.language.variant import places
from netspec.language.variant.places import Places, name_in
from netspec.text.diagnostics import Span
from netspec.text.syntax import Mapping as Table
from netspec.text.syntax import Scalar, Sequence, Tree, entries

_KINDS: dict[str, Kind] = {
    "params": "param",
    "inputs": "input",
    "externs": "block",
    "blocks": "block",
    "graph": "layer",
    "outputs": "output",
}


def patched(variant: Table, base: Tree) -> Iterator[Place]:
    """Yield the places of a variant's own sections; `base` is the whole spec that it extends."""
    said = {key.text: value for key, value in variant.items}
    for key, _ in variant.items:
        yield Place("key", key.text, key.span, None, ())
    link = said.get("extends")
    if isinstance(link, Scalar):
        yield Place("path", link.text, link.span, Span(base.span.source, 0, 0), ())
    parts = places.parts(base, "spec")
    params = parts["params"].parts if "params" in parts else {}
    for key, _ in entries(said.get("params")):
        target = params[key.text].span if key.text in params else None
        yield Place("param", key.text, key.span, target, ("params",))
    inserted = {key.text: name_in(key, -1).span for key, _ in entries(said.get("insert"))}
    for key, _ in entries(said.get("change")):
        yield from _path(key, parts, {})
    for key, value in entries(said.get("insert")):
        yield from _path(key, parts, inserted)
        yield from _anchors(key, value, parts, inserted)
    removed = said.get("remove")
    for item in removed.items if isinstance(removed, Sequence) else ():
        if isinstance(item, Scalar):
            yield from _path(item, parts, {})


def _path(path: Scalar, inner: Places, inserted: Mapping[str, Span]) -> Iterator[Place]:
    """Yield a place for each name of a path; the last of what is inserted is its own target."""
    names = path.text.split(".")
    for index, name in enumerate(names[: limits.DEPTH]):
        found = inner.get(name)
        above = tuple(names[:index])
        target = found.span if found else None
        if target is None and index == len(names) - 1:
            target = inserted.get(path.text)
        yield Place(_kind(above, name), name, name_in(path, index).span, target, above)
        inner = found.parts if found else {}


def _anchors(
    path: Scalar, layer: Tree, inner: Places, inserted: Mapping[str, Span]
) -> Iterator[Place]:
    """Yield the layers beside which a variant puts a new one."""
    above = path.text.split(".")[:-1]
    for name in above:
        inner = inner[name].parts if name in inner else {}
    for key, value in entries(layer):
        if key.text in PlaceKeys.kinds() and isinstance(value, Scalar):
            yield Place("key", key.text, key.span, None, tuple(above))
            found = inner.get(value.text)
            target = found.span if found else inserted.get(".".join([*above, value.text]))
            yield Place("layer", value.text, value.span, target, tuple(above))


def _kind(above: tuple[str, ...], name: str) -> Kind:
    match above:
        case ():
            return "path"
        case (section,):
            return _KINDS.get(section, "path")
        case ("blocks", _) if name in SignatureKeys.kinds():
            return "key"
    return "layer"
