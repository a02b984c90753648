"""Graph → receptive fields: which part of the input an element of each feature map sees.

Along one axis, what an element reads is an interval whose ends are periodic functions of its
index, and such functions compose exactly: strides, dilation, adaptive pools and upsampling too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil, floor, gcd, lcm
from typing import NamedTuple

from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId, Sizes
from netspec.ops.activation import AlongAxis
from netspec.ops.base import Op
from netspec.ops.conv import ConvTranspose2d
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm, InstanceNorm2d, LayerNorm, LocalResponseNorm
from netspec.ops.resample import Interpolate, Pad, PixelShuffle, PixelUnshuffle
from netspec.ops.reshape import Move, Permute
from netspec.ops.split import Narrow, Piece
from netspec.ops.window import every, extent

_MAX_PERIOD = 4096


class Reach(NamedTuple):
    """Intervals [low(i), high(i)]; element i + period sees what i sees, `advance` further on."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]
    advance: int

    @property
    def extent(self) -> int:
        """The size of the largest interval."""
        return max([high - low for low, high in zip(self.lows, self.highs, strict=True)]) + 1

    @property
    def stride(self) -> Fraction:
        """How far intervals lie apart on average; 0: all are the same."""
        return Fraction(self.advance, len(self.lows))

    @property
    def centre(self) -> Fraction:
        """The middle of the first interval."""
        return Fraction(self.low(0) + self.high(0), 2)

    def low(self, i: int) -> int:
        turns, phase = divmod(i, len(self.lows))
        return self.lows[phase] + turns * self.advance

    def high(self, i: int) -> int:
        turns, phase = divmod(i, len(self.highs))
        return self.highs[phase] + turns * self.advance

    def period(self, step: Reach) -> int:
        """Return after how many elements a layer that reads these in steps repeats itself."""
        return len(step.lows) * len(self.lows) // gcd(len(self.lows), step.advance)

    def after(self, step: Reach) -> Reach:
        """Return what is seen through a layer whose elements read these elements."""
        if len(self.lows) == len(step.lows) == 1:
            return self._after_one(step)
        period = range(self.period(step))
        advance = step.advance * len(period) // len(step.lows) * self.advance // len(self.lows)
        lows = tuple(self.low(step.low(i)) for i in period)
        return Reach(lows, tuple(self.high(step.high(i)) for i in period), advance)

    def _after_one(self, step: Reach) -> Reach:
        """Return the same for intervals that only move: nearly all layers' do."""
        low = self.lows[0] + step.lows[0] * self.advance
        high = self.highs[0] + step.highs[0] * self.advance
        return Reach((low,), (high,), step.advance * self.advance)

    def __or__(self, other: Reach) -> Reach:
        """Return the intervals that hold both; the strides must be equal."""
        period = range(lcm(len(self.lows), len(other.lows)))
        lows = tuple(min(self.low(i), other.low(i)) for i in period)
        highs = tuple(max(self.high(i), other.high(i)) for i in period)
        return Reach(lows, highs, self.advance * len(period) // len(self.lows))


def slide(kernel: int, stride: int, before: int) -> Reach:
    """Return what a window reads that starts `before` elements in front of the first."""
    return Reach((-before,), (kernel - 1 - before,), stride)


def everything(count: int) -> Reach:
    """Return what a layer reads whose elements all read all `count` elements."""
    return Reach((0,), (count - 1,), 0)


SAME = slide(1, 1, 0)


@dataclass(frozen=True, slots=True)
class Field:
    """What a feature map of `count` elements sees of one axis of an input of `size` pixels.

    `widest` holds all branches, `narrowest` only the one that sees least. Both may begin before
    pixel 0 or end behind the last one: that is padding.
    """

    size: int
    count: int
    widest: Reach = SAME
    narrowest: Reach = SAME

    @property
    def stride(self) -> Fraction:
        """The effective stride in pixels; 0 where every element sees the same."""
        return self.widest.stride or self.narrowest.stride

    @property
    def is_whole(self) -> bool:
        """Whether every element sees the whole axis."""
        return self.covered_by(self.widest)

    def covered_by(self, reach: Reach) -> bool:
        """Tell whether every element of a reach sees the whole axis."""
        return reach.advance == 0 and reach.low(0) <= 0 and reach.high(0) >= self.size - 1

    def after(self, step: Reach, count: int) -> Field:
        """Return the field of a layer that reads this one in steps."""
        widest, narrowest = self.widest, self.narrowest
        if widest.period(step) > _MAX_PERIOD or narrowest.period(step) > _MAX_PERIOD:
            step = everything(self.count)  # beyond any network in use; too wide, never too narrow
        seen = widest.after(step)
        return Field(self.size, count, seen, seen if narrowest is widest else narrowest.after(step))

    def spread(self, count: int = 1) -> Field:
        """Return the field of a layer in which each element reads all of this one."""
        return self.after(everything(self.count), count)


Fields = Mapping[NodeId, tuple[Field, ...]]
"""A field for each spatial axis of the input; none for a node that does not see the input."""


class _View(NamedTuple):
    """A node's fields; `aligned` while its shape is (channels, *the input's axes).

    `order` says which of these stands where, while they are permuted.
    """

    fields: tuple[Field, ...] = ()
    aligned: bool = False
    order: tuple[int, ...] = ()

    def spread(self) -> _View:
        return _View(tuple(field.spread() for field in self.fields))


_Read = dict[tuple[object, ...], tuple[Reach, ...]]
"""Which elements a layer's elements read, by its op and shapes."""


def see(graph: Graph, shapes: Shapes, source: NodeId | None = None) -> Fields:
    """Return each node's receptive field on an input, by default the first that is not a vector."""
    spatial = (key for key, shape in graph.inputs.items() if len(shape) > 1)
    source = source or next(spatial, next(iter(graph.inputs)))
    views = dict.fromkeys(graph.inputs, _View())
    same = {size: Field(size, size) for size in graph.inputs[source][1:]}
    views[source] = _View(tuple(same[size] for size in graph.inputs[source][1:]), True)
    read: _Read = {}
    for node in graph.nodes.values():
        seen = [views[key] for key in node.inputs if views[key].fields]
        if not seen:
            views[node.id] = _View()
        elif len(node.inputs) > 1:
            views[node.id] = _join(seen, shapes[node.id])
        else:
            views[node.id] = _through(node, seen[0], shapes, read)
    return {key: view.fields for key, view in views.items()}


def describe(fields: Sequence[Field]) -> str:
    """Write the effective stride and the receptive field of a feature map, height first."""
    if not fields or not all(field.stride for field in fields):
        return ""
    strides = [str(field.stride) for field in fields]
    extents = [str(field.widest.extent) for field in fields]
    shown = [v[0] if len(set(v)) == 1 else "x".join(v) for v in (strides, extents)]
    return f"stride {shown[0]}, receptive field {shown[1]}"


def _through(node: Node, view: _View, shapes: Shapes, read: _Read) -> _View:
    x, y = shapes[node.inputs[0]], shapes[node.id]
    key = id(node.op), x, y
    if not (view.aligned and key in read):
        found = _rearranged(node.op, view, x, y)
        if found is not None:
            return found
        read[key] = read_axes(node.op, x, y)
    fields = _step(view.fields, read[key], y[1:])
    return view if fields is view.fields else _View(fields, True)


def _rearranged(op: Op, view: _View, x: Sizes, y: Sizes) -> _View | None:
    """Return what is seen through an op that does not keep each axis an axis, if it is one."""
    if isinstance(op, Permute) and (view.aligned or view.order):
        return _permuted(view, op)
    if view.order and _mixes_channels(op, view.order):
        return view
    if isinstance(op, Move) and not isinstance(op, Pad | PixelShuffle | PixelUnshuffle):
        return _View(view.fields, view.aligned and x == y)
    if not view.aligned:
        alone = is_pointwise(op) and not isinstance(op, LocalResponseNorm)
        return view if alone else view.spread()
    return view.spread() if len(x) != len(y) else None


def _step(fields: tuple[Field, ...], steps: tuple[Reach, ...], counts: Sizes) -> tuple[Field, ...]:
    """Return the fields behind a layer; axes that are alike share theirs."""
    found: list[Field] = []
    for i, (field, step, count) in enumerate(zip(fields, steps, counts, strict=True)):
        if i and field is fields[i - 1] and step == steps[i - 1] and count == counts[i - 1]:
            found.append(found[-1])
        elif step is SAME and count == field.count:
            found.append(field)
        else:
            found.append(field.after(step, count))
    return fields if all(map(operator.is_, found, fields)) else tuple(found)


def _permuted(view: _View, op: Permute) -> _View:
    """Follow the axes through a permutation, perhaps back to where they were."""
    rank = len(op.dims)
    before = view.order or tuple(range(rank - 1))
    order = tuple(before[dim % rank - 1] for dim in op.dims[1:])
    aligned = order == tuple(range(rank - 1))
    return _View(view.fields, aligned, () if aligned else order)


def _mixes_channels(op: Op, order: tuple[int, ...]) -> bool:
    """Tell whether an op of the last dimension computes over channels, which stand there."""
    if isinstance(op, LayerNorm):
        return order[-1] == 0 and len(every(op.normalized_shape or 1, 1)) == 1
    return isinstance(op, Linear) and order[-1] == 0


def _join(views: Sequence[_View], y: Sizes) -> _View:
    """Join branches; one whose axes are no longer the input's counts as seeing all it can."""
    aligned = any(view.aligned for view in views)
    counts = y[1:] if aligned else (1,) * len(views[0].fields)
    ready = [view if view.aligned == aligned else view.spread() for view in views]
    axes = zip(*(view.fields for view in ready), strict=True)
    fields = (_join_axis(axis, count) for axis, count in zip(axes, counts, strict=True))
    return _View(tuple(fields), aligned)


def _join_axis(fields: Iterable[Field], count: int) -> Field:
    """Join branches along an axis; a branch of another size is repeated or stands beside."""
    ready = [field if field.count == count else field.spread(count) for field in fields]
    widest, *others = (field.widest for field in ready)
    if any(other.stride != widest.stride for other in others):
        spans = [field.widest.after(everything(field.count)) for field in ready]
        widest, *others = spans
    for other in others:
        widest |= other
    narrowest = min((field.narrowest for field in ready), key=lambda reach: reach.extent)
    return Field(ready[0].size, count, widest, narrowest)


def is_pointwise(op: Op) -> bool:
    """Tell whether each element depends on the elements of one position alone, wherever it is."""
    match op:
        case AlongAxis() | InstanceNorm2d():
            return False
        case LocalResponseNorm() | BatchNorm():
            return True
    return op.style in ("activation", "dropout")


def read_axes(op: Op, x: Sizes, y: Sizes) -> tuple[Reach, ...]:
    """Return for each spatial axis which elements of `x` an element of `y` reads."""
    pairs = list(zip(x[1:], y[1:], strict=True))
    window = op.window()
    if window is not None:
        return tuple(map(slide, extent(window), window.stride, window.padding))
    match op:
        case _ if is_pointwise(op):
            return (SAME,) * len(pairs)
        case AlongAxis():
            axis = op.dim % (len(x) + 1) - 2
            return tuple(everything(n) if i == axis else SAME for i, (n, _) in enumerate(pairs))
        case Linear():
            return (SAME,) * (len(pairs) - 1) + (everything(x[-1]),) * bool(pairs)
        case ConvTranspose2d():
            return _transposed(op)
        case Interpolate() if op.mode != "area":
            return tuple(_resized(op, n, o) for n, o in pairs)
        case Pad():
            edges = (0, 0) * (len(pairs) - len(op.pad) // 2) + op.pad[::-1]
            return tuple(slide(1, 1, before) for before in edges[1::2][-len(pairs) :])
        case Narrow():
            return _cut(op.dim, op.first, x)
        case Piece():
            return _cut(op.whole.along(), partial(op.whole.first, op.index), x)
        case PixelShuffle():
            return tuple(_enlarged(o // n) for n, o in pairs)
        case PixelUnshuffle():
            return tuple(slide(n // o, n // o, 0) for n, o in pairs)
        case _ if op.style == "pool":
            return tuple(_adaptive(n, o) for n, o in pairs)
    return tuple(everything(n) for n, _ in pairs)


def _cut(dim: int, first: Callable[[int], int], x: Sizes) -> tuple[Reach, ...]:
    """Return what is read where only the elements from a first one on are kept along `dim`."""
    axis = dim % (len(x) + 1) - 1
    return tuple(
        slide(1, 1, -first(size)) if i == axis else SAME for i, size in enumerate(x) if i > 0
    )


def _per_phase(ends: Callable[[int], tuple[int, int]], period: int, advance: int) -> Reach:
    lows, highs = zip(*map(ends, range(period)), strict=True)
    return Reach(lows, highs, advance)


def _enlarged(factor: int) -> Reach:
    """Return what elements read that repeat or share out each input element `factor` times."""
    return _per_phase(lambda i: (i // factor, i // factor), factor, 1)


def _adaptive(size: int, count: int) -> Reach:
    """Return the windows that PyTorch chooses to get `count` elements from `size`."""
    if count == 1:
        return everything(size)
    period = count // gcd(size, count)

    def ends(i: int) -> tuple[int, int]:
        return i * size // count, -(-(i + 1) * size // count) - 1

    return _per_phase(ends, period, size * period // count)


def _transposed(op: ConvTranspose2d) -> tuple[Reach, ...]:
    return tuple(
        map(
            _transposed_axis,
            *(every(v, 2) for v in (op.kernel_size, op.stride, op.padding, op.dilation)),
        )
    )


def _transposed_axis(kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    """Return the elements that reach an output of a transposed convolution, phase by phase."""

    def ends(i: int) -> tuple[int, int]:
        places = [i + padding - dilation * tap for tap in range(kernel)]
        hits = [place // stride for place in places if place % stride == 0]
        # A phase that no tap hits is bias alone; it sees nothing, so its place is free.
        return (min(hits), max(hits)) if hits else ((i + padding) // stride,) * 2

    return _per_phase(ends, stride, 1)


def _resized(op: Interpolate, size: int, count: int) -> Reach:
    """Return the elements that interpolation reads: none, one or two on each side."""
    if op.align_corners and count > 1:
        ratio, start = Fraction(size - 1, count - 1), Fraction(0)
    else:
        ratio = Fraction(size, count)
        start = Fraction(0) if op.mode == "nearest" else (ratio - 1) / 2
    more = 1 if op.mode == "bicubic" else 0

    def ends(i: int) -> tuple[int, int]:
        place = start + i * ratio
        if op.mode.startswith("nearest"):
            place = Fraction(floor(place if op.mode == "nearest" else place + Fraction(1, 2)))
        if place.denominator == 1:
            return int(place), int(place)
        return floor(place) - more, ceil(place) + more

    return _per_phase(ends, ratio.denominator, ratio.numerator)
