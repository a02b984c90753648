"""Dimensions counted as PyTorch counts them: 0 is the batch, -1 the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.ops.base import Problem
from netspec.ops.dim import Shape
from netspec.text.diagnostics import counted

NAMES = {
    1: ("features",),
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""What the dimensions of a shape are called, by their number."""


def called(axes: Sequence[int], rank: int) -> str:
    """Name dimensions of a shape: height and width."""
    known = NAMES.get(rank, ())
    words = [known[axis] if axis < len(known) else f"dimension {axis + 1}" for axis in axes]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def index(axis: int, x: Shape) -> int:
    """Return the place in a shape, which has no batch, of a dimension that is not the batch."""
    return axis % (len(x) + 1) - 1


def refuse_axis(argument: str, axis: int, x: Shape) -> Iterator[Problem]:
    """Yield a problem where a dimension does not exist or is the batch."""
    rank = len(x) + 1
    if not -rank <= axis < rank:
        yield Problem(argument, f"dimension {axis} of an input with {rank} (batch included)")
    elif axis % rank == 0:
        yield Problem(argument, f"dimension {axis} is the batch", "1 is the channels")


def refuse_rank(x: Shape, least: int, most: int | None = None) -> Iterator[Problem]:
    """Yield a problem where an input has too few or too many dimensions beside the batch."""
    if len(x) < least:
        yield Problem(None, f"expected at least {counted(least, 'dimension')}, found {len(x)}")
    elif most is not None and len(x) > most:
        yield Problem(None, f"expected at most {counted(most, 'dimension')}, found {len(x)}")
