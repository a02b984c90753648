"""Learnt tensors that belong to no other op: a scale, a bias, a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from netspec.dim import Shape
from netspec.ops.arguments import Integer, ListOf, Word
from netspec.ops.base import Call, Infix, Op, Problem, op

Sizes = Annotated[tuple[int, ...], ListOf(Integer())]
Start = Annotated[Literal["zeros", "ones", "randn"], Word(("zeros", "ones", "randn"))]


@op("parameter")
class Parameter(Op):
    """A learnt tensor of the given size, without the batch; it reads nothing.

    `init` is the torch function that fills it: zeros, ones or randn.
    """

    module: ClassVar[str] = "nn.Parameter"
    style: ClassVar[str] = "parameter"
    reads: ClassVar[int] = 0

    size: Sizes
    init: Start = "zeros"

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return iter(())

    def shape(self, *inputs: Shape) -> Shape:
        return self.size

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"": self.size}

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (Call(f"torch.{self.init}", self.size),))

    def label(self) -> str:
        return f"parameter {'×'.join(map(str, self.size))}"
