"""Paths of a variant → places in the tree of a spec: `blocks.Inception.conv5x5`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.diagnostics import Sink, Span, suggest
from netspec.syntax import Mapping, Scalar, Sequence, Tree

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

    def find(self, path: Scalar) -> Place | None:
        """Return the place of a whole path, or None after reporting that there is none."""
        parent = self.parent(path)
        return self._step(parent, path) if parent else None

    def parent(self, path: Scalar) -> Parent | None:
        """Return what holds the last part of a path, or None after reporting that there is none."""
        names = path.text.split(".")
        if names[0] not in SECTIONS or len(names) < 2 or len(names) > 64:
            message = f"`{path.text[:80]}` is not the path of a layer"
            help = suggest(names[0], SECTIONS) if names[0] not in SECTIONS else ""
            help = help or "for example graph.conv1, blocks.Inception.conv5x5 or outputs.aux1"
            self._sink.error("NS062", message, path.span, help=help)
            return None
        return self._parent(path, len(names) - 1)

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

    def _step(self, parent: Parent, path: Scalar, depth: int = 0) -> Place | None:
        """Return the part of `parent` that a path names at a depth, by default the last."""
        names = path.text.split(".")
        depth = depth or len(names)
        name = names[depth - 1]
        if place := parent.places.get(name):
            return place
        where = parent.path or "the extended spec"
        help = suggest(name, parent.places) or _why_empty(parent) or _listing(parent)
        start = path.span.start + path.quoted + len(".".join(names[:depth])) - len(name)
        span = Span(path.span.source, start, start + len(name))
        self._sink.error("NS062", f"`{where}` has no `{name[:64]}` to patch", span, help=help)
        return None


def _sections(spec: Mapping) -> Places:
    return {
        key.text: Place(spec, i, value, SECTIONS[key.text])
        for i, (key, value) in enumerate(spec.items)
        if key.text in SECTIONS
    }


def _why_empty(parent: Parent) -> str:
    """Explain a layer that has no parts of its own because it uses a block."""
    keys = [key.text for key, _ in parent.tree.items] if isinstance(parent.tree, Mapping) else []
    keys += [parent.tree.text] if isinstance(parent.tree, Scalar) else []
    block = next((key for key in keys if key[:1].isupper()), "")
    return (
        f"it is a use of `{block}`; patch `blocks.{block}`" if block and not parent.places else ""
    )


def _listing(parent: Parent) -> str:
    return "it has: " + ", ".join(f"`{name}`" for name in list(parent.places)[:12])


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
        places = {**inside, **places}
    return places
