"""Graph → receptive fields: which part of the input an element of each feature map sees.

Every op says what its elements read of its input (`ops/reach.py`); here that is composed.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from netspec import limits
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, NodeId, Sizes
from netspec.ops.base import Join
from netspec.ops.reach import SAME, Reach, Reads, everything


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
        if widest.period(step) > limits.PERIOD or narrowest.period(step) > limits.PERIOD:
            step = everything(self.count)  # beyond any network in use; too wide, never too narrow
        seen = widest.after(step)
        return Field(self.size, count, seen, seen if narrowest is widest else narrowest.after(step))

    def spread(self, count: int = 1) -> Field:
        """Return the field of a layer in which each element reads all of this one."""
        return self.after(everything(self.count), count)


Fields = Mapping[NodeId, tuple[Field, ...]]
"""A field for each spatial axis of the input; none for a node that does not see the input."""


class _View(NamedTuple):
    """A node's fields, and for each of its dimensions the field along which it goes.

    Channels go along none, `_CHANNELS`. Without `axes`, places no longer stand for pixels.
    """

    fields: tuple[Field, ...] = ()
    axes: tuple[int, ...] = ()

    def spread(self) -> _View:
        return _View(tuple(field.spread() for field in self.fields))


_CHANNELS = -1


def see(graph: Graph, shapes: Shapes, source: NodeId | None = None) -> Fields:
    """Return each node's receptive field on an input, by default the first that is not a vector."""
    spatial = (key for key, shape in graph.inputs.items() if len(shape) > 1)
    source = source or next(spatial, next(iter(graph.inputs)))
    views = dict.fromkeys(graph.inputs, _View())
    same = {size: Field(size, size) for size in graph.inputs[source][1:]}
    fields = tuple(same[size] for size in graph.inputs[source][1:])
    views[source] = _View(fields, (_CHANNELS, *range(len(fields))))
    # What an op reads of the same shapes is asked once; False: of several inputs' values.
    alone: dict[tuple[object, ...], tuple[bool, Reads | None]] = {}
    for node in graph.nodes.values():
        sizes = tuple([shapes[key] for key in node.inputs])
        seen = [views[key] for key in node.inputs if views[key].fields]
        key = (id(node.op), *sizes)
        if key not in alone:
            op = node.op.alone(*sizes)
            alone[key] = op is not None, op.reach(sizes[0]) if op else None
        is_alone, reads = alone[key]
        if is_alone:
            views[node.id] = _through(reads, sizes[0], shapes[node.id], views[node.inputs[0]])
        elif isinstance(node.op, Join):
            views[node.id] = _join(seen, shapes[node.id])
        else:  # products of matrices and the like: each element sees all of all inputs
            views[node.id] = _join([_View(view.spread().fields) for view in seen], ())
    return {key: view.fields for key, view in views.items()}


def describe(fields: Sequence[Field]) -> str:
    """Write the effective stride and the receptive field of a feature map, height first."""
    if not fields or not all(field.stride for field in fields):
        return ""
    strides = [str(field.stride) for field in fields]
    extents = [str(field.widest.extent) for field in fields]
    shown = [v[0] if len(set(v)) == 1 else "x".join(v) for v in (strides, extents)]
    return f"stride {shown[0]}, receptive field {shown[1]}"


def _through(reads: Reads | None, x: Sizes, y: Sizes, view: _View) -> _View:
    """Return what is seen through a layer from x to y whose elements read this."""
    if not view.fields:
        return view
    if reads is None:
        return _View(view.fields)
    if not reads:
        return view.spread()
    if not view.axes:
        # Where an element stands is not known, but it sees the same if it is only passed on.
        is_passed_on = len(reads) == len(x) and all(along.reach.extent == 1 for along in reads)
        return view if is_passed_on else view.spread()
    axes = tuple([view.axes[along.axis] for along in reads])
    steps = {axis: (along.reach, size) for axis, along, size in zip(axes, reads, y, strict=True)}
    return _View(_step(view, steps), axes)


def _step(view: _View, steps: Mapping[int, tuple[Reach, int]]) -> tuple[Field, ...]:
    """Return the fields behind a layer, its reach and size for each; those alike share theirs."""
    found: list[Field] = []
    for i, field in enumerate(view.fields):
        step, count = steps.get(i, (None, 1))
        if i and field is view.fields[i - 1] and steps.get(i) == steps.get(i - 1):
            found.append(found[-1])
        elif step is None:
            found.append(field.spread())
        elif step == SAME and count == field.count:
            found.append(field)
        else:
            found.append(field.after(step, count))
    return view.fields if all(map(operator.is_, found, view.fields)) else tuple(found)


def _join(views: Sequence[_View], y: Sizes) -> _View:
    """Join branches; one whose places are not those of the others counts as seeing all it can."""
    if not views:
        return _View()
    axes = next((view.axes for view in views if view.axes), ())
    counts = dict(zip(axes, y, strict=False))
    ready = [view if view.axes == axes else view.spread() for view in views]
    by_axis = zip(*(view.fields for view in ready), strict=True)
    fields = tuple(_join_axis(axis, counts.get(i, 1)) for i, axis in enumerate(by_axis))
    return _View(fields, axes)


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
