"""Lifts of what takes parts of tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.torch_alias import name_of
from netspec.importer.torch_lift import Lifter, Symbol, Weight, lifts
from netspec.importer.torch_moves import Turned, reshaped
from netspec.ops.base import REGISTRY

if TYPE_CHECKING:
    from torch.fx import Node


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
