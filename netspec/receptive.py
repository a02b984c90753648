"""Graph → receptive fields: which part of the input an element of each feature map sees.

Exact for convolutions, pools (dilated and padded ones too), global ops and joins. Where a layer's
windows differ in size or place (adaptive pools that do not divide, transposed convolutions,
resizing), the size is that of its largest window and the place that of its first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from netspec.graph import Graph, Node, NodeId, Sizes
from netspec.ops.base import Op
from netspec.ops.window import every, extent
from netspec.shapes import Shapes

Number = int | Fraction


@dataclass(frozen=True, slots=True)
class Field:
    """What a feature map sees of one axis of an input, in the input's pixels.

    Element i sees `low + i * stride` to `high + i * stride`, both included, for i in 0 … count - 1;
    what lies outside of 0 … size - 1 is padding. `least` is the extent along the narrowest branch.
    An element of a `whole` field sees `low` to `high` wherever it stands.
    """

    size: int
    low: Number = 0
    high: Number = 0
    stride: Number = 1
    count: int = 1
    least: Number = 1
    whole: bool = False

    @property
    def extent(self) -> Number:
        """How many pixels an element sees from its first to its last."""
        return self.high - self.low + 1

    @property
    def offset(self) -> Fraction:
        """Where the first element's field has its centre, from the centre of the first pixel."""
        return Fraction(self.low + self.high) / 2

    @property
    def covers(self) -> bool:
        """Whether every element sees the whole input."""
        return self.whole and self.extent >= self.size


Fields = Mapping[NodeId, tuple[Field, ...]]
"""A field for each spatial axis of the input; empty for a node that does not see it."""


class _Step(NamedTuple):
    """How one axis of an output reads the same axis of the input, in the input's elements."""

    kernel: int = 1
    stride: Number = 1
    before: Number = 0


def see(graph: Graph, shapes: Shapes, source: NodeId | None = None) -> Fields:
    """Return each node's receptive field on one of the network's inputs, the first by default."""
    source = source or next(iter(graph.inputs))
    fields: dict[NodeId, tuple[Field, ...]] = dict.fromkeys(graph.inputs, ())
    fields[source] = tuple(Field(size, count=size) for size in graph.inputs[source][1:])
    aligned = {key: key == source for key in graph.inputs}
    for node in graph.nodes.values():
        seen = [key for key in node.inputs if fields[key]]
        fields[node.id], aligned[node.id] = (), False
        if seen:
            straight = all(aligned[key] for key in seen)
            fields[node.id], aligned[node.id] = _through(
                node, [fields[key] for key in seen], shapes, straight
            )
    return fields


def _through(
    node: Node, fields: list[tuple[Field, ...]], shapes: Shapes, aligned: bool
) -> tuple[tuple[Field, ...], bool]:
    """Return a node's fields, and whether its axes are still the input's."""
    x, y = shapes[node.inputs[0]], shapes[node.id]
    if len(node.inputs) > 1:
        return _join(fields, y, aligned), aligned
    if _only_moves(node.op, x, y):
        return fields[0], aligned and x == y
    steps = _steps(node.op, x, y) if aligned else None
    if steps is None and _is_pointwise(node.op, x):
        return fields[0], aligned
    if steps is None:
        return tuple(_spread(field) for field in fields[0]), False
    return tuple(map(_advance, fields[0], steps, y[1:])), True


def _only_moves(op: Op, x: Sizes, y: Sizes) -> bool:
    return op.style == "reshape" and op.op_name != "pad" and not op.op_name.startswith("pixel_")


def _is_pointwise(op: Op, x: Sizes) -> bool:
    """Tell whether each position is computed from the same position alone, whatever it means."""
    if op.op_name in ("softmax", "log_softmax"):
        return False
    if op.style == "norm":
        return op.op_name == "local_response_norm" or op.op_name.startswith("batch_norm")
    return op.style in ("activation", "dropout") or x == ()


def _steps(op: Op, x: Sizes, y: Sizes) -> tuple[_Step | None, ...] | None:
    """Return how each spatial axis is read; None: each element reads all of it."""
    window = op.window()
    if window is not None:
        return tuple(map(_Step, extent(window), window.stride, window.padding))
    if len(x) != len(y):
        return None
    pairs = list(zip(x[1:], y[1:], strict=True))
    match op.op_name:
        case "softmax" | "log_softmax":
            axis = getattr(op, "dim") % (len(x) + 1) - 2  # noqa: B009
            return tuple(None if i == axis else _Step() for i in range(len(pairs)))
        case "linear" | "layer_norm":
            return (*(_Step() for _ in pairs[:-1]), None) if pairs else None
        case _ if op.style == "pool":
            return tuple(_adaptive(n, o) for n, o in pairs)
        case _ if _is_pointwise(op, x):
            return tuple(_Step() for _ in pairs)
    return None


def _adaptive(size: int, count: int) -> _Step | None:
    """Return the largest window and the mean stride of an adaptive pool."""
    if count == 1:
        return None
    starts = ((i * size // count, -(-(i + 1) * size // count)) for i in range(count))
    return _Step(max(end - start for start, end in starts), Fraction(size, count))
