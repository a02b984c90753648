"""Learnt tensors that belong to no other op: a scale, a bias, a token."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Fixed, Integer, ListOf
from netspec.ops.base import Call, Infix, Op, op
from netspec.ops.dim import Shape

Sizes = Annotated[tuple[int, ...], ListOf(Integer())]


@op("parameter")
class Parameter(Op):
    """A learnt tensor of the given size, without the batch; it reads nothing and starts at 0."""

    module: ClassVar[str] = "nn.Parameter"
    style: ClassVar[str] = "parameter"
    reads: ClassVar[Sequence[int]] = (0,)

    size: Sizes = Field(description="the sizes of its dimensions, without the batch")
    batch: Annotated[int | None, Fixed(Integer(1, maximum=1, optional=True))] = Field(
        None, description="1 for a tensor that has a leading 1 in the place of the batch"
    )

    def shape(self, *inputs: Shape) -> Shape:
        return self.size

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"": (1, *self.size) if self.batch else self.size}

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (Call("torch.zeros", self.weights()[""]),))

    def kind(self) -> str:
        return "other"

    def label(self) -> str:
        return f"parameter {'×'.join(map(str, self.size))}"
