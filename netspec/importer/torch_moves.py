"""Lifts of what gives elements other places: PyTorch counts the batch, netspec does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.torch_alias import name_of
from netspec.importer.torch_layers import along
from netspec.importer.torch_lift import Lifter, Weight, lifts, symbol_of

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
