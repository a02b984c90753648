"""Ops that are one torch function: a sum, a product."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from netspec import limits
from netspec.ops.activation import Activation
from netspec.ops.arguments import AnyReal, Boolean, Fixed, Integer, ListOf, Real
from netspec.ops.axes import index, refuse_axis
from netspec.ops.base import Call, Cost, Infix, Layout, Op, Problem, numbers, op, product
from netspec.ops.dim import Shape
from netspec.ops.held import Keeps
from netspec.ops.reach import SAME, Along, Reads, mixing
from netspec.ops.window import every, rounded

Limit = Annotated[float | None, Real(optional=True)]
Axes = Annotated[int | tuple[int, ...], Fixed(ListOf(Integer(-limits.SIZE), single=True))]


class Function(Activation):
    """A torch function of one element."""

    is_module: ClassVar[bool] = False
    positional: ClassVar[int] = 1

    def label(self) -> str:
        return self.op_name


@op("exp")
class Exp(Function):
    """The exponential function."""

    module: ClassVar[str] = "torch.exp"
    keeps: ClassVar[Keeps] = Keeps.OUTPUT


@op("neg")
class Neg(Function):
    """The input with the other sign."""

    module: ClassVar[str] = "torch.neg"
    keeps: ClassVar[Keeps] = Keeps.NOTHING


@op("pow")
class Pow(Function):
    """The input to the power of a number."""

    module: ClassVar[str] = "torch.pow"

    exponent: AnyReal = Field(description="the power")

    def label(self) -> str:
        return f"pow {rounded(self.exponent)}"


@op("clamp")
class Clamp(Function):
    """The input, kept between `min` and `max`, of which one may be left out."""

    module: ClassVar[str] = "torch.clamp"
    positional: ClassVar[int] = 0

    min: Limit = Field(None, description="the least value")
    max: Limit = Field(None, description="the largest value")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if self.min is None and self.max is None:
            yield Problem("min", "neither `min` nor `max` is given", "for example `min: 0`")


@op("scale")
class Scale(Function):
    """The input times a number."""

    module: ClassVar[str] = "torch.mul"
    keeps: ClassVar[Keeps] = Keeps.NOTHING

    factor: AnyReal = Field(description="what every element is multiplied by")

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Infix("*", (self.factor,))

    def label(self) -> str:
        return f"× {rounded(self.factor)}"


@op("mean")
class Mean(Op):
    """The mean over one dimension or several; they count as in PyTorch, 0 is the batch."""

    module: ClassVar[str] = "torch.mean"
    keeps: ClassVar[Keeps] = Keeps.NOTHING
    is_module: ClassVar[bool] = False
    style: ClassVar[str] = "pool"
    layout: ClassVar[Layout] = Layout.FIRST
    other: ClassVar[str] = "pooling"

    dim: Axes = Field(description="the dimension; 0 is the batch, 1 the channels")
    keepdim: Annotated[bool, Fixed(Boolean())] = Field(
        False, description="whether the dimensions stay, with the size 1"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        axes = every(self.dim, 1)
        problems = [problem for axis in axes for problem in refuse_axis("dim", axis, inputs[0])]
        yield from problems
        if not problems and len({index(axis, inputs[0]) for axis in axes}) < len(axes):
            yield Problem("dim", "a dimension stands twice")
        elif not problems and not self.shape(*inputs):
            yield Problem("dim", "nothing is left beside the batch", "write `keepdim: true`")

    def shape(self, *inputs: Shape) -> Shape:
        gone = {index(axis, inputs[0]) for axis in every(self.dim, 1)}
        sizes = ((place, size) for place, size in enumerate(inputs[0]))
        if self.keepdim:
            return tuple(1 if place in gone else size for place, size in sizes)
        return tuple(size for place, size in sizes if place not in gone)

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))

    def reach(self, x: Shape) -> Reads | None:
        gone = {index(axis, x) for axis in every(self.dim, 1)}
        if self.keepdim:
            return mixing(numbers(x), gone)
        return tuple(Along(i, SAME) for i in range(len(x)) if i not in gone)
