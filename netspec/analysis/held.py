"""Shapes → what training holds from the forward pass to the backward pass, in bytes.

That is what PyTorch's operators save: each storage once, however many save it or see a part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.analysis.shapes import Shapes
from netspec.analysis.types import held_by
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import INTEGER, REAL, product
from netspec.ops.held import Kept, Laid, Precision, contiguous, dense, widest

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""How many bytes an element of each type takes."""
WIDTHS = {**BYTES, INTEGER: 8}
LOW = "bfloat16"
"""The type to which autocast casts what multiplies matrices."""


class Feed(NamedTuple):
    """What a network is given: how many images, and of which type it and they are.

    With `amp` it is of float32, and runs under `torch.autocast` with bfloat16.
    """

    batch: int = 1
    dtype: str = REAL
    amp: bool = False

    @property
    def params(self) -> str:
        """The type of the parameters."""
        return REAL if self.amp else self.dtype


class _Case(NamedTuple):
    """An op on tensors: what it gives, whether as a view, what it keeps, and of which casts."""

    output: Laid
    is_view: bool
    kept: Kept
    casts: Sequence[int | None]
    weights: Sequence[tuple[str, int]]


@dataclass(slots=True)
class _Walk:
    """What is held behind the nodes so far; `owners` are the tensors in whose memory others lie."""

    graph: Graph
    shapes: Shapes
    feed: Feed
    types: Mapping[NodeId, str]
    tensors: dict[NodeId, Laid] = field(default_factory=dict)
    owners: dict[NodeId, NodeId] = field(default_factory=dict)
    held: Counter[NodeId] = field(default_factory=Counter)
    done: set[object] = field(default_factory=set)
    cases: dict[tuple[object, ...], _Case] = field(default_factory=dict)

    def start(self) -> None:
        """Take in the inputs."""
        for id, shape in self.graph.inputs.items():
            sizes = (self.feed.batch, *shape)
            type = INTEGER if self.types[id] == INTEGER else self.feed.params
            self.tensors[id] = Laid(sizes, contiguous(sizes), type, False)
            self.owners[id] = id

    def step(self, node: Node) -> None:
        """Add what one node keeps."""
        id, case = node.id, self._case(node)
        self.tensors[id] = case.output
        self.owners[id] = self.owners[node.inputs[0]] if case.is_view else id
        if not node.inputs:
            self.done.add(id)  # a weight, which is no activation
        if not case.output.learns:
            return
        for place in case.kept.inputs:
            size = case.casts[place]
            if size is None:
                self._keep(self.owners[node.inputs[place]])
            else:
                self.held[id] += size
        if case.kept.output:
            self._keep(self.owners[id])
        self.held[id] += sum(made.elements * WIDTHS[made.type] for made in case.kept.made)
        for name, size in case.weights:
            if (node.owner, name) not in self.done:
                self.done.add((node.owner, name))
                self.held[id] += size

    def _keep(self, owner: NodeId) -> None:
        """Count a storage, once."""
        if owner not in self.done:
            self.done.add(owner)
            tensor = self.tensors[owner]
            self.held[owner] += tensor.elements * WIDTHS[tensor.type]

    def _case(self, node: Node) -> _Case:
        """Return what a node does; most do what one before them did."""
        inputs = [self.tensors[source] for source in node.inputs]
        key = (id(node.op), *inputs)
        if key not in self.cases:
            self.cases[key] = self._new_case(node, inputs)
        return self.cases[key]

    def _new_case(self, node: Node, inputs: Sequence[Laid]) -> _Case:
        op, params = node.op, self.feed.params
        weights = op.weights(*(x.sizes[1:] for x in inputs))
        read = [self._cast(op.precision, x) for x in inputs]
        kept = op.kept(params, *read)
        sizes = (max((x.sizes[0] for x in read), default=1), *self.shapes[node.id])
        strides = op.strides(sizes, *read)
        type = kept.type or widest([x.type for x in read if x.type != INTEGER] or [params])
        type = INTEGER if self.types[node.id] == INTEGER else type
        learns = bool(weights) or any(x.learns for x in inputs)
        output = Laid(sizes, strides or contiguous(sizes), type, learns)
        casts = [
            None if new is old else new.elements * WIDTHS[new.type]
            for new, old in zip(read, inputs, strict=True)
        ]
        is_cast = self.feed.amp and op.precision is Precision.LOW
        names = kept.weights if is_cast else ()
        copies = [(name, WIDTHS[LOW] * int(product(weights[name]))) for name in names]
        is_view = bool(inputs) and op.shares(training=True) and strides is not None
        return _Case(output, is_view, kept, casts, copies)

    def _cast(self, precision: Precision, x: Laid) -> Laid:
        """Return what autocast makes of an input, the input itself where it leaves it alone."""
        wanted = {Precision.LOW: LOW, Precision.FULL: REAL}.get(precision, x.type)
        if not self.feed.amp or INTEGER in (x.type, wanted) or x.type == wanted:
            return x
        return Laid(x.sizes, dense(x), wanted, x.learns)


def held_for_backward(graph: Graph, shapes: Shapes, feed: Feed) -> Mapping[NodeId, int]:
    """Return the bytes kept of each input and node: of its output, and of what it makes."""
    walk = _Walk(graph, shapes, feed, held_by(graph))
    walk.start()
    for node in graph.nodes.values():
        walk.step(node)
    return walk.held
