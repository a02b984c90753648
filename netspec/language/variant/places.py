"""Paths of a variant → places in the tree of a spec: `blocks.Inception.conv5x5`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.language.grammar import BlockKeys, VariantKeys
from netspec.language.kinds import Replaced
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span, nearest, suggest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

Kind = Literal["spec", "blocks", "outputs", "chain", "body"]
"""What a tree is, which decides how the names below it are found; a body is a block or a layer."""

SECTIONS: dict[str, Kind] = {"graph": "chain", "blocks": "blocks", "outputs": "outputs"}


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A named part of a spec: the entry of `container` at `index`."""

    container: Mapping | Sequence
    index: int
    tree: Tree
    kind: Kind

    @property
    def span(self) -> Span:
        """Where the name stands; a layer without a name is its own place."""
        if isinstance(self.container, Mapping):
            return self.container.items[self.index][0].span
        return self.tree.span


Places = dict[str, Place]


@dataclass(slots=True, eq=False)
class Parent:
    """A part whose own parts can be named, and how the variant writes it."""

    path: str
    tree: Tree
    kind: Kind
    places: Places


class Finder:
    """Finds the parts of one spec by their paths; what it has listed once it keeps."""

    def __init__(self, spec: Mapping, sink: Sink) -> None:
        self._sink = sink
        self._parents: dict[str, Parent] = {"": Parent("", spec, "spec", _sections(spec))}

    def find(self, path: Scalar, value: Tree | None = None) -> Place | None:
        """Return the place of a whole path, or None after reporting that there is none.

        `value` is what the variant puts there.
        """
        parent = self.parent(path)
        return self._step(parent, path, value=value) if parent else None

    def parent(self, path: Scalar) -> Parent | None:
        """Return what holds the last part of a path, or None after reporting that there is none."""
        names = path.text.split(".")
        if names[0] not in SECTIONS or len(names) < 2 or len(names) > 64:
            message = f"`{path.text[:80]}` is not the path of a layer"
            if 1 < len(names) <= 64 and (section := self._section_meant(*names[:2])):
                help = f"write `{'.'.join([section, *names[1:]])}`"
                self._sink.error(Code.NO_TARGET, message, _part(path, 0), help=help)
                return None
            help = self._path_meant(names)
            help = help or "for example graph.conv1, blocks.Inception.conv5x5 or outputs.aux1"
            self._sink.error(Code.NO_TARGET, message, path.span, help=help)
            return None
        return self._parent(path, len(names) - 1)

    def _section_meant(self, name: str, rest: str) -> str:
        """Return the section that a name misspells, or that has what it is to hold."""
        known = {s: parts(at.tree, at.kind) for s, at in self._parents[""].places.items()}
        if name in _CURES or name in SECTIONS or any(name in places for places in known.values()):
            return ""
        owners = [section for section, places in known.items() if rest in places]
        return "".join(nearest(name, SECTIONS) or owners[:1])

    def _path_meant(self, names: list[str]) -> str:
        """Say how to reach what a path outside the layers is about."""
        first, *rest = names
        sections = self._parents[""].places
        owners = [s for s, at in sections.items() if first in parts(at.tree, at.kind)]
        if len(names) <= 64 and owners:
            return f"write `{'.'.join([owners[0], *names])}`"
        if first in SECTIONS and len(names) == 1 and first in sections:
            known = next(iter(parts(sections[first].tree, sections[first].kind)), "conv1")
            return f"name what is meant, for example `{first}.{known}`"
        if first in _CURES:
            return _CURES[first].format(rest[0] if rest else "classes")
        return suggest(first, SECTIONS)

    def _parent(self, path: Scalar, depth: int) -> Parent | None:
        text = ".".join(path.text.split(".")[:depth])
        if text not in self._parents:
            above = self._parent(path, depth - 1)
            place = self._step(above, path, depth) if above else None
            if place is None:
                return None
            self._parents[text] = Parent(
                text, place.tree, place.kind, parts(place.tree, place.kind)
            )
        return self._parents[text]

    def _step(
        self, parent: Parent, path: Scalar, depth: int = 0, value: Tree | None = None
    ) -> Place | None:
        """Return the part of `parent` that a path names at a depth, by default the last."""
        names = path.text.split(".")
        depth = depth or len(names)
        name = names[depth - 1]
        if place := parent.places.get(name):
            return place
        where = parent.path or "the extended spec"
        help = suggest(name, parent.places) or self._whole(parent, names[depth - 1 :], value)
        message = f"`{where}` has no `{name[:64]}` to patch"
        self._sink.error(Code.NO_TARGET, message, _part(path, depth - 1), help=help)
        return None

    def _whole(self, parent: Parent, rest: list[str], value: Tree | None) -> str:
        """Say how to change a part that has no path of its own."""
        name = rest[0]
        if name in ("chain", "parallel") and len(rest) > 1:
            return f"leave `{name}` out: `{parent.path}.{'.'.join(rest[1:])}`"
        if parent.places and name in BlockKeys.kinds():
            return f"a block changes as a whole: `change: {{{parent.path}: …}}`"
        if parent.places:
            return "it has: " + ", ".join(f"`{name}`" for name in list(parent.places)[:12])
        block = self._used(parent.tree)
        if block and name in parts(block.tree, block.kind):
            used = block.container.items[block.index][0].text  # type: ignore[index]  # a section
            return f"write `blocks.{used}.{name}`, which changes every use of `{used}`"
        text = _with(parent.tree, name, value)
        return f"a layer changes as a whole: `change: {{{parent.path}: {text}}}`" if text else ""

    def _used(self, layer: Tree) -> Place | None:
        """Return the block that a layer uses."""
        keys = [key.text for key, _ in layer.items] if isinstance(layer, Mapping) else []
        keys += [layer.text] if isinstance(layer, Scalar) else []
        section = self._parents[""].places.get("blocks")
        blocks = parts(section.tree, section.kind) if section else {}
        return next((blocks[key] for key in keys if key in blocks), None)


def _part(path: Scalar, index: int) -> Span:
    """Return where one name of a path stands."""
    names = path.text.split(".")
    start = path.span.start + path.quoted + len(".".join([*names[:index], ""]))
    return Span(path.span.source, start, start + len(names[index]))


def _sections(spec: Mapping) -> Places:
    return {
        key.text: Place(spec, i, value, SECTIONS[key.text])
        for i, (key, value) in enumerate(spec.items)
        if key.text in SECTIONS
    }


def _with(layer: Tree, name: str, value: Tree | None) -> str:
    """Write a layer on one line with another value of a key, or without it if there is none."""
    entries = {key.text: item.span.text for key, item in _items(layer) if key.text != "shape"}
    if isinstance(layer, Scalar):
        entries = {layer.text: "[]"}
    if value is None:
        entries.pop(name, None)
    else:
        entries[name] = value.span.text
    text = ", ".join(f"{key}: {item}" for key, item in entries.items())
    return f"{{{text}}}" if len(text) <= _MAX_SHOWN and "\n" not in text else ""


def _items(tree: Tree) -> tuple[tuple[Scalar, Tree], ...]:
    return tree.items if isinstance(tree, Mapping) else ()


_MAX_SHOWN = 120
_REPLACED = "a variant replaces it with a section `{0}:` of its own"
_CURES = {
    "inputs": "a variant keeps the inputs; `params` changes a size that is written `$size`",
    "params": "a variant changes it with `params: {{{0}: …}}`",
    **{
        k: _REPLACED.format(k)
        for k, kind in VariantKeys.kinds().items()
        if isinstance(kind, Replaced)
    },
}
"""What a variant changes in another way than by a path."""


def parts(tree: Tree, kind: Kind) -> Places:
    """Return the named parts of a tree; layers of all branches are parts of their body."""
    match tree:
        case Mapping() if kind == "body":
            return _of_body(tree)
        case Mapping():
            inner: Kind = "body"
            return {key.text: Place(tree, i, v, inner) for i, (key, v) in enumerate(tree.items)}
        case Sequence() if kind in ("chain", "body"):
            return {str(i): Place(tree, i, item, "body") for i, item in enumerate(tree.items)}
    return {}


def path_at(spec: Mapping, place: Span) -> str:
    """Return the path of the part of a spec that holds a place, or nothing."""
    names: list[str] = []
    inner = _sections(spec)
    while found := next(((n, at) for n, at in inner.items() if _holds(at.tree, place)), None):
        names.append(found[0])
        inner = parts(found[1].tree, found[1].kind)
    return ".".join(names) if len(names) > 1 else ""


def parts_of(spec: Mapping, path: str) -> Places:
    """Return the named parts of what a path reaches in a spec; none if it reaches nothing."""
    inner = _sections(spec)
    for name in path.split("."):
        place = inner.get(name)
        inner = parts(place.tree, place.kind) if place else {}
    return inner


def _holds(tree: Tree, place: Span) -> bool:
    span = tree.span
    return span.source is place.source and span.start <= place.start < max(span.end, span.start + 1)


def _of_body(tree: Mapping) -> Places:
    if chain := tree.find("chain"):
        return parts(chain[1], "chain")
    found = tree.find("parallel")
    branches = found[1] if found and isinstance(found[1], Sequence) else None
    places: Places = {}
    for i, branch in enumerate(branches.items if branches else ()):
        inside = parts(branch, "chain")
        if isinstance(branch, Sequence) and branches:
            inside = {str(i): Place(branches, i, branch, "chain")}
        places |= {name: place for name, place in inside.items() if name not in places}
    return places
