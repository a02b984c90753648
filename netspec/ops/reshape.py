"""Ops that move elements and compute nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.dim import Shape
from netspec.ops.arguments import Axis
from netspec.ops.base import Op, Problem, op, product


class Move(Op):
    """Elements change places only."""

    style: ClassVar[str] = "reshape"


@op("flatten")
class Flatten(Move):
    """Fold dimensions `start_dim` to `end_dim` into one; they count as in PyTorch, 0 is the batch."""

    module: ClassVar[str] = "nn.Flatten"
    positional: ClassVar[int] = 2

    start_dim: Axis = 1
    end_dim: Axis = -1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        rank = len(inputs[0]) + 1
        for argument in ("start_dim", "end_dim"):
            value = getattr(self, argument)
            if not -rank <= value < rank:
                message = f"dimension {value} of an input with {rank} (batch included)"
                yield Problem(argument, message)
                return
        if self.start_dim % rank == 0:
            yield Problem("start_dim", "dimension 0 is the batch", "start at 1")
        elif self.start_dim % rank > self.end_dim % rank:
            yield Problem("start_dim", f"{self.start_dim} lies behind `end_dim` {self.end_dim}")

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        rank = len(x) + 1
        first, last = self.start_dim % rank - 1, self.end_dim % rank - 1
        return (*x[:first], product(x[first : last + 1]), *x[last + 1 :])


@op("identity")
class Identity(Move):
    """The input unchanged."""

    module: ClassVar[str] = "nn.Identity"
