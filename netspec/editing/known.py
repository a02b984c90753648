"""The names that a text and what it extends have at a cursor: layers, parameters, blocks, paths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from netspec import limits
from netspec.editing.accepted import parameters
from netspec.editing.cursor import MARK, Cursor, Step, trail_to
from netspec.editing.peers import series
from netspec.editing.whole import base_of, whole_of
from netspec.editing.workspace import Document
from netspec.language.fmt.order import operator
from netspec.language.grammar import SignatureKeys, TensorKeys
from netspec.language.model import INPUT
from netspec.language.names import is_block_name, widths
from netspec.language.terms import INDEX
from netspec.language.variant.places import SECTIONS, Places, parts
from netspec.ops.base import REGISTRY
from netspec.ops.extern import measures
from netspec.ops.fillers import FILLERS
from netspec.ops.split import Cut
from netspec.text.diagnostics import Span, escape
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries


class Name(NamedTuple):
    """A name, in a few words what it stands for, and where a layer has it."""

    text: str
    what: str = ""
    span: Span | None = None


class Known:
    """What has a name where a cursor stands."""

    def __init__(self, document: Document, cursor: Cursor) -> None:
        self.document, self.cursor = document, cursor
        self.base = base_of(document, cursor.tree)
        self.whole = whole_of(cursor, self.base)
        trail = trail_to(self.whole, cursor.mark) if self.base else None
        self.trail = trail or cursor.trail
        """The way to the cursor in the whole spec, of which a variant's text is a part."""

    @cached_property
    def blocks(self) -> dict[str, Tree]:
        """The blocks and externs of the whole spec."""
        sections = (*self._section("blocks"), *self._section("externs"))
        return {key.text: value for key, value in sections if is_block_name(key.text)}

    @property
    def callable(self) -> dict[str, Tree]:
        """The blocks and externs that a layer at the cursor can use: all but the one around it."""
        around = [step.key for step in self.trail[:2]]
        return {name: tree for name, tree in self.blocks.items() if around != ["blocks", name]}

    @property
    def rank(self) -> int | None:
        """The number of dimensions of the first input."""
        shapes = (value for _, value in self._section("inputs"))
        return next((len(shape.items) for shape in shapes if isinstance(shape, Sequence)), None)

    def _section(self, name: str) -> tuple[tuple[Scalar, Tree], ...]:
        return entries(self.whole.get(name))

    def _values(self, name: str) -> Iterator[Name]:
        for key, value in self._section(name):
            yield Name(key.text, _line(value))

    # -------------------------------------------------------------- parameters

    def dollars(self) -> list[Name]:
        """Return the parameters and widths that an expression may use."""
        keys = [step.key for step in self.trail]
        if keys[0] == "init" or any(pair in _FILLED for pair in pairwise(keys)):
            return []
        keys = keys[:2]
        block = self.blocks.get(keys[-1]) if keys[0] in ("blocks", "externs") else None
        found = [*self._copies()]
        if isinstance(block, Mapping):
            found += [Name(name, value) for name, value in parameters(block).items()]
            inputs = tuple(_words(block.get("inputs")))
            named = measures(inputs) if keys[0] == "externs" else widths(inputs)
            found += [Name(name, "a size of the input") for name in named]
        if keys[0] != "externs":
            found += self._values("params")
        return [*{name.text: name for name in reversed(found)}.values()][::-1]

    def _copies(self) -> Iterator[Name]:
        """Yield the number of a copy where an argument of copies stands."""
        for step in self.trail[-3:]:
            node = step.node
            if isinstance(node, Mapping) and (node.find("repeat") or node.find("splice")):
                yield Name(INDEX, "the number of the copy")

    def values(self) -> list[Name]:
        """Return the parameters that a variant can give other values."""
        return [Name(k.text, _line(v)) for k, v in entries(self.base and self.base.get("params"))]

    # -------------------------------------------------------------- layers

    def layers(self) -> list[Name]:
        """Return what can be read at the cursor, the nearest lines above first."""
        keys = [step.key for step in self.trail]
        for index in range(len(keys) - 1, 0, -1):
            if keys[index] in ("from", "share"):
                inputs = [] if keys[index] == "share" else [*self._inputs(keys[: index - 1])]
                return self._peers(self.trail[index - 1], inputs)
        if keys[0] == "outputs":
            near = [*self._lines(self.whole.get("graph"))][::-1]
            return [*near, *self._values("inputs")]
        block = self.blocks.get(keys[1]) if keys[2:3] == ["outputs"] else None
        return [*self._lines(block.get("chain"))] if isinstance(block, Mapping) else []

    def _inputs(self, keys: list[str]) -> Iterator[Name]:
        """Yield the inputs that a chain can read which stands at some keys."""
        if keys in (["graph"], ["outputs"]):
            yield from self._values("inputs")
            return
        is_body = keys[0] == "blocks" and keys[2:] in (["chain"], ["parallel", ""])
        block = self.blocks.get(keys[1]) if is_body else None
        names = _words(block.get("inputs")) if isinstance(block, Mapping) else []
        yield from (Name(name, "an input of the block") for name in names or [INPUT])

    def _peers(self, step: Step, inputs: list[Name]) -> list[Name]:
        """Return the layers of the chain in which a layer stands, and its inputs."""
        lines = step.node.items if isinstance(step.node, Mapping) else ()
        above, below = lines[: step.at], lines[step.at + 1 :]
        if self.trail[0].key == "outputs":  # of these, heads are layers
            above = (*entries(self.whole.get("graph")), *filter(_is_head, above))
            below = tuple(filter(_is_head, below))
        near = [name for entry in reversed(above) for name in self._line(*entry)]
        return [*near, *inputs, *(name for entry in below for name in self._line(*entry))]

    def _lines(self, chain: Tree | None) -> Iterator[Name]:
        for key, value in entries(chain):
            yield from self._line(key, value)

    def _line(self, key: Scalar, layer: Tree) -> Iterator[Name]:
        """Yield what a line of a chain can be read as: a layer, copies, and several outputs."""
        what = _line(layer)
        copies = layer.get("copies") if isinstance(layer, Mapping) else None
        count = layer.get("splice") if isinstance(layer, Mapping) else None
        if isinstance(copies, Scalar) and isinstance(count, Scalar) and type(count.value) is int:
            yield from (Name(name, what, key.span) for name in series(copies.text, count.value))
        else:
            yield Name(key.text, what, key.span)
        yield from (Name(f"{key.text}.{port}", what, key.span) for port in self._outputs(layer))

    def shape(self, name: Span) -> str:
        """Return what a layer gave when the text was compiled last, nothing for a new one."""
        facts, word = self.document.facts, self.cursor.word
        was: Span | None = name
        if name.source is self.cursor.mark.span.source:
            shift = len(MARK) - (word.end - word.start) if name.start > word.start else 0
            was = self.document.was(Span(word.source, name.start - shift, name.end - shift))
        uses = facts.uses.get(was) if facts and was else None
        return facts.shape(uses) if facts and uses else ""

    def _outputs(self, layer: Tree) -> list[str]:
        """Return what several outputs of a layer are called."""
        word = layer.text if isinstance(layer, Scalar) else ""
        if isinstance(layer, Mapping):
            word = operator(layer, self.blocks) or ""
        block, cls = self.blocks.get(word), REGISTRY.get(word)
        if isinstance(block, Mapping):
            return _words(block.get("outputs"))
        if isinstance(layer, Mapping) and cls and issubclass(cls, Cut):
            return _words(layer.get("names")) or [*map(str, range(_pieces(layer.get(word))))]
        return []

    # -------------------------------------------------------------- paths

    def paths(self, is_new: bool) -> Iterator[Name]:
        """Yield the paths of parts of the extended spec, or what the path of a new part opens."""
        if is_new:
            yield from (Name(f"{section}.") for section in SECTIONS)
        inner = parts(self.base, "spec") if self.base else {}
        for section, place in inner.items():
            if is_new or section != "params":
                yield from _paths(place.parts, f"{section}.", is_new)

    def anchors(self) -> Iterator[Name]:
        """Yield the layers beside which a variant can put one: those at the path's own level."""
        above = self.cursor.trail[1].key.rpartition(".")[0]
        inner = parts(self.base, "spec") if self.base else {}
        for name in above.split("."):
            inner = inner[name].parts if name in inner else {}
        for name, place in inner.items():
            if place.form == "body":
                yield Name(name, _line(place.tree))
        for key, value in entries(self.cursor.trail[1].node):
            path, _, other = key.text.rpartition(".")
            if path == above and key.text != self.cursor.trail[1].key:
                yield Name(other, _line(value))


_FILLED = {("init", key) for key in (*TensorKeys.kinds(), *FILLERS)}
"""What stands in a layer's `init`, whose functions take numbers; no op has such a name."""


def _paths(inner: Places, above: str, is_new: bool) -> Iterator[Name]:
    for name, place in inner.items():
        path = f"{above}{name}"
        if not is_new:
            yield Name(path, _line(place.tree))
        elif place.parts:
            yield Name(f"{path}.")
        if is_new and place.form == "block":
            keys = (key for key in SignatureKeys.kinds() if key not in place.parts)
            yield from (Name(f"{path}.{key}") for key in keys)
        yield from _paths(place.parts, f"{path}.", is_new)


def _is_head(entry: tuple[Scalar, Tree]) -> bool:
    return isinstance(entry[1], Mapping)


def _words(tree: Tree | None) -> list[str]:
    items = tree.items if isinstance(tree, Sequence) else ()
    return [item.text for item in items if isinstance(item, Scalar)]


def _pieces(argument: Tree | None) -> int:
    """Return how many pieces `chunk: 3` and `split: [[16, 48]]` make."""
    first = argument.items[0] if isinstance(argument, Sequence) and argument.items else argument
    if isinstance(first, Sequence):
        return len(first.items)
    count = first.value if isinstance(first, Scalar) else 0
    return min(count, limits.PIECES) if isinstance(count, int) else 0


def _line(tree: Tree) -> str:
    """Return the first line of what stands at a name."""
    return escape(tree.span.text.partition("\n")[0][:_SHOWN])


_SHOWN = 80
