"""Lifts of ONNX nodes that move, cut and resize."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from netspec.importer.lifting import Held, NoCounterpart, one
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_joins import inner, layer
from netspec.importer.onnx_lift import VIEWED, Lifter, View, lifts
from netspec.importer.onnx_numbers import axes_of
from netspec.importer.onnx_views import regrouped, settled, viewed


@lifts("Identity", "Dropout", "Cast")
def _same(lifter: Lifter, node: Node) -> Any:
    if node.op == "Cast" and node.attributes["to"] not in (1, 10, 11, 16):
        raise NoCounterpart("numbers of another kind:")
    if node.op == "Dropout" and len(node.inputs) > 2 and lifter.array(node, 2):
        raise NoCounterpart("dropout while training: dropout")
    return lifter.tensor(node)


# ------------------------------------------------------------------- reshape


@lifts("Reshape")
def _reshape(lifter: Lifter, node: Node) -> Held | View:
    x, given = lifter.value(node, 0), lifter.numbers(node, 1)
    dims, sizes = lifter.dims(x), [int(size) for size in given.reshape(-1)]
    if not node.attributes.get("allowzero", 0):
        sizes = [dims[i] if size == 0 else size for i, size in enumerate(sizes)]
    if -1 in sizes:
        rest = math.prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = math.prod(dims) // rest
    return _shaped(lifter, node, x, sizes)


@lifts("Flatten")
def _flatten(lifter: Lifter, node: Node) -> Held | View:
    x = lifter.value(node, 0)
    dims, axis = lifter.dims(x), node.attributes.get("axis", 1)
    axis = axis + len(dims) if axis < 0 else axis
    return _shaped(lifter, node, x, [math.prod(dims[:axis]), math.prod(dims[axis:])])


@lifts("Squeeze")
def _squeeze(lifter: Lifter, node: Node) -> Held | View:
    x = lifter.value(node, 0)
    dims = lifter.dims(x)
    axes = axes_of(node.attributes, [None, lifter.array(node, 1)])
    axes = [i for i, size in enumerate(dims) if size == 1] if axes is None else axes
    gone = {axis % len(dims) for axis in axes}
    return _shaped(lifter, node, x, [size for i, size in enumerate(dims) if i not in gone])


@lifts("Unsqueeze")
def _unsqueeze(lifter: Lifter, node: Node) -> Held | View:
    x = lifter.value(node, 0)
    dims, axes = lifter.dims(x), axes_of(node.attributes, [None, lifter.array(node, 1)])
    rank = len(dims) + len(axes)
    new, rest = {axis % rank for axis in axes}, iter(dims)
    return _shaped(lifter, node, x, [1 if i in new else next(rest) for i in range(rank)])


def _shaped(lifter: Lifter, node: Node, x: Held | View, sizes: Sequence[int]) -> Held | View:
    """Return the elements in another shape."""
    if math.prod(sizes) != math.prod(lifter.dims(x)) or not sizes:
        raise NoCounterpart("another number of elements: reshape")
    if isinstance(x, View):
        return regrouped(lifter, node, x, sizes)
    first, *rest = sizes
    if not x.has_batch:
        return _to(lifter, node, x, (*sizes,))._replace(shift=1)
    if first % lifter.batch or not rest:
        return regrouped(lifter, node, viewed(x), sizes)
    if first == lifter.batch:
        return _to(lifter, node, x, (*rest,))._replace(shift=0)
    return _to(lifter, node, x, (first // lifter.batch, *rest))._replace(shift=1)


def _to(lifter: Lifter, node: Node, x: Held, sizes: tuple[int, ...]) -> Held:
    if sizes == x.sizes:
        return x
    if len(sizes) == 1 and not x.shift:
        return lifter.emit(node, "flatten", {}, [x])
    return lifter.emit(node, "reshape", {"size": sizes}, [x])


@lifts("Transpose")
def _transpose(lifter: Lifter, node: Node) -> Held | View:
    x = lifter.value(node, 0)
    rank = len(lifter.dims(x))
    dims = node.attributes.get("perm", tuple(reversed(range(rank))))
    if (*dims,) == (*range(rank),):
        return x  # type: ignore[no-any-return]  # as it is
    if isinstance(x, View) or (x.has_batch and dims[0] != 0):
        view = viewed(x)
        return settled(lifter, node, view._replace(dims=tuple(view.dims[dim] for dim in dims)))
    front = (0,) if x.shift else ()
    return lifter.emit(node, "permute", {"dims": (*front, *(dim + x.shift for dim in dims))}, [x])


@lifts("Expand")
def _expand(lifter: Lifter, node: Node) -> Held:
    value, given = lifter.value(node, 0), lifter.numbers(node, 1)
    x = value if isinstance(value, Held) else layer(lifter, node, 0, given.size)
    dims, wanted = lifter.dims(x), [int(size) for size in given]
    dims = (1,) * (len(wanted) - len(dims)) + dims
    wanted = [1] * (len(dims) - len(wanted)) + wanted
    sizes = [max(a, b) for a, b in zip(dims, wanted, strict=True)]
    if sizes[1:] == [*x.sizes[-len(sizes[1:]) :]] and sizes[0] == lifter.batch:
        return x  # along the batch, which every layer has
    if x.shift or sizes[0] != lifter.batch:
        raise NoCounterpart("expansion of the batch: expand")
    return lifter.emit(node, "expand", {"size": tuple(sizes[1:])}, [x])


VIEWED.update(
    Reshape=_reshape,
    Flatten=_flatten,
    Squeeze=_squeeze,
    Unsqueeze=_unsqueeze,
    Transpose=_transpose,
)


# -------------------------------------------------------------------- pieces


def _inside(x: Held | View, axis: int) -> tuple[Held, int]:
    """Return the tensor that is held, and which of its dimensions one of ONNX's is."""
    if isinstance(x, Held):
        return x, inner(x, axis)
    dim = x.dims[axis]
    if len(dim) != 1 or dim == (0,):
        raise NoCounterpart("a dimension with the batch in it:")
    return x.held, dim[0]


def _like(x: Held | View, held: Held) -> Held | View:
    """Return a tensor with the dimensions in the order of another one's."""
    return held if isinstance(x, Held) else View(held, x.dims)


@lifts("Split")
def _split(lifter: Lifter, node: Node) -> list[Held | View]:
    x, given = lifter.value(node, 0), lifter.array(node, 1)
    held, dim = _inside(x, node.attributes.get("axis", 0))
    whole, count = held.sizes[dim - 1], len(node.outputs)
    each = -(-whole // count)
    sizes = node.attributes.get("split", (*[each] * (count - 1), whole - each * (count - 1)))
    sizes = tuple(int(size) for size in (sizes if given is None else given))
    if len(sizes) == 1:
        return [x]
    is_even = len({*sizes}) == 1
    how = {"chunks": len(sizes)} if is_even else {"split_size_or_sections": sizes}
    pieces = lifter.pieces(node, "chunk" if is_even else "split", {**how, "dim": dim}, held)
    return [_like(x, piece) for piece in pieces]


@lifts("Slice")
def _slice(lifter: Lifter, node: Node) -> Held | View:
    x: Held | View = lifter.value(node, 0)
    given = [None, *(lifter.array(node, i) for i in range(1, 5))]
    starts: Any = node.attributes.get("starts") if given[1] is None else given[1]
    ends: Any = node.attributes.get("ends") if given[2] is None else given[2]
    axes = axes_of(node.attributes, given, 3) or range(len(starts))
    steps = [1] * len(starts) if given[4] is None else given[4]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        x = _narrow(lifter, node, x, axis, slice(int(start), int(end), int(step)))
    return x


def _narrow(lifter: Lifter, node: Node, x: Held | View, axis: int, cut: slice) -> Held | View:
    """Return a part of a tensor along one of ONNX's dimensions."""
    size = lifter.dims(x)[axis]
    start, stop, step = cut.indices(size)
    if (start, stop, step) == (0, size, 1):
        return x
    held, dim = _inside(x, axis)
    if step == 1:
        arguments = {"dim": dim, "start": start, "length": stop - start}
        return _like(x, lifter.emit(node, "narrow", arguments, [held]))
    if step < 1 or size % step or stop < size or start >= step:
        raise NoCounterpart("a slice with steps: narrow")
    sizes = (*held.sizes[: dim - 1], size // step, step, *held.sizes[dim:])
    apart = lifter.emit(node, "reshape", {"size": sizes}, [held])
    return _like(x, lifter.emit(node, "select", {"dim": dim + 1, "index": start}, [apart]))


VIEWED.update(Split=_split, Slice=_slice)


@lifts("Gather")
def _gather(lifter: Lifter, node: Node) -> Held:
    value, places = lifter.value(node, 0), lifter.value(node, 1)
    axis = node.attributes.get("axis", 0)
    if isinstance(places, Held):
        weight = lifter.weight(node, 0)
        if weight is None or weight.array.ndim != 2 or axis:
            raise NoCounterpart("elements at places that only running it gives: gather")
        arguments = {
            "num_embeddings": weight.array.shape[0],
            "embedding_dim": weight.array.shape[1],
        }
        return lifter.emit(node, "embedding", arguments, [places], {"weight": weight})
    dim = inner(value, axis)
    first = int(places.reshape(-1)[0])
    if places.ndim == 0:
        return lifter.emit(node, "select", {"dim": dim, "index": first}, [value])
    length = places.size
    if places.ndim != 1 or [*places] != [*range(first, first + length)]:
        raise NoCounterpart("elements that are no neighbours: narrow")
    return lifter.emit(node, "narrow", {"dim": dim, "start": first, "length": length}, [value])


# --------------------------------------------------------------------- sizes


@lifts("Pad")
def _pad(lifter: Lifter, node: Node) -> Held:
    x, pads, value = lifter.tensor(node), lifter.array(node, 1), lifter.array(node, 2)
    given = node.attributes.get("pads") if pads is None else pads
    axes = axes_of({}, [None, lifter.array(node, 3)]) or range(x.rank)
    ends = {axis % x.rank: i for i, axis in enumerate(axes)}
    pairs = [(0, 0)] * x.rank
    for axis, i in ends.items():
        pairs[axis] = (int(given[i]), int(given[i + len(ends)]))  # type: ignore[index]
    if pairs[0] != (0, 0) and x.has_batch:
        raise NoCounterpart("padding of the batch: pad")
    if not any(map(any, pairs)):
        return x
    said = node.attributes.get("mode", "constant")
    mode = {"edge": "replicate", "wrap": "circular"}.get(said, said)
    # Only constants can stand around some of the spatial dimensions.
    while pairs[0] == (0, 0) and (mode == "constant" or len(pairs) > x.rank - 2):
        pairs.pop(0)
    arguments: dict[str, Any] = {"pad": tuple(n for pair in reversed(pairs) for n in pair)}
    number = node.attributes.get("value", 0.0) if value is None else float(value.reshape(-1)[0])
    if mode != "constant":
        arguments["mode"] = mode
    elif number:
        arguments["value"] = number
    return lifter.emit(node, "pad", arguments, [x])


_MODES = {
    ("nearest", "asymmetric", "floor"): ("nearest", None),
    ("linear", "half_pixel", ""): ("linear", None),
    ("linear", "pytorch_half_pixel", ""): ("linear", None),
    ("linear", "align_corners", ""): ("linear", True),
    ("cubic", "half_pixel", ""): ("bicubic", None),
    ("cubic", "pytorch_half_pixel", ""): ("bicubic", None),
    ("cubic", "align_corners", ""): ("bicubic", True),
}
"""ONNX's mode, coordinates and rounding → PyTorch's mode and `align_corners`."""


@lifts("Resize")
def _resize(lifter: Lifter, node: Node) -> Held:
    x, given = lifter.tensor(node), node.attributes
    scales, sizes = lifter.array(node, 2), lifter.array(node, 3)
    mode = given.get("mode", "nearest")
    rounding = given.get("nearest_mode", "round_prefer_floor") if mode == "nearest" else ""
    key = mode, given.get("coordinate_transformation_mode", "half_pixel"), rounding
    is_plain = not given.get("antialias", 0) and "axes" not in given and not x.shift
    cubic = given.get("cubic_coeff_a", -0.75)
    if key not in _MODES or not is_plain or (mode == "cubic" and cubic != -0.75):
        raise NoCounterpart("a resize of other coordinates: interpolate")
    name, corners = _MODES[key]
    name = {2: "linear", 3: "bilinear", 4: "trilinear"}[len(x.sizes)] if name == "linear" else name
    arguments: dict[str, Any] = {"mode": name, "align_corners": corners}
    if scales is not None and scales.size:
        factors = tuple(float(factor) for factor in scales)
        if factors[:2] != (1, 1):
            raise NoCounterpart("a resize of channels: interpolate")
        arguments["scale_factor"] = one(tuple(int(f) if f == int(f) else f for f in factors[2:]))
    else:
        arguments["size"] = tuple(int(size) for size in sizes[2:])  # type: ignore[index]
    return lifter.emit(node, "interpolate", arguments, [x])


@lifts("DepthToSpace", "SpaceToDepth")
def _shuffle(lifter: Lifter, node: Node) -> Held:
    x, block = lifter.tensor(node), node.attributes["blocksize"]
    if node.op == "SpaceToDepth" or node.attributes.get("mode", "DCR") != "CRD":
        raise NoCounterpart("channels in another order: pixel_shuffle")
    return lifter.emit(node, "pixel_shuffle", {"upscale_factor": block}, [x])
