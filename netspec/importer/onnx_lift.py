"""ONNX nodes → drafts of steps, on tensors whose shapes leave out the batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from netspec.importer.lifting import Held, NoCounterpart, given_by, registering, tried
from netspec.importer.onnx_file import Branch, Graph, Node
from netspec.importer.onnx_numbers import NotComputed, computed
from netspec.importer.refusal import Unliftable
from netspec.language.terms import Value
from netspec.ops.base import REGISTRY
from netspec.ops.split import Cut
from netspec.ops.window import times

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

ANY_BATCH = 1_000_003
"""Stands for a batch of any size in numbers that are computed; nobody's sizes are its multiples."""


class Weight(NamedTuple):
    """An array that a step has, as PyTorch lays it out, and what the file calls it."""

    name: str
    array: Array


class View(NamedTuple):
    """A tensor whose dimensions ONNX has in another order, with the batch among them.

    For each of ONNX's dimensions `dims` has the axes that it is made of, the outermost first: 0 is
    the batch, and 1 the first of the sizes of what is held, which has the batch before them.
    """

    held: Held
    dims: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A step before it has its name."""

    node: Node
    op: str
    arguments: Mapping[str, Value]
    reads: tuple[Held, ...]
    weights: Mapping[str, Weight]


Lift = Callable[["Lifter", Node], Any]
LIFTS: dict[str, Lift] = {}
lifts = registering(LIFTS)
"""Registers what lifts nodes of some ops: a value, or a list with one for each output."""
VIEWED: dict[str, Lift] = {}
"""What lifts nodes that read a View."""


@dataclass(slots=True)
class Lifter:
    """Lifts the nodes of a graph one after the other; `drafts` and `missing` grow."""

    graph: Graph
    inputs: Mapping[str, tuple[int, ...]]
    """The shapes of the inputs without the batch."""
    batch: int
    drafts: list[Draft] = field(default_factory=list)
    missing: list[Unliftable] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Lift all nodes; what is behind one that cannot be lifted is left out."""
        self.held.update(self.graph.arrays)
        for number, (name, sizes) in enumerate(self.inputs.items()):
            self.held[name] = Held(-1 - number, "", sizes, 0)
        self._count(self.graph.nodes)
        self.uses.update(self.graph.outputs)
        self._lift_all(self.graph.nodes)

    def _count(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.uses.update(node.inputs)
            for value in node.attributes.values():
                if isinstance(value, Branch):
                    self._count(value.nodes)

    def _lift_all(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if all(name in self.held for name in node.inputs if name):
                self._lift(node)

    def _lift(self, node: Node) -> None:
        try:
            found = self._found(node)
        except NoCounterpart as error:
            self._miss(node, str(error))
            return
        values = found if isinstance(found, list) else [found]
        for name, value in zip(node.outputs, values, strict=False):
            if name:
                self.held[name] = value
                self._agree(node, name, value)

    def _found(self, node: Node) -> Any:
        if node.op in _OWN:
            return self._refusing(node, _OWN[node.op])
        given = [self.held.get(name) for name in node.inputs]
        if any(isinstance(value, View) for value in given):
            if node.op not in VIEWED:
                raise NoCounterpart("the batch in another place than first:")
            return self._refusing(node, VIEWED[node.op])
        if not any(isinstance(value, Held) for value in given):
            try:
                return computed(node, given)
            except NotComputed:
                if node.op != "Expand":  # a tensor for each image
                    raise NoCounterpart("numbers that netspec does not compute:") from None
        return self._refusing(node, LIFTS.get(node.op))

    def _refusing(self, node: Node, lift: Lift | None) -> Any:
        """Lift a node. Raises NoCounterpart whatever is wrong with it."""
        if lift is None:
            raise NoCounterpart("")
        try:
            return lift(self, node)
        except ValidationError as error:
            first = error.errors()[0]
            raise NoCounterpart(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}") from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise NoCounterpart("its arguments fit no") from None

    def _branch(self, node: Node) -> list[Any]:
        """Lift what a node does whose condition is known."""
        condition = self.numbers(node, 0)
        branch = node.attributes["then_branch" if condition.all() else "else_branch"]
        self.held.update(branch.arrays)
        self._lift_all(branch.nodes)
        return [self.held[name] for name in branch.outputs if name in self.held]

    def _shape(self, node: Node) -> Array:
        import numpy as np

        value = self.held[node.inputs[0]]
        sizes = self.dims(value) if isinstance(value, Held | View) else value.shape
        start, end = node.attributes.get("start", 0), node.attributes.get("end")
        return np.asarray(sizes[start:end], "int64")

    def _agree(self, node: Node, name: str, value: Any) -> None:
        """Refuse a node to which ONNX gives another shape."""
        if not isinstance(value, Held | View) or name not in self.graph.shapes:
            return
        wanted, found = self.graph.shapes[name], self.dims(value)
        # What is a multiple of any batch is open in the file too.
        pairs = [pair for pair in zip(found, wanted, strict=False) if pair[0] % ANY_BATCH]
        if len(wanted) != len(found) or any(b not in (None, a) for a, b in pairs):
            del self.held[name]
            told = f"{times(found[1:])} where ONNX has {times(tuple(x or 0 for x in wanted[1:]))}"
            self._miss(node, f"it would give {told}:")

    def _miss(self, node: Node, text: str) -> None:
        """Note a node that cannot be lifted: why, and behind a colon the op that comes nearest."""
        from netspec.text.diagnostics import likely

        reason, _, words = text.rpartition(":")
        words = words.strip() or next(iter(likely(_snake(node.op), REGISTRY)), "")
        nearest = " but ".join(filter(None, (words, reason and f"this is {reason}")))
        path = (node.name or f"the node of {', '.join(node.outputs[:1])}",)
        self.missing.append(Unliftable(node.op, path, self.graph.file, nearest))

    # ------------------------------------------------------------ values

    def dims(self, x: Held | View) -> tuple[int, ...]:
        """Return a tensor's sizes as ONNX has them, with the batch."""
        if isinstance(x, View):
            sizes = (self.batch, *x.held.sizes)
            return tuple(math.prod(sizes[axis] for axis in dim) for dim in x.dims)
        if not x.has_batch:
            return x.sizes if x.shift else (1, *x.sizes)
        if x.shift:
            return (self.batch * x.sizes[0], *x.sizes[1:])
        return (self.batch, *x.sizes)

    def value(self, node: Node, place: int) -> Any:
        """Return what a node reads at a place, None for nothing."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        return self.held[name] if name else None

    def tensor(self, node: Node, place: int = 0) -> Held:
        """Return a tensor that a node reads, as a layer."""
        value = self.value(node, place)
        if not isinstance(value, Held):
            raise NoCounterpart("an array in the place of a layer:")
        return value

    def array(self, node: Node, place: int) -> Array | None:
        """Return numbers that a node reads, None for nothing."""
        value: Array | Held | View | None = self.value(node, place)
        if isinstance(value, Held | View):
            raise NoCounterpart("numbers that only running it gives:")
        return value

    def numbers(self, node: Node, place: int) -> Array:
        """Return numbers that a node must read."""
        array = self.array(node, place)
        if array is None:
            raise NoCounterpart("no numbers where there must be some:")
        return array

    def needed(self, node: Node, place: int) -> Weight:
        """Return a weight that a node must read."""
        return Weight(node.inputs[place], self.numbers(node, place))

    def weight(self, node: Node, place: int) -> Weight | None:
        """Return a weight that a node reads, None for nothing."""
        array = self.array(node, place)
        return None if array is None else Weight(node.inputs[place], array)

    # ------------------------------------------------------------- steps

    def emit(
        self,
        node: Node,
        op: str,
        arguments: Mapping[str, Any],
        reads: Sequence[Held],
        weights: Mapping[str, Weight | None] | None = None,
    ) -> Held:
        """Add a step; return what it gives. Raises NoCounterpart for what netspec refuses."""
        given, sizes, problem = tried(op, arguments, reads)
        if problem:
            raise NoCounterpart(f"{problem}: {op}")
        held = {key: weight for key, weight in (weights or {}).items() if weight is not None}
        self.drafts.append(Draft(node, op, given, tuple(reads), held))
        return given_by(len(self.drafts) - 1, sizes, reads)

    def pieces(self, node: Node, op: str, arguments: Mapping[str, Any], x: Held) -> list[Held]:
        """Add a step that cuts; return what it gives."""
        held = self.emit(node, op, arguments, [x])
        made = REGISTRY[op].model_validate(self.drafts[held.draft].arguments)
        assert isinstance(made, Cut)
        ports = enumerate(made.called())
        return [held._replace(port=port, sizes=made.piece(i, x.sizes)) for i, port in ports]  # type: ignore[arg-type]

    def maker(self, value: Any) -> Draft | None:
        """Return the draft that gives a value, None for an input and for numbers."""
        is_made = isinstance(value, Held) and value.draft >= 0
        return self.drafts[value.draft] if is_made else None


def _snake(name: str) -> str:
    text = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    return text.lstrip("_").replace("_pool", "_pool2d")


_OWN: dict[str, Lift] = {"Shape": Lifter._shape, "If": Lifter._branch}
"""What is no layer, whatever it reads."""
