"""Lifts of what moves, cuts and joins: where PyTorch's dimensions and netspec's differ most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.torch_layers import along
from netspec.importer.torch_lift import (
    Held,
    Lifter,
    NoCounterpart,
    Symbol,
    Weight,
    lifts,
    name_of,
    symbol_of,
)
from netspec.importer.torch_noise import Noise, Norm
from netspec.ops.base import REGISTRY

if TYPE_CHECKING:
    from torch.fx import Node


class Turned(NamedTuple):
    """A tensor whose batch stands behind other dimensions: only what cuts those can read it."""

    held: Held
    batch_at: int

    def without(self, held: Held) -> Held | Turned:
        """Return what is left where one dimension before the batch is gone."""
        return Turned(held, self.batch_at - 1) if self.batch_at > 1 else held


@lifts("contiguous", "clone", "detach", "alias", "to", "lift_fresh_copy", "_to_copy")
def _same(lifter: Lifter, node: Node) -> Any:
    return lifter.argument(node, 0)


@lifts("view", "reshape", "_unsafe_view", "unsqueeze", "squeeze", "view_as", "unflatten")
def _reshape(lifter: Lifter, node: Node) -> Held:
    return reshaped(lifter, node, lifter.tensor(node, 0))


def reshaped(lifter: Lifter, node: Node, x: Held) -> Held:
    """Return the elements in the shape that a call gives them."""
    first, *rest = node.meta["val"].shape
    factor = symbol_of(first)
    if not all(isinstance(size, int) for size in rest):
        raise NoCounterpart("the batch as the first dimension")
    if not x.has_batch:
        return _to(lifter, node, x, (first, *rest))
    if factor is None:
        raise NoCounterpart("the batch as the first dimension")
    if factor.factor == 1 and not _is_window(x, rest):
        return _to(lifter, node, x, tuple(rest))._replace(shift=0)
    return _to(lifter, node, x, (factor.factor, *rest))._replace(shift=1)


def _is_window(x: Held, rest: Sequence[int]) -> bool:
    """Tell whether the batch stands for that times a map of one window, as it would of more."""
    if x.shift:
        return x.sizes[0] == 1 and tuple(rest[:2]) != (1, 1)
    return x.sizes[:2] == (1, 1) and rest[0] != 1


def _to(lifter: Lifter, node: Node, x: Held, sizes: tuple[int, ...]) -> Held:
    if sizes == x.sizes:
        return x
    return lifter.emit(node, "reshape", {"size": sizes}, [x])


@lifts("flatten")
def _flatten(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node, 0)
    start = lifter.argument(node, 1, "start_dim", 0) % x.rank
    end = lifter.argument(node, 2, "end_dim", -1)
    if not start or x.shift:
        return reshaped(lifter, node, x)
    last = -1 if end % x.rank == x.rank - 1 else end % x.rank
    return lifter.emit(node, "flatten", {"start_dim": start, "end_dim": last}, [x])


@lifts("permute", "transpose", "swapaxes", "t", "numpy_T")
def _permute(lifter: Lifter, node: Node) -> Held | Turned:
    x = lifter.tensor(node, 0)
    dims = [*range(x.rank)]
    if name_of(node) == "permute":
        dims = [dim % x.rank for dim in lifter.argument(node, 1)]
    else:
        one = lifter.argument(node, 1, "dim0", 0) % x.rank
        two = lifter.argument(node, 2, "dim1", 1) % x.rank
        dims[one], dims[two] = two, one
    return permuted(lifter, node, x, dims)


def permuted(lifter: Lifter, node: Node, x: Held, dims: Sequence[int]) -> Held | Turned:
    """Return the elements with PyTorch's dimensions in another order."""
    batch_at = dims.index(0) if x.has_batch else 0
    if batch_at:
        dims = [0, *(dim for dim in dims if dim)]
    front = (0,) if x.shift else ()
    new = (*front, *(dim + x.shift for dim in dims))
    held = lifter.emit(node, "permute", {"dims": new}, [x])
    return Turned(held, batch_at) if batch_at else held


@lifts("expand", "expand_as")
def _expand(lifter: Lifter, node: Node) -> Any:
    value = lifter.argument(node, 0)
    first, *rest = node.meta["val"].shape
    if isinstance(value, Weight):
        if symbol_of(first) is not None and value.sizes == (1, *rest):
            return lifter.weight_layer(node, value, batch=True)
        value = lifter.layer(node, value)
    if not isinstance(value, Held):
        return value
    if symbol_of(first) is not None and not value.has_batch:
        raise NoCounterpart("expand, but for the batch")
    sizes = (first, *rest) if value.shift else tuple(rest)
    factor = symbol_of(first)
    if value.shift and factor is not None:
        sizes = (factor.factor, *rest)
    return value if sizes == value.sizes else lifter.emit(node, "expand", {"size": sizes}, [value])


# --------------------------------------------------------------------- pieces


@lifts("chunk", "split", "split_with_sizes")
def _cut(lifter: Lifter, node: Node) -> list[Held]:
    x = lifter.tensor(node, 0)
    dim = _inner(x, lifter.argument(node, 2, "dim", 0))
    sizes = tuple(piece.shape[dim - x.shift] for piece in node.meta["val"])
    if len(sizes) == 1:
        return [x]
    if len({*sizes}) == 1:
        return pieces(lifter, node, "chunk", {"chunks": len(sizes), "dim": dim}, x)
    return pieces(lifter, node, "split", {"split_size_or_sections": sizes, "dim": dim}, x)


@lifts("unbind")
def _unbind(lifter: Lifter, node: Node) -> list[Any]:
    value, dim = lifter.argument(node, 0), lifter.argument(node, 1, "dim", 0)
    names = tuple(f"part{i}" for i in range(len(node.meta["val"])))
    if isinstance(value, Turned):
        axis = _turned(value, dim)
        cut = pieces(lifter, node, "unbind", {"dim": axis, "names": names}, value.held)
        return [value.without(piece) for piece in cut]
    x = lifter.layer(node, value)
    return list(pieces(lifter, node, "unbind", {"dim": _inner(x, dim), "names": names}, x))


def _turned(value: Turned, dim: int) -> int:
    """Return netspec's number of a dimension before the batch."""
    if dim % value.held.rank >= value.batch_at:
        raise NoCounterpart("a tensor with the batch first")
    return dim % value.held.rank + 1 + value.held.shift


def _inner(x: Held, dim: int) -> int:
    """Return netspec's number of a dimension that is not the batch."""
    if x.has_batch and dim % x.rank == 0:
        raise NoCounterpart("a dimension other than the batch")
    return dim % x.rank + x.shift


def pieces(lifter: Lifter, node: Node, op: str, arguments: dict[str, Any], x: Held) -> list[Held]:
    """Add a step that cuts; return what it gives."""
    held = lifter.emit(node, op, arguments, [x])
    made: Any = REGISTRY[op].model_validate(lifter.drafts[held.draft].arguments)
    ports = enumerate(made.called())
    return [held._replace(port=port, sizes=made.piece(i, x.sizes)) for i, port in ports]


@lifts("getitem")
def _item(lifter: Lifter, node: Node) -> Any:
    return lifter.argument(node, 0)[node.args[1]]


@lifts("select")
def _select(lifter: Lifter, node: Node) -> Any:
    value, dim = lifter.argument(node, 0), lifter.argument(node, 1)
    arguments = {"index": lifter.argument(node, 2)}
    if isinstance(value, Turned):
        arguments["dim"] = _turned(value, dim)
        return value.without(lifter.emit(node, "select", arguments, [value.held]))
    x = lifter.layer(node, value)
    arguments["dim"] = _inner(x, dim)
    return lifter.emit(node, "select", arguments, [x])


class Part(NamedTuple):
    """A part of a weight that is about to be overwritten."""

    weight: Weight
    start: int
    stop: int


@lifts("zero")
def _zero(lifter: Lifter, node: Node) -> Part:
    """Leave a part of a weight that is held at 0 as it is: in the state_dict it is 0 too."""
    part = lifter.argument(node, 0)
    if not isinstance(part, Part):
        raise NoCounterpart("mul with a constant")
    if bool(lifter.state[part.weight.key][part.start : part.stop].any()):
        raise NoCounterpart("a tensor whose zeros stand in the state_dict")
    return part


@lifts("slice")
def _slice(lifter: Lifter, node: Node) -> Any:
    value = lifter.argument(node, 0)
    users = [name_of(user) for user in node.users]
    if isinstance(value, Weight) and users == ["zero"] and len(value.sizes) == 1:
        return Part(value, lifter.argument(node, 2), lifter.argument(node, 3))
    x = lifter.layer(node, value)
    dim = lifter.argument(node, 1, "dim", 0) % x.rank
    start = lifter.argument(node, 2, "start", None) or 0
    end = lifter.argument(node, 3, "end", None)
    step = lifter.argument(node, 4, "step", 1)
    if isinstance(end, Symbol) or (x.has_batch and not dim):
        return _whole(x, start, end, step)
    size = x.sizes[dim + x.shift - 1]
    start, stop, step = slice(start, end, step).indices(size)
    if (start, stop, step) == (0, size, 1):
        return x
    axis = dim + x.shift
    if step == 1:
        arguments = {"dim": axis, "start": start, "length": stop - start}
        return lifter.emit(node, "narrow", arguments, [x])
    if size % step or stop < size or start >= step:
        raise NoCounterpart("narrow, one after the other")
    sizes = (*x.sizes[: axis - 1], size // step, step, *x.sizes[axis:])
    apart = lifter.emit(node, "reshape", {"size": sizes}, [x])
    return lifter.emit(node, "select", {"dim": axis + 1, "index": start}, [apart])


def _whole(x: Held, start: Any, end: Any, step: int) -> Held:
    """Return a tensor of which a slice takes every image. Raises NoCounterpart."""
    is_all = end is None or isinstance(end, Symbol) or end >= 2**62
    if start or not is_all or step != 1:
        raise NoCounterpart("all images of the batch")
    return x


@lifts("index")
def _index(lifter: Lifter, node: Node) -> Held:
    """Take rows of a table: elements at the same place in each column."""
    table, places = lifter.tensor(node, 0), lifter.argument(node, 1)
    if len(places) != 1 or table.has_batch or len(table.sizes) != 2:
        raise NoCounterpart("gather, from a table of two dimensions")
    rows = lifter.layer(node, lifter.value(places[0]))
    count = math.prod(rows.sizes)
    column = lifter.emit(node, "reshape", {"size": (count, 1)}, [rows])
    wide = lifter.emit(node, "expand", {"size": (count, table.sizes[1])}, [column])
    found = lifter.emit(node, "gather", {"dim": 1}, [table, wide])
    return reshaped(lifter, node, found)


# ---------------------------------------------------------------------- joins


def aligned(lifter: Lifter, node: Node, values: Sequence[Any]) -> list[Held]:
    """Return what a call joins as layers of one rank, broadcast from the right as PyTorch does."""
    ranks = [_rank(value) for value in values]
    batched = [value for value in values if isinstance(value, Held) and value.has_batch]
    shift = min((x.shift for x in batched), default=1)
    rank = max(ranks)
    return [_fit(lifter, node, value, rank, shift) for value in values]


def _rank(value: Any) -> int:
    if isinstance(value, int | float):
        return 0
    if isinstance(value, Weight):
        return len(value.sizes)
    return value.rank if isinstance(value, Held) else int(value.dim())


def _fit(lifter: Lifter, node: Node, value: Any, rank: int, shift: int) -> Held:
    """Return a layer with as many sizes as others have that join it."""
    import torch

    wanted = rank - 1 + shift
    if isinstance(value, int | float):
        return lifter.number(node, value, (1,) * wanted)
    if isinstance(value, torch.Tensor):
        sizes = tuple(value.shape)
        sizes = (1,) * (wanted - len(sizes)) + sizes[max(0, len(sizes) - wanted) :]
        return lifter.constant(node, value.reshape(sizes))
    if isinstance(value, Weight) and len(value.sizes) == rank > wanted and value.sizes[0] == 1:
        return lifter.weight_layer(node, value, batch=True)
    held = lifter.layer(node, value)
    if len(held.sizes) == wanted:
        return held
    sizes = held.sizes
    if len(sizes) < wanted and not (held.has_batch and not held.shift):
        sizes = (1,) * (wanted - len(sizes)) + sizes
    elif len(sizes) == wanted + 1 and sizes[0] == 1:
        sizes = sizes[1:]
    else:
        raise NoCounterpart("inputs with as many dimensions each")
    return lifter.emit(node, "reshape", {"size": sizes}, [held])._replace(shift=shift)


@lifts("cat", "concat", "stack")
def _cat(lifter: Lifter, node: Node) -> Held:
    given: Any = node.args[0]
    values = [lifter.value(source) for source in given]
    if len(values) == 1 and name_of(node) != "stack":
        return lifter.layer(node, values[0])
    reads = aligned(lifter, node, values)
    op = "stack" if name_of(node) == "stack" else "concat"
    rank = reads[0].rank + (op == "stack")
    dim = lifter.argument(node, 1, "dim", 0)
    dim = dim if dim < 0 else dim + reads[0].shift
    if dim < 0 and -dim == rank:
        raise NoCounterpart("a dimension other than the batch")
    return lifter.emit(node, op, {"dim": dim}, reads)


@lifts("add", "sub", "mul", "div", "multiply", "true_divide")
def _arithmetic(lifter: Lifter, node: Node) -> Any:
    op = {"multiply": "mul", "true_divide": "div"}.get(name_of(node), name_of(node))
    left, right = lifter.argument(node, 0), lifter.argument(node, 1)
    if isinstance(left, Weight) and left.key.endswith("num_batches_tracked"):
        return left
    if isinstance(left, Noise):
        return left if op == "div" and right == left.kept else _no(op)
    if isinstance(right, Noise) and op == "mul":
        return right.over(node, lifter.layer(node, left), lifter)
    if isinstance(right, Norm) and op == "div" and right.x == left:
        return lifter.emit(node, "normalize", right.arguments, [left])
    if node.kwargs.get("alpha", 1) != 1 or node.kwargs.get("rounding_mode"):
        raise NoCounterpart(op)
    return arithmetic(lifter, node, op, left, right)


def _no(nearest: str) -> Any:
    raise NoCounterpart(nearest)


def arithmetic(lifter: Lifter, node: Node, op: str, left: Any, right: Any) -> Any:
    """Return a sum, difference, product or quotient, of which one side may be a number."""
    if op == "mul" and isinstance(right, int | float):
        x = lifter.layer(node, left)
        return lifter.emit(node, "scale", {"factor": right}, [x])
    return lifter.emit(node, op, {}, aligned(lifter, node, [left, right]))


@lifts("rsub")
def _rsub(lifter: Lifter, node: Node) -> Any:
    return arithmetic(lifter, node, "sub", lifter.argument(node, 1), lifter.argument(node, 0))


@lifts("pow")
def _pow(lifter: Lifter, node: Node) -> Held:
    exponent = lifter.argument(node, 1)
    if not isinstance(exponent, int | float):
        raise NoCounterpart("pow with a number")
    return lifter.emit(node, "pow", {"exponent": exponent}, [lifter.tensor(node, 0)])


@lifts("clamp", "clamp_min", "clamp_max")
def _clamp(lifter: Lifter, node: Node) -> Held | Norm:
    low, high = lifter.argument(node, 1, "min"), lifter.argument(node, 2, "max")
    if isinstance(norm := lifter.argument(node, 0), Norm):
        return norm._replace(arguments={**norm.arguments, "eps": low})
    if name_of(node) == "clamp_max":
        low, high = None, low
    given = {"min": low, "max": high}
    arguments = {key: float(x) for key, x in given.items() if x is not None}
    return lifter.emit(node, "clamp", arguments, [lifter.tensor(node, 0)])


@lifts("matmul", "bmm")
def _matmul(lifter: Lifter, node: Node) -> Held:
    values = [lifter.argument(node, 0), lifter.argument(node, 1)]
    return lifter.emit(node, "matmul", {}, aligned(lifter, node, values))


@lifts("einsum")
def _einsum(lifter: Lifter, node: Node) -> Held:
    """Multiply matrices that stand in the last two dimensions, the second perhaps turned."""
    equation, given = str(node.args[0]).replace(" ", ""), lifter.argument(node, 1)
    left, right, result = equation.replace("->", ",").split(",") if len(given) == 2 else ("",) * 3
    one, two = (lifter.layer(node, lifter.value(source)) for source in given)
    turned = right[:-2] + right[:-3:-1]
    for words, is_turned in ((right, False), (turned, True)):
        is_product = len(left) == len(right) > 2 and left[-1] == words[-2]
        if is_product and left[:-2] == words[:-2] and result == left[:-1] + words[-1]:
            if is_turned:
                dims = [*range(two.rank - 2), two.rank - 1, two.rank - 2]
                two = permuted(lifter, node, two, dims)
            return lifter.emit(node, "matmul", {}, aligned(lifter, node, [one, two]))
    raise NoCounterpart("matmul, with permute")


@lifts("scaled_dot_product_attention")
def _attention(lifter: Lifter, node: Node) -> Held:
    given = [lifter.argument(node, i) for i in range(3)]
    mask = lifter.argument(node, 3, "attn_mask")
    if lifter.argument(node, 4, "dropout_p", 0.0):
        raise NoCounterpart("scaled_dot_product_attention without dropout")
    values = [*given, mask] if mask is not None else given
    arguments = {"is_causal": lifter.argument(node, 5, "is_causal", False)}
    arguments["scale"] = node.kwargs.get("scale")
    reads = aligned(lifter, node, values)
    return lifter.emit(node, "scaled_dot_product_attention", arguments, reads)


@lifts("roll")
def _roll(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node, 0)
    shifts, dims = lifter.argument(node, 1), lifter.argument(node, 2, "dims", [])
    if not dims or (x.has_batch and any(dim % x.rank == 0 for dim in dims)):
        raise NoCounterpart("roll along dimensions other than the batch")
    if not any(shifts):
        return x
    axes = tuple(along(x, dim) for dim in dims)
    return lifter.emit(node, "roll", {"shifts": tuple(shifts), "dims": axes}, [x])


@lifts("pad", "constant_pad_nd")
def _pad(lifter: Lifter, node: Node) -> Held:
    x, pairs = lifter.tensor(node, 0), lifter.argument(node, 1)
    if not any(pairs):
        return x
    mode = "constant" if name_of(node) == "constant_pad_nd" else lifter.argument(node, 2, "mode")
    value = node.kwargs.get("value") or (node.args[2] if name_of(node) != "pad" else 0) or 0
    arguments = {"pad": tuple(pairs), "mode": mode or "constant", "value": value}
    return lifter.emit(node, "pad", arguments, [x])
