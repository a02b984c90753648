"""Paths of a variant → places in the tree of a spec: `blocks.Inception.conv5x5`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from netspec.language.grammar import BlockKeys, SignatureKeys, VariantKeys
from netspec.language.kinds import Replaced
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span, nearest, suggest
from netspec.text.fixes import writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries

Form = Literal["spec", "chain", "blocks", "heads", "values", "block", "body", "value"]
"""What a tree is, which decides how the names below it are found; a body is a block's or a layer.

`heads` and `values` are the sections of outputs, and of inputs, parameters or externs.
"""

SECTIONS: dict[str, Form] = {
    "params": "values",
    "inputs": "values",
    "externs": "values",
    "blocks": "blocks",
    "graph": "chain",
    "outputs": "heads",
}
_BELOW: dict[Form, Form] = {"blocks": "block", "values": "value"}


@dataclass(frozen=True, eq=False)
class Place:
    """A named part of a spec: the entry of `container` at `index`."""

    container: Mapping | Sequence
    index: int
    tree: Tree
    form: Form

    @cached_property  # a variant may have thousands of paths below one section
    def parts(self) -> Places:
        """Its own named parts."""
        return parts(self.tree, self.form)

    @property
    def span(self) -> Span:
        """Where the name stands; a layer without a name is its own place."""
        if isinstance(self.container, Mapping):
            return self.container.items[self.index][0].span
        return self.tree.span


Places = dict[str, Place]


class Finder:
    """Finds the parts of one spec by their paths."""

    def __init__(self, spec: Mapping, sink: Sink) -> None:
        self._sink = sink
        self._whole = Place(spec, 0, spec, "spec")

    def find(self, path: Scalar, value: Tree | None = None) -> Place | None:
        """Return the place of a whole path, or None after reporting that there is none.

        `value` is what the variant puts there.
        """
        parent = self.parent(path)
        return self._step(parent, path, path.text.count("."), value) if parent else None

    def parent(self, path: Scalar) -> Place | None:
        """Return what holds the last part of a path, or None after reporting that there is none."""
        names = path.text.split(".")
        if names[0] not in SECTIONS or len(names) < 2 or len(names) > 64:
            message = f"`{path.text[:80]}` is not the path of a part"
            if 1 < len(names) <= 64 and (section := self._section_meant(*names[:2])):
                meant = ".".join([section, *names[1:]])
                help: str = writing(path.span, meant)
                self._sink.error(Code.NO_TARGET, message, name_in(path, 0).span, help=help)
                return None
            help = self._path_meant(path, names) or _EXAMPLES
            self._sink.error(Code.NO_TARGET, message, path.span, help=help)
            return None
        place: Place | None = self._whole
        for index in range(len(names) - 1):
            place = self._step(place, path, index) if place else None
        return place

    def _section_meant(self, name: str, rest: str) -> str:
        """Return the section that a name misspells, or that has what it is to hold."""
        if name in _CURES or name in SECTIONS or self._owners(name):
            return ""
        return "".join(nearest(name, SECTIONS) or self._owners(rest)[:1])

    def _owners(self, name: str) -> list[str]:
        """Return the sections that have a part of this name."""
        return [section for section, at in self._whole.parts.items() if name in at.parts]

    def _path_meant(self, path: Scalar, names: list[str]) -> str:
        """Say how to reach what a path outside the layers is about."""
        first = names[0]
        if len(names) <= 64 and (owners := self._owners(first)):
            meant = ".".join([owners[0], *names])
            return writing(path.span, meant)
        if len(names) == 1 and (section := self._whole.parts.get(first)):
            known = next(iter(section.parts), "conv1")
            return f"name what is meant, for example `{first}.{known}`"
        if first in _CURES:
            return _CURES[first]
        return suggest(first, SECTIONS, path.span)

    def _step(
        self, parent: Place, path: Scalar, index: int, value: Tree | None = None
    ) -> Place | None:
        """Return the part of `parent` that is the name of a path at an index."""
        names = path.text.split(".")
        name = names[index]
        if place := parent.parts.get(name):
            return place
        above = ".".join(names[:index])
        span = name_in(path, index).span
        help = suggest(name, parent.parts, span)
        help = help or self._instead(parent, above, names[index:], value)
        message = f"`{above or 'the extended spec'}` has no `{name[:64]}` to patch"
        self._sink.error(Code.NO_TARGET, message, span, help=help)
        return None

    def _instead(self, parent: Place, above: str, rest: list[str], value: Tree | None) -> str:
        """Say how to change a part that has no path of its own."""
        name = rest[0]
        if name in ("chain", "parallel") and len(rest) > 1:
            return f"leave `{name}` out: `{above}.{'.'.join(rest[1:])}`"
        if parent.form == "block" and name in SignatureKeys.kinds():
            return f"`insert: {{{above}.{name}: …}}` adds it"
        if parent.parts and name in BlockKeys.kinds():
            return f"a block changes as a whole: `change: {{{above}: …}}`"
        if parent.parts:
            return "it has: " + ", ".join(f"`{name}`" for name in list(parent.parts)[:12])
        blocks = self._whole.parts["blocks"].parts if "blocks" in self._whole.parts else {}
        layer = parent.tree
        words = [layer] if isinstance(layer, Scalar) else [key for key, _ in entries(layer)]
        used = next((word.text for word in words if word.text in blocks), "")
        if used and name in blocks[used].parts:
            return f"write `blocks.{used}.{name}`, which changes every use of `{used}`"
        text = _with(layer, name, value)
        return f"a layer changes as a whole: `change: {{{above}: {text}}}`" if text else ""


def name_in(path: Scalar, index: int) -> Scalar:
    """Return one name of a path with its own place."""
    names = path.text.split(".")
    index %= len(names)
    start = path.span.start + path.quoted + len(".".join([*names[:index], ""]))
    return Scalar(names[index], Span(path.span.source, start, start + len(names[index])))


def _with(layer: Tree, name: str, value: Tree | None) -> str:
    """Write a layer on one line with another value of a key, or without it if there is none."""
    texts = {key.text: item.span.text for key, item in entries(layer) if key.text != "shape"}
    if isinstance(layer, Scalar):
        texts = {layer.text: "[]"}
    if value is None:
        texts.pop(name, None)
    else:
        texts[name] = value.span.text
    text = ", ".join(f"{key}: {item}" for key, item in texts.items())
    return f"{{{text}}}" if len(text) <= _MAX_SHOWN and "\n" not in text else ""


_MAX_SHOWN = 120
_EXAMPLES = "for example graph.conv1, blocks.Inception.conv5x5 or outputs.aux1"
_REPLACED = "a variant replaces it with a section `{0}:` of its own"
_CURES = {
    k: _REPLACED.format(k) for k, kind in VariantKeys.kinds().items() if isinstance(kind, Replaced)
}
"""What a variant changes in another way than by a path."""


def parts(tree: Tree, form: Form) -> Places:
    """Return the named parts of a tree; layers of all branches are parts of their body."""
    match tree:
        case _ if form == "value":
            return {}
        case Mapping() if form == "body":
            return _of_body(tree)
        case Mapping() if form == "block":
            return _of_signature(tree) | _of_body(tree)
        case Mapping():
            found = [(i, key.text, value) for i, (key, value) in enumerate(tree.items)]
            if form == "spec":
                return {k: Place(tree, i, v, SECTIONS[k]) for i, k, v in found if k in SECTIONS}
            return {key: Place(tree, i, v, _BELOW.get(form, "body")) for i, key, v in found}
        case Sequence() if form in ("chain", "body"):
            return {str(i): Place(tree, i, item, "body") for i, item in enumerate(tree.items)}
    return {}


def _of_signature(tree: Mapping) -> Places:
    """Return what a block says of its uses; a layer of such a name goes before it."""
    found = enumerate(tree.items)
    keys = SignatureKeys.kinds()
    return {key.text: Place(tree, i, x, "value") for i, (key, x) in found if key.text in keys}


def _of_body(tree: Mapping) -> Places:
    if chain := tree.get("chain"):
        return parts(chain, "chain")
    places: Places = {}
    if isinstance(branches := tree.get("parallel"), Sequence):
        for i, branch in enumerate(branches.items):
            inside = parts(branch, "chain")
            if isinstance(branch, Sequence):  # its layers have no names, but it has a number
                inside = {str(i): Place(branches, i, branch, "chain")}
            places |= {name: place for name, place in inside.items() if name not in places}
    return places
