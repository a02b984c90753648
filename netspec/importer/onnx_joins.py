"""Lifts of ONNX nodes that join and calculate."""

from __future__ import annotations

from typing import Any

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_layers import biased, linear
from netspec.importer.onnx_lift import Lifter, Weight, lifts


def inner(x: Held, axis: int) -> int:
    """Return netspec's number of a dimension that is not the batch."""
    if not -x.rank <= axis < x.rank or (x.has_batch and axis % x.rank == 0):
        raise NoCounterpart("a dimension that is the batch's:")
    return axis % x.rank + x.shift


def layer(lifter: Lifter, node: Node, place: int, rank: int, shift: int = 0) -> Held:
    """Return what a node reads as a layer of ONNX's `rank`: arrays become layers of their own."""
    value = lifter.value(node, place)
    if isinstance(value, Held):
        return value
    array = value.reshape((1,) * (rank - value.ndim) + value.shape)
    has_first = not shift
    if has_first and array.shape[0] != 1:
        raise NoCounterpart("an array with a size in the batch's place: parameter")
    sizes = array.shape[1:] if has_first else array.shape
    if array.size == 1:
        arguments: dict[str, Any] = {
            "value": float(str(array.reshape(-1)[0])),
            "size": sizes or (1,),
        }
        held = lifter.emit(node, "constant", arguments, ())
    else:
        given = {"size": sizes, **({"batch": 1} if value.ndim == rank and has_first else {})}
        own = value if value.ndim == rank else array.reshape(sizes)
        weights = {"": Weight(node.inputs[place], own)}
        held = lifter.emit(node, "parameter", given, (), weights)
    return held._replace(shift=shift, has_batch=False)


def _aligned(lifter: Lifter, node: Node) -> list[Held]:
    """Return what a node reads as layers of one rank, broadcast from the right as ONNX does."""
    values = [lifter.held[name] for name in node.inputs]
    ranks = [x.rank if isinstance(x, Held) else x.ndim for x in values]
    held = [x for x in values if isinstance(x, Held)]
    shift = min((x.shift for x in held if x.has_batch), default=1)
    found = [layer(lifter, node, i, max(ranks), shift) for i in range(len(values))]
    if any(x.rank != max(ranks) or x.shift != shift for x in found):
        raise NoCounterpart("inputs of different rank:")
    return found


@lifts("Concat")
def _concat(lifter: Lifter, node: Node) -> Held:
    reads = _aligned(lifter, node)
    if len(reads) == 1:
        return reads[0]
    return lifter.emit(node, "concat", {"dim": inner(reads[0], node.attributes["axis"])}, reads)


@lifts("Add", "Sum")
def _add(lifter: Lifter, node: Node) -> Held:
    for i in (0, 1) if len(node.inputs) == 2 else ():
        x, other = lifter.value(node, i), lifter.value(node, 1 - i)
        if isinstance(x, Held) and not isinstance(other, Held):
            bias = lifter.weight(node, 1 - i)
            if bias and (found := biased(lifter, node, x, bias)):
                return found
    return lifter.emit(node, "add", {}, _aligned(lifter, node))


@lifts("Mul")
def _mul(lifter: Lifter, node: Node) -> Held:
    left, right = (lifter.value(node, i) for i in (0, 1))
    for x, other in ((left, right), (right, left)):
        if not isinstance(other, Held) and other.size == 1 and other.ndim <= x.rank:
            return lifter.emit(node, "scale", {"factor": _number(other)}, [x])
        made = lifter.maker(other)
        if made and made.op == "sigmoid" and made.reads == (x,):
            return lifter.emit(node, "silu", {}, [x])
    return lifter.emit(node, "mul", {}, _aligned(lifter, node))


@lifts("Sub", "Div")
def _other(lifter: Lifter, node: Node) -> Held:
    return lifter.emit(node, node.op.lower(), {}, _aligned(lifter, node))


def _number(array: Any) -> int | float:
    value = float(str(array.reshape(-1)[0]))
    return int(value) if value.is_integer() else value


@lifts("Pow", "Sqrt")
def _pow(lifter: Lifter, node: Node) -> Held:
    array = lifter.array(node, 1) if node.op == "Pow" else None
    exponent = 0.5 if array is None else _number(array)
    if array is not None and array.size != 1:
        raise NoCounterpart("exponents that are not one number: pow")
    return lifter.emit(node, "pow", {"exponent": exponent}, [lifter.tensor(node)])


@lifts("MatMul")
def _matmul(lifter: Lifter, node: Node) -> Held:
    left, right = (lifter.value(node, i) for i in (0, 1))
    if isinstance(left, Held) and not isinstance(right, Held) and right.ndim == 2:
        weight = Weight(node.inputs[1], right.T)
        return linear(lifter, node, left, weight, None)
    return lifter.emit(node, "matmul", {}, _aligned(lifter, node))
