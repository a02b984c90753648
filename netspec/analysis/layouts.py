"""Shapes → how every tensor lies in memory, in whose storage it stands, and what each op keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.analysis.shapes import Shapes
from netspec.analysis.types import held_by
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import INTEGER, REAL, Op, product
from netspec.ops.held import BYTES, NOTHING, Kept, Laid, Made, Precision, contiguous, dense, widest

WIDTHS = {**BYTES, INTEGER: 8}
"""How many bytes an element takes, of integers too."""
LOW = "bfloat16"
"""The type to which autocast casts what multiplies matrices."""


def bytes_of(tensor: Laid | Made) -> int:
    """Return how many bytes a tensor takes."""
    return tensor.elements * WIDTHS[tensor.type]


class Feed(NamedTuple):
    """What a network is given: how many images, and of which type they and it are.

    With `amp` both are of float32, and training runs under `torch.autocast` with bfloat16.
    """

    batch: int = 1
    dtype: str = REAL
    amp: bool = False

    @classmethod
    def checked(cls, batch: int, dtype: str, amp: bool) -> Feed:
        """Return a feed. Raises ValueError for what cannot be counted."""
        if dtype not in BYTES or batch < 1 or batch != int(batch):
            known = ", ".join(BYTES)
            raise ValueError(f"expected a batch of 1 or more of {known}; found {batch} of {dtype}")
        if amp and dtype != REAL:
            raise ValueError(f"autocast trains parameters of {REAL}, found {dtype}")
        return cls(batch, dtype, amp)

    @property
    def params(self) -> str:
        """The type of the parameters."""
        return REAL if self.amp else self.dtype


ONE_IMAGE = Feed()


class Case(NamedTuple):
    """An op on tensors: what it gives, whether as a view, and what it keeps or makes beside that.

    `casts` are the bytes of the copies that autocast makes of inputs, None where it makes none,
    `weights` those of its copies of weights. `transient` are bytes that only inference counts.
    """

    output: Laid
    is_view: bool
    kept: Kept
    casts: Sequence[int | None]
    weights: Sequence[tuple[str, int]]
    transient: int


@dataclass(slots=True)
class Layouts:
    """The tensors of inputs and nodes; `owners` are those in whose memory they stand."""

    feed: Feed
    training: bool
    tensors: dict[NodeId, Laid] = field(default_factory=dict)
    owners: dict[NodeId, NodeId] = field(default_factory=dict)
    cases: dict[NodeId, Case] = field(default_factory=dict)
    _known: dict[tuple[object, ...], Case] = field(default_factory=dict)

    def size(self, id: NodeId) -> int:
        """Return the bytes of a tensor."""
        return bytes_of(self.tensors[id])

    def add(self, node: Node, shape: tuple[int, ...], holds: str) -> None:
        """Add the output of a node; most nodes do what one before them did."""
        inputs = [self.tensors[source] for source in node.inputs]
        key = (id(node.op), *inputs)
        if key not in self._known:
            self._known[key] = self._case(node, inputs, shape, holds)
        case = self.cases[node.id] = self._known[key]
        self.tensors[node.id] = case.output
        self.owners[node.id] = self.owners[node.inputs[0]] if case.is_view else node.id

    def _case(self, node: Node, inputs: Sequence[Laid], shape: tuple[int, ...], holds: str) -> Case:
        op, params = node.op, self.feed.params
        read = [self._cast(op.precision, x) for x in inputs]
        kept = op.kept(params, *read) if self.training else NOTHING
        sizes = (max((x.sizes[0] for x in read), default=1), *shape)
        strides = op.strides(sizes, *read)
        reals = [x.type for x in read if x.type != INTEGER]
        type = INTEGER if holds == INTEGER else kept.type or widest(reals or [params])
        is_view = bool(inputs) and strides is not None and op.shares(self.training)
        made = () if self.training or is_view else op.transient(*inputs)
        return Case(
            Laid(sizes, strides or contiguous(sizes), type, _learns(op, inputs)),
            is_view,
            kept,
            [None if x is old else bytes_of(x) for x, old in zip(read, inputs, strict=True)],
            self._cast_weights(op, kept, inputs),
            sum(map(bytes_of, made)),
        )

    def _cast_weights(
        self, op: Op, kept: Kept, inputs: Sequence[Laid]
    ) -> Sequence[tuple[str, int]]:
        """Return the weights of which backward keeps a cast copy, and its bytes."""
        if not self.feed.amp or op.precision is not Precision.LOW:
            return ()
        weights = op.weights(*(x.sizes[1:] for x in inputs))
        return [(name, WIDTHS[LOW] * int(product(weights[name]))) for name in kept.weights]

    def _cast(self, precision: Precision, x: Laid) -> Laid:
        """Return what autocast makes of an input, the input itself where it leaves it alone."""
        if not self.feed.amp or precision is Precision.GIVEN:
            return x
        wanted = LOW if precision is Precision.LOW else REAL
        if x.type in (INTEGER, wanted):
            return x
        return Laid(x.sizes, dense(x), wanted, x.learns)


def _learns(op: Op, inputs: Sequence[Laid]) -> bool:
    """Tell whether an op's output has a gradient."""
    shapes = [x.sizes[1:] for x in inputs]
    computed = inputs[: op.computed_from(*shapes)]
    return any(x.learns for x in computed) or bool(op.weights(*shapes))


def lay_out(
    graph: Graph, shapes: Shapes, nodes: Iterable[Node], feed: Feed, training: bool
) -> Layouts:
    """Return the tensors of the inputs and of some nodes, in training or in inference."""
    layouts, holds = Layouts(feed, training), held_by(graph)
    for id, shape in graph.inputs.items():
        sizes = (feed.batch, *shape)
        type = INTEGER if holds[id] == INTEGER else feed.params
        layouts.tensors[id] = Laid(sizes, contiguous(sizes), type, False)
        layouts.owners[id] = id
    for node in nodes:
        layouts.add(node, shapes[node.id], holds[node.id])
    return layouts
