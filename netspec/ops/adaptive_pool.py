"""Pooling whose windows are chosen so that the output has a wanted size."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Integer, Size
from netspec.ops.base import Call, Cost, Infix, Layout, Op, numbers, op, product
from netspec.ops.dim import Shape
from netspec.ops.held import NOTHING, Kept, Laid, Precision
from netspec.ops.pool import with_places
from netspec.ops.reach import Reads, adapted, adapting, in_order
from netspec.ops.window import every

OutputTriple = Annotated[
    int | tuple[int | None, int | None, int | None], Integer(count=3, gaps=True)
]
OutputPair = Annotated[int | tuple[int | None, int | None], Integer(count=2, gaps=True)]
_SIZE = "the size of the output, one number or one for each spatial dimension"


class Adaptive(Op):
    """Windows chosen so that the output has a wanted size."""

    style: ClassVar[str] = "pool"
    layout: ClassVar[Layout] = Layout.FIRST
    is_pooling: ClassVar[bool] = True
    other: ClassVar[str] = "pooling"

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=adapted(numbers(inputs[0]), numbers(self.shape(*inputs))))

    def kept(self, params: str, *inputs: Laid) -> Kept:
        # PyTorch takes the mean where one element comes out, whose gradient needs nothing.
        sizes = self.shape(inputs[0].sizes[1:])[1:]
        return NOTHING if product(sizes) == 1 else super().kept(params, *inputs)

    def reach(self, x: Shape) -> Reads | None:
        return in_order(map(adapting, numbers(x), numbers(self.shape(x))))

    def brief(self) -> str:
        return self.label().replace(" pool", "")


class AdaptivePool(Adaptive):
    """Windows chosen for `output_size`; subclasses fix the number of spatial dimensions."""

    spatial: ClassVar[int]

    if TYPE_CHECKING:
        output_size: int | tuple[int | None, ...]

    def shape(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        wanted = every(self.output_size, self.spatial)
        return (channels, *(s if w is None else w for s, w in zip(sizes, wanted, strict=True)))

    def label(self) -> str:
        kind = "max" if "max" in self.op_name else "avg"
        sizes = every(self.output_size, self.spatial)
        return f"{kind} pool → {'×'.join('·' if s is None else str(s) for s in sizes)}"


@op("adaptive_avg_pool1d")
class AdaptiveAvgPool1d(AdaptivePool):
    """The mean of windows chosen so that the output has the given length."""

    module: ClassVar[str] = "nn.AdaptiveAvgPool1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    output_size: Size = Field(description=_SIZE)


@op("adaptive_avg_pool2d")
class AdaptiveAvgPool2d(AdaptivePool):
    """The mean of windows chosen for an output size; null in a pair keeps the input's size."""

    module: ClassVar[str] = "nn.AdaptiveAvgPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    output_size: OutputPair = Field(description=_SIZE)


@op("adaptive_avg_pool3d")
class AdaptiveAvgPool3d(AdaptivePool):
    """The mean of windows chosen for an output size; null among three keeps the input's size."""

    module: ClassVar[str] = "nn.AdaptiveAvgPool3d"
    precision: ClassVar[Precision] = Precision.FULL
    spatial: ClassVar[int] = 3
    rank: ClassVar[int | None] = 4

    output_size: OutputTriple = Field(description=_SIZE)


class AdaptiveMaxPool(AdaptivePool):
    """The largest value of each window."""

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return with_places(inputs[0], self.shape(inputs[0].sizes[1:]))


@op("adaptive_max_pool1d")
class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest value of windows chosen so that the output has the given length."""

    module: ClassVar[str] = "nn.AdaptiveMaxPool1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    output_size: Size = Field(description=_SIZE)


@op("adaptive_max_pool2d")
class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest value of windows chosen for an output size; null in a pair keeps the input's."""

    module: ClassVar[str] = "nn.AdaptiveMaxPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    output_size: OutputPair = Field(description=_SIZE)


@op("adaptive_max_pool3d")
class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """The largest value of windows chosen for an output size; null keeps the input's size."""

    module: ClassVar[str] = "nn.AdaptiveMaxPool3d"
    precision: ClassVar[Precision] = Precision.FULL
    spatial: ClassVar[int] = 3
    rank: ClassVar[int | None] = 4

    output_size: OutputTriple = Field(description=_SIZE)


@op("global_avg_pool")
class GlobalAvgPool(Adaptive):
    """The mean of each channel, of size 1×1: `adaptive_avg_pool2d: 1` by its usual name."""

    module: ClassVar[str] = "nn.AdaptiveAvgPool2d"
    rank: ClassVar[int | None] = 3

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], 1, 1)

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (1,))
