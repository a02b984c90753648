"""Lifts of what several tensors are joined by, or a tensor and a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.torch_alias import name_of
from netspec.importer.torch_lift import Lifter, Weight, lifts
from netspec.importer.torch_moves import permuted
from netspec.importer.torch_noise import Noise, Norm

if TYPE_CHECKING:
    from torch.fx import Node


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
    one: Held
    two: Any
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
