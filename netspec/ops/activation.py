"""Activations: one operation for each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from netspec.ops.arguments import AnyReal, Axis, Flag, Size, Word
from netspec.ops.axes import refuse_axis
from netspec.ops.base import Call, Cost, Infix, Op, Problem, op, product
from netspec.ops.dim import Shape


class Activation(Op):
    """A function of one element."""

    style: ClassVar[str] = "activation"
    positional: ClassVar[int] = 0

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))

    def label(self) -> str:
        return self.module.removeprefix("nn.")


@op("relu")
class ReLU(Activation):
    """max(x, 0)."""

    module: ClassVar[str] = "nn.ReLU"
    inplace: Flag = False


@op("relu6")
class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    module: ClassVar[str] = "nn.ReLU6"
    inplace: Flag = False


@op("leaky_relu")
class LeakyReLU(Activation):
    """x, times `negative_slope` where it is negative."""

    module: ClassVar[str] = "nn.LeakyReLU"
    positional: ClassVar[int] = 1
    negative_slope: AnyReal = 0.01
    inplace: Flag = False


@op("prelu")
class PReLU(Activation):
    """x, times a learnt slope where it is negative; `num_parameters` is 1 or one per channel."""

    module: ClassVar[str] = "nn.PReLU"
    positional: ClassVar[int] = 1
    num_parameters: Size = 1
    init: AnyReal = 0.25

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        channels = inputs[0][0] if inputs[0] else 1
        if self.num_parameters not in (1, channels):
            message = f"{self.num_parameters} slopes for {channels} channels"
            yield Problem("num_parameters", message, f"write 1 or {channels}")

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.num_parameters,)}


@op("elu")
class ELU(Activation):
    """x, or alpha * (exp(x) - 1) where it is negative."""

    module: ClassVar[str] = "nn.ELU"
    positional: ClassVar[int] = 1
    alpha: AnyReal = 1.0
    inplace: Flag = False


@op("gelu")
class GELU(Activation):
    """x times the normal distribution function of x."""

    module: ClassVar[str] = "nn.GELU"
    approximate: Annotated[str, Word(("none", "tanh"))] = "none"


@op("silu")
class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    module: ClassVar[str] = "nn.SiLU"
    inplace: Flag = False


@op("hardswish")
class Hardswish(Activation):
    """x * relu6(x + 3) / 6."""

    module: ClassVar[str] = "nn.Hardswish"
    inplace: Flag = False


@op("sigmoid")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    module: ClassVar[str] = "nn.Sigmoid"

    def label(self) -> str:
        return "sigmoid"


@op("hardsigmoid")
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    module: ClassVar[str] = "nn.Hardsigmoid"
    inplace: Flag = False


@op("tanh")
class Tanh(Activation):
    """Hyperbolic tangent."""

    module: ClassVar[str] = "nn.Tanh"

    def label(self) -> str:
        return "tanh"


@op("softplus")
class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above `threshold`."""

    module: ClassVar[str] = "nn.Softplus"
    beta: AnyReal = 1.0
    threshold: AnyReal = 20.0


class AlongAxis(Activation):
    """A function of all elements along one dimension; `dim` counts as in PyTorch, 0 is the batch.

    PyTorch guesses a missing `dim` and warns; here it is 1, the channels.
    """

    dim: Axis = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_axis("dim", self.dim, inputs[0])

    def torch(self, *inputs: Shape) -> Call | Infix:
        keywords: dict[str, Any] = {"dim": self.dim}
        return Call(self.module, (), keywords)

    def label(self) -> str:
        return self.op_name.replace("_", " ")


@op("softmax")
class Softmax(AlongAxis):
    """exp(x) divided by its sum along `dim`."""

    module: ClassVar[str] = "nn.Softmax"


@op("log_softmax")
class LogSoftmax(AlongAxis):
    """Logarithm of the softmax along `dim`."""

    module: ClassVar[str] = "nn.LogSoftmax"
