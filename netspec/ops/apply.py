"""An op at work on shapes of numbers: what it gives, or what it refuses."""

from __future__ import annotations

from netspec import limits
from netspec.ops.axes import NAMES
from netspec.ops.base import REGISTRY, Op, Problem
from netspec.ops.window import times
from netspec.text.codes import Code

Result = tuple[tuple[int, ...], tuple[Problem, ...]]
"""An output shape without the batch, or what is refused."""


def apply(op: Op, inputs: tuple[tuple[int, ...], ...]) -> Result:
    """Return the output shape, or what is wrong."""
    if op.rank is not None and any(len(x) != op.rank for x in inputs):
        found = next(x for x in inputs if len(x) != op.rank)
        layout = f"({', '.join(NAMES[op.rank])})"
        message = f"`{op.op_name}` reads {layout}, found {times(found) or 'nothing'}"
        return (), (Problem(None, message, _rank_meant(op, found), Code.WRONG_RANK),)
    problems = tuple(op.check(*inputs))
    if problems:
        return (), problems
    shape = op.shape(*inputs)
    if any(not isinstance(size, int) or size > limits.SIZE for size in shape):
        return (), (Problem(None, f"the output {times(shape)} is too large", code=Code.RANGE),)
    return shape, ()  # type: ignore[return-value]  # integers, as checked


def _rank_meant(op: Op, found: tuple[int, ...]) -> str:
    """Return the cure of an input with another number of dimensions."""
    rank = op.rank or 0
    sibling = f"{op.op_name[:-2]}{len(found) - 1}d"
    if sibling in REGISTRY and op.op_name.endswith("d") and (rank, len(found)) != (3, 4):
        other = f"`{sibling}` reads ({', '.join(NAMES[len(found)])})"
        if (rank, len(found)) == (3, 2):
            return f"an image has its channels first, as in 1×{times(found)}; {other}"
        return other
    if len(found) == rank + 1:
        return "shapes leave out the batch"
    return "put a `flatten` before it" if rank == 1 and len(found) > 1 else ""
