"""Tensors whose batch is not ONNX's first dimension, as attention has them on its way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_lift import LIFTS, VIEWED, Lifter, View

_ELSEWHERE = "the batch in another place than first: permute"


def viewed(x: Held | View) -> View:
    """Return a tensor with its batch first as a view of itself."""
    if isinstance(x, View):
        return x
    if not x.has_batch:
        raise NoCounterpart(_ELSEWHERE)
    axes = [(axis + 1,) for axis in range(len(x.sizes))]
    if x.shift:
        return View(x._replace(shift=0), ((0, 1), *axes[1:]))
    return View(x, ((0,), *axes))


def settled(lifter: Lifter, node: Node, view: View) -> Held | View:
    """Return what a view shows as a tensor, where the batch begins its first dimension."""
    front = view.dims[0] if view.dims else ()
    # Where an axis of size 1 stands is all the same.
    ones = [axis for axis in front if axis and view.held.sizes[axis - 1] == 1]
    others = [axis for axis in front if axis not in ones]
    if others[:1] != [0]:
        return view
    view = view._replace(dims=((0, *ones, *others[1:]), *view.dims[1:]))
    held, ((_, *first), *dims) = _ordered(lifter, node, view)
    first = first if len(others) > 1 else []
    groups = [first, *dims] if first else dims
    sizes = tuple(math.prod(held.sizes[axis - 1] for axis in group) for group in groups)
    return _reshaped(lifter, node, held, sizes)._replace(shift=1 if first else 0)


def _ordered(lifter: Lifter, node: Node, view: View) -> View:
    """Return a view in whose tensor the axes stand in ONNX's order, behind the batch."""
    order = [axis for dim in view.dims for axis in dim if axis]
    held = view.held
    if order != sorted(order):
        held = lifter.emit(node, "permute", {"dims": (0, *order)}, [held])
    new = {0: 0, **{axis: i for i, axis in enumerate(order, 1)}}
    return View(held, tuple(tuple(new[axis] for axis in dim) for dim in view.dims))


def _reshaped(lifter: Lifter, node: Node, x: Held, sizes: Sequence[int]) -> Held:
    if (*sizes,) == x.sizes:
        return x
    return lifter.emit(node, "reshape", {"size": (*sizes,)}, [x])


def regrouped(lifter: Lifter, node: Node, view: View, sizes: Sequence[int]) -> Held | View:
    """Return the elements in another shape, of pieces and groups of the old dimensions."""
    todo = [axis for dim in view.dims for axis in dim]
    held, dims = view.held, list[tuple[int, ...]]()
    for number, wanted in enumerate(sizes):
        group: list[int] = []
        rest, is_last = wanted, number == len(sizes) - 1
        while todo and (rest > 1 or is_last or (wanted == lifter.batch == 1 and todo[0] == 0)):
            axis = todo[0]
            size = held.sizes[axis - 1] if axis else lifter.batch
            if rest % size:
                if not axis or size % rest:
                    raise NoCounterpart(_ELSEWHERE)
                held = _split(lifter, node, held, axis, rest)
                todo, group = _moved(todo, axis), _moved(group, axis)
                dims = [tuple(_moved(dim, axis)) for dim in dims]
                todo.insert(1, axis + 1)
                size = rest
            group.append(todo.pop(0))
            rest //= size
            if wanted == 1:
                break
        dims.append(tuple(group))
    return settled(lifter, node, View(held, tuple(dims)))


def _split(lifter: Lifter, node: Node, x: Held, axis: int, size: int) -> Held:
    """Return a tensor with an axis cut in two, the outer one of a size."""
    sizes = (*x.sizes[: axis - 1], size, x.sizes[axis - 1] // size, *x.sizes[axis:])
    return _reshaped(lifter, node, x, sizes)


def _moved(axes: Sequence[int], cut: int) -> list[int]:
    """Return the numbers of axes where one of them has become two."""
    return [axis + (axis > cut) for axis in axes]


# ---------------------------------------------------------------------- lifts


def _gather(lifter: Lifter, node: Node) -> Held | View:
    view, places = viewed(lifter.value(node, 0)), lifter.array(node, 1)
    place = node.attributes.get("axis", 0) % len(view.dims)
    dim = view.dims[place]
    if places is None or places.ndim or len(dim) != 1 or dim == (0,):
        raise NoCounterpart(_ELSEWHERE)
    (axis,) = dim
    arguments = {"dim": axis, "index": int(places)}
    held = lifter.emit(node, "select", arguments, [view.held])
    rest = (*view.dims[:place], *view.dims[place + 1 :])
    dims = tuple(tuple(x - (x > axis) for x in dim) for dim in rest)
    return settled(lifter, node, View(held, dims))


def _along_last(lifter: Lifter, node: Node) -> View:
    """Lift a node that works on elements, or along the last dimension, which is one axis then."""
    names = [name for name in node.inputs if isinstance(lifter.held.get(name), View)]
    if len(names) != 1 or not _fits(lifter, node):
        raise NoCounterpart(_ELSEWHERE)
    view = _packed(lifter, node, lifter.held[names[0]])
    before, lifter.held[names[0]] = lifter.held[names[0]], view.held
    try:
        found = LIFTS[node.op](lifter, node)
    finally:
        lifter.held[names[0]] = before
    return View(found, view.dims)


def _fits(lifter: Lifter, node: Node) -> bool:
    """Tell whether a node's other inputs are numbers, or vectors along the last dimension."""
    others = [lifter.held[name] for name in node.inputs if name]
    arrays = [value for value in others if not isinstance(value, View)]
    if any(isinstance(value, Held) for value in arrays):
        return False
    is_product = node.op in ("MatMul", "Gemm")
    return is_product or (
        all(array.ndim < 2 for array in arrays) and node.attributes.get("axis", -1) == -1
    )


def _packed(lifter: Lifter, node: Node, view: View) -> View:
    """Return a view whose last dimension is the last axis."""
    last = view.dims[-1]
    if not last or 0 in last:
        raise NoCounterpart(_ELSEWHERE)
    held, dims = _ordered(lifter, node, view)
    sizes = held.sizes[: len(held.sizes) - len(last)]
    held = _reshaped(lifter, node, held, (*sizes, math.prod(held.sizes[len(sizes) :])))
    return View(held, (*dims[:-1], (len(sizes) + 1,)))


_ALONG_LAST = (
    *("Add", "Sub", "Mul", "Div", "MatMul", "Gemm", "Identity", "Dropout", "Cast", "Clip"),
    *("Relu", "Gelu", "Sigmoid", "Tanh", "HardSwish", "Softmax", "LayerNormalization"),
)
VIEWED.update(dict.fromkeys(_ALONG_LAST, _along_last), Gather=_gather)
