"""Activations: one operation for each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from netspec.dim import Shape
from netspec.ops.arguments import Axis, Flag
from netspec.ops.base import Call, Cost, Infix, Op, Problem, op, product


class Activation(Op):
    """A function of one element."""

    style: ClassVar[str] = "activation"
    positional: ClassVar[int] = 0

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))


@op("relu")
class ReLU(Activation):
    """max(x, 0)."""

    module: ClassVar[str] = "nn.ReLU"
    inplace: Flag = False

    def label(self) -> str:
        return "ReLU"


@op("sigmoid")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    module: ClassVar[str] = "nn.Sigmoid"


@op("tanh")
class Tanh(Activation):
    """Hyperbolic tangent."""

    module: ClassVar[str] = "nn.Tanh"


class AlongAxis(Activation):
    """A function of all elements along one dimension; `dim` counts as in PyTorch, 0 is the batch.

    PyTorch guesses a missing `dim` and warns; here it is 1, the channels.
    """

    dim: Axis = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        rank = len(inputs[0]) + 1
        if not -rank <= self.dim < rank:
            yield Problem("dim", f"dimension {self.dim} of an input with {rank} (batch included)")
        elif self.dim % rank == 0:
            yield Problem("dim", "dimension 0 is the batch", "`dim: 1` is the channels")

    def torch(self, *inputs: Shape) -> Call | Infix:
        keywords: dict[str, Any] = {"dim": self.dim}
        return Call(self.module, (), keywords)


@op("softmax")
class Softmax(AlongAxis):
    """exp(x) divided by its sum along `dim`."""

    module: ClassVar[str] = "nn.Softmax"


@op("log_softmax")
class LogSoftmax(AlongAxis):
    """Logarithm of the softmax along `dim`."""

    module: ClassVar[str] = "nn.LogSoftmax"
