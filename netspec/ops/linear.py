"""Fully connected layers."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ops.arguments import Bias, Size
from netspec.ops.axes import refuse_rank
from netspec.ops.base import Cost, Layout, Op, Problem, numbers, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Kept, Laid, Made, Precision
from netspec.ops.reach import Reads, mixing


@op("linear")
class Linear(Op):
    """Multiply the last dimension by a matrix; `in_features` is inferred."""

    module: ClassVar[str] = "nn.Linear"
    style: ClassVar[str] = "linear"
    layout: ClassVar[Layout] = Layout.LAST
    precision: ClassVar[Precision] = Precision.LOW
    may_run_once: ClassVar[bool] = False
    has_depth: ClassVar[bool] = True
    other: ClassVar[str] = "bias"
    channels: ClassVar[tuple[str, ...]] = ("out_features",)

    out_features: Size = Field(description="how many numbers come out")
    bias: Bias = True

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"in_features": x[-1]}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_rank(inputs[0], 1)

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.out_features)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        weight = {"weight": (self.out_features, inputs[0][-1])}
        return weight | ({"bias": (self.out_features,)} if self.bias else {})

    def cost(self, *inputs: Shape) -> Cost:
        outputs = product(self.shape(*inputs))
        return Cost(outputs * product(inputs[0][-1:]), outputs if self.bias else 0)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        x = inputs[0]
        weights = ("weight",) if x.learns else ()
        if len(x.sizes) == 2 or x.fits((x.elements // x.sizes[-1], x.sizes[-1])):
            return Kept((0,), weights=weights)
        return Kept(made=(Made(x.elements, x.type),), weights=weights)

    def reach(self, x: Shape) -> Reads | None:
        return mixing(numbers(x), {len(x) - 1})

    def label(self) -> str:
        return f"fc {self.out_features}"
