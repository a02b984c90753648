"""Activations: one operation for each element."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from netspec.ops.arguments import AnyReal, Axis, Dimension, Inplace, Size, Word
from netspec.ops.axes import index, refuse_axis
from netspec.ops.base import Call, Cost, Infix, Layout, Op, Problem, Storage, numbers, op, product
from netspec.ops.dim import Shape
from netspec.ops.held import Keeps, Kept, Laid, Made, Precision, Strides, contiguous, dense
from netspec.ops.reach import SAME, Reach, Reads, in_order, mixing, one_by_one


class Activation(Op):
    """A function of one element."""

    style: ClassVar[str] = "activation"
    is_light: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.KEPT
    storage: ClassVar[Storage] = Storage.OVERWRITES
    other: ClassVar[str] = "activation"
    keeps_in_place: ClassVar[Keeps] = Keeps.INPUTS
    """What backward needs where the output overwrites the input; of that it keeps a copy."""
    positional: ClassVar[int] = 0

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return inputs[0].strides if self.shares(training=True) else dense(inputs[0])

    def kept(self, params: str, *inputs: Laid) -> Kept:
        if not self.shares(training=True):
            return super().kept(params, *inputs)
        if self.keeps_in_place is Keeps.OUTPUT:
            return Kept(output=True)
        return Kept(made=(Made(inputs[0].elements, inputs[0].type),))

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        return ()

    def reach(self, x: Shape) -> Reads | None:
        return one_by_one(len(x))

    def label(self) -> str:
        return self.module.removeprefix("nn.")


@op("relu")
class ReLU(Activation):
    """max(x, 0)."""

    module: ClassVar[str] = "nn.ReLU"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT
    keeps_in_place: ClassVar[Keeps] = Keeps.OUTPUT
    inplace: Inplace = False


@op("relu6")
class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    module: ClassVar[str] = "nn.ReLU6"
    inplace: Inplace = False


@op("leaky_relu")
class LeakyReLU(Activation):
    """x, times `negative_slope` where it is negative."""

    module: ClassVar[str] = "nn.LeakyReLU"
    keeps_in_place: ClassVar[Keeps] = Keeps.OUTPUT
    positional: ClassVar[int] = 1
    slope: ClassVar[str] = "negative_slope"
    negative_slope: AnyReal = Field(0.01, description="the slope for negative values")
    inplace: Inplace = False


@op("prelu")
class PReLU(Activation):
    """x, times a learnt slope where it is negative; `num_parameters` is 1 or one per channel."""

    module: ClassVar[str] = "nn.PReLU"
    precision: ClassVar[Precision] = Precision.LOW
    positional: ClassVar[int] = 1
    num_parameters: Size = Field(1, description="1, or one learnt slope for each channel")
    init: AnyReal = Field(0.25, description="the slope that training starts at")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        channels = inputs[0][0] if inputs[0] else 1
        if self.num_parameters not in (1, channels):
            message = f"{self.num_parameters} slopes for {channels} channels"
            yield Problem("num_parameters", message, f"write 1 or {channels}")

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.num_parameters,)}

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return Kept((0,), weights=("weight",))


@op("elu")
class ELU(Activation):
    """x, or alpha * (exp(x) - 1) where it is negative."""

    module: ClassVar[str] = "nn.ELU"
    keeps_in_place: ClassVar[Keeps] = Keeps.OUTPUT
    positional: ClassVar[int] = 1
    slope: ClassVar[str] = "alpha"
    alpha: AnyReal = Field(1.0, description="the scale of the negative part")
    inplace: Inplace = False


@op("selu")
class SELU(Activation):
    """A scaled ELU whose scales keep mean 0 and variance 1 from layer to layer."""

    module: ClassVar[str] = "nn.SELU"
    keeps_in_place: ClassVar[Keeps] = Keeps.OUTPUT
    inplace: Inplace = False


@op("gelu")
class GELU(Activation):
    """x times the normal distribution function of x."""

    module: ClassVar[str] = "nn.GELU"
    approximate: Annotated[str, Word(("none", "tanh"))] = Field(
        "none", description="`tanh` for the faster approximation of GELU"
    )


@op("silu")
class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    module: ClassVar[str] = "nn.SiLU"
    inplace: Inplace = False


@op("mish")
class Mish(Activation):
    """x * tanh(softplus(x))."""

    module: ClassVar[str] = "nn.Mish"
    inplace: Inplace = False


@op("hardswish")
class Hardswish(Activation):
    """x * relu6(x + 3) / 6."""

    module: ClassVar[str] = "nn.Hardswish"
    inplace: Inplace = False


@op("sigmoid")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    module: ClassVar[str] = "nn.Sigmoid"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT

    def label(self) -> str:
        return "sigmoid"


@op("hardsigmoid")
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    module: ClassVar[str] = "nn.Hardsigmoid"
    inplace: Inplace = False


@op("tanh")
class Tanh(Activation):
    """Hyperbolic tangent."""

    module: ClassVar[str] = "nn.Tanh"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT

    def label(self) -> str:
        return "tanh"


@op("softplus")
class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above `threshold`."""

    module: ClassVar[str] = "nn.Softplus"
    beta: AnyReal = Field(1.0, description="the steepness")
    threshold: AnyReal = Field(20.0, description="above it the function is the identity")


@op("glu")
class GLU(Op):
    """The first half of the input along `dim`, times the sigmoid of the second half."""

    module: ClassVar[str] = "nn.GLU"
    style: ClassVar[str] = "activation"
    is_light: ClassVar[bool] = True
    other: ClassVar[str] = "activation"
    positional: ClassVar[int] = 1

    dim: Axis = Field(
        -1, description="the dimension that is halved; 0 is the batch, 1 the channels"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(refuse_axis("dim", self.dim, inputs[0])):
            yield from problems
            return
        size = inputs[0][index(self.dim, inputs[0])]
        if size % 2:
            yield Problem("dim", f"a size of {size} has no halves")

    def shape(self, *inputs: Shape) -> Shape:
        axis = index(self.dim, inputs[0])
        return (*inputs[0][:axis], inputs[0][axis] // 2, *inputs[0][axis + 1 :])

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))

    def reach(self, x: Shape) -> Reads | None:
        axis = index(self.dim, x)
        halves = Reach((0,), (numbers(x)[axis] // 2,), 1)
        return in_order(halves if i == axis else SAME for i in range(len(x)))

    def label(self) -> str:
        return "GLU"


class AlongAxis(Activation):
    """A function of all elements along one dimension; `dim` counts as in PyTorch, 0 is the batch.

    PyTorch guesses a missing `dim` and warns; here it is 1, the channels.
    """

    dim: Dimension = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_axis("dim", self.dim, inputs[0])

    def torch(self, *inputs: Shape) -> Call | Infix:
        keywords: dict[str, Any] = {"dim": self.dim}
        return Call(self.module, (), keywords)

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return contiguous(sizes)

    def reach(self, x: Shape) -> Reads | None:
        return mixing(numbers(x), {index(self.dim, x)})

    def label(self) -> str:
        return self.op_name.replace("_", " ")


@op("softmax")
class Softmax(AlongAxis):
    """exp(x) divided by its sum along `dim`."""

    module: ClassVar[str] = "nn.Softmax"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT


@op("log_softmax")
class LogSoftmax(AlongAxis):
    """Logarithm of the softmax along `dim`."""

    module: ClassVar[str] = "nn.LogSoftmax"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT
