"""Fully connected layers, and what acts on a vector."""

from __future__ import annotations

from typing import ClassVar

from netspec.dim import Dim, Shape
from netspec.ops.arguments import Flag, Probability, Size
from netspec.ops.base import Cost, Op, op, product


@op("linear")
class Linear(Op):
    """Multiply the last dimension by a matrix; `in_features` is inferred."""

    module: ClassVar[str] = "nn.Linear"
    style: ClassVar[str] = "linear"

    out_features: Size
    bias: Flag = True

    def inferred(self, x: Shape) -> dict[str, Dim]:
        return {"in_features": x[-1]}

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.out_features)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        weight = {"weight": (self.out_features, inputs[0][-1])}
        return weight | ({"bias": (self.out_features,)} if self.bias else {})

    def cost(self, *inputs: Shape) -> Cost:
        outputs = product(self.shape(*inputs))
        return Cost(outputs * product(inputs[0][-1:]), outputs if self.bias else 0)

    def label(self) -> str:
        return f"fc {self.out_features}"


@op("dropout")
class Dropout(Op):
    """Zero each element with probability `p` while training."""

    module: ClassVar[str] = "nn.Dropout"
    style: ClassVar[str] = "dropout"

    p: Probability = 0.5
    inplace: Flag = False

    def label(self) -> str:
        return f"dropout {self.p}"
