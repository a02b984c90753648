"""Pooling by a window that slides."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import (
    Count,
    Flag,
    OptionalPair,
    OptionalSize,
    OptionalTriple,
    Pair,
    PairFrom0,
    Size,
    Triple,
    TripleFrom0,
)
from netspec.ops.base import INTEGER, Cost, Layout, Op, Problem, Window, numbers, op, product
from netspec.ops.dim import Shape
from netspec.ops.held import Kept, Laid, Made, Precision
from netspec.ops.reach import SAME, Reads, in_order
from netspec.ops.window import (
    DILATION,
    KERNEL,
    PADDING,
    STRIDE,
    every,
    label,
    reaches,
    refuse_window,
    slide,
    times,
)

CeilMode = Annotated[
    Flag, Field(description="round the output's size up, so that the last window may overhang")
]
IncludePad = Annotated[Flag, Field(description="whether the padding counts in the mean")]
Divisor = Annotated[
    OptionalSize, Field(description="what the sum of a window is divided by, in place of its size")
]


class Pool(Op):
    """A window that slides over each channel; subclasses fix the number of spatial dimensions."""

    style: ClassVar[str] = "pool"
    layout: ClassVar[Layout] = Layout.FIRST
    is_pooling: ClassVar[bool] = True
    other: ClassVar[str] = "pooling"
    spatial: ClassVar[int]

    if TYPE_CHECKING:  # fields, which each class declares for itself in PyTorch's order
        kernel_size: int | tuple[int, ...]
        stride: int | tuple[int, ...] | None
        padding: int | tuple[int, ...]
        ceil_mode: bool

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        window = self._window()
        for kernel, padding in zip(window.kernel, window.padding, strict=True):
            if padding > kernel // 2:
                message = f"padding {padding} is more than half of the kernel of {kernel}"
                yield Problem("padding", message, f"at most {kernel // 2}")
                return
        yield from refuse_window(inputs[0][1:], self.shape(*inputs)[1:], window)

    def _dilation(self) -> int | tuple[int, ...]:
        return 1

    def _window(self) -> Window:
        stride = self.kernel_size if self.stride is None else self.stride
        values = self.kernel_size, stride, self.padding, self._dilation()
        return Window(*(every(value, self.spatial) for value in values))

    def shape(self, *inputs: Shape) -> Shape:
        window = self._window()
        return (inputs[0][0], *slide(inputs[0][1:], window, window.padding, self.ceil_mode))

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(self.shape(*inputs)) * product(self._window().kernel))

    def window(self) -> Window | None:
        return self._window()

    def reach(self, x: Shape) -> Reads | None:
        return in_order((SAME, *reaches(self._window())))

    def label(self) -> str:
        return f"{self.op_name.split('_')[0]} pool {label(self._window())}"

    def brief(self) -> str:
        return self.label().replace(" pool", "")


def with_places(x: Laid, shape: Shape) -> Kept:
    """Return what backward keeps where each output is one of the inputs: the place of each."""
    return Kept((0,), made=(Made(x.sizes[0] * product(shape), INTEGER),))


class MaxPool(Pool):
    """The largest value of each window."""

    if TYPE_CHECKING:
        dilation: int | tuple[int, ...]

    def _dilation(self) -> int | tuple[int, ...]:
        return self.dilation

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return with_places(inputs[0], self.shape(inputs[0].sizes[1:]))


@op("max_pool1d")
class MaxPool1d(MaxPool):
    """The largest value of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.MaxPool1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    kernel_size: Size = Field(description=KERNEL)
    stride: OptionalSize = Field(None, description=STRIDE)
    padding: Count = Field(0, description=PADDING)
    dilation: Size = Field(1, description=DILATION)
    ceil_mode: CeilMode = False


@op("max_pool2d")
class MaxPool2d(MaxPool):
    """The largest value of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.MaxPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair = Field(description=KERNEL)
    stride: OptionalPair = Field(None, description=STRIDE)
    padding: PairFrom0 = Field(0, description=PADDING)
    dilation: Pair = Field(1, description=DILATION)
    ceil_mode: CeilMode = False


@op("max_pool3d")
class MaxPool3d(MaxPool):
    """The largest value of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.MaxPool3d"
    precision: ClassVar[Precision] = Precision.FULL
    spatial: ClassVar[int] = 3
    rank: ClassVar[int | None] = 4

    kernel_size: Triple = Field(description=KERNEL)
    stride: OptionalTriple = Field(None, description=STRIDE)
    padding: TripleFrom0 = Field(0, description=PADDING)
    dilation: Triple = Field(1, description=DILATION)
    ceil_mode: CeilMode = False


@op("avg_pool1d")
class AvgPool1d(Pool):
    """The mean of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.AvgPool1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    kernel_size: Size = Field(description=KERNEL)
    stride: OptionalSize = Field(None, description=STRIDE)
    padding: Count = Field(0, description=PADDING)
    ceil_mode: CeilMode = False
    count_include_pad: IncludePad = True


@op("avg_pool2d")
class AvgPool2d(Pool):
    """The mean of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.AvgPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair = Field(description=KERNEL)
    stride: OptionalPair = Field(None, description=STRIDE)
    padding: PairFrom0 = Field(0, description=PADDING)
    ceil_mode: CeilMode = False
    count_include_pad: IncludePad = True
    divisor_override: Divisor = None


@op("avg_pool3d")
class AvgPool3d(Pool):
    """The mean of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.AvgPool3d"
    precision: ClassVar[Precision] = Precision.FULL
    spatial: ClassVar[int] = 3
    rank: ClassVar[int | None] = 4

    kernel_size: Triple = Field(description=KERNEL)
    stride: OptionalTriple = Field(None, description=STRIDE)
    padding: TripleFrom0 = Field(0, description=PADDING)
    ceil_mode: CeilMode = False
    count_include_pad: IncludePad = True
    divisor_override: Divisor = None

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from super().check(*inputs)
        sizes, kernel = numbers(inputs[0][1:]), self._window().kernel
        if any(k > size for k, size in zip(kernel, sizes, strict=True)):
            message = f"a kernel of {times(kernel)} does not fit into {times(sizes)}"
            yield Problem("kernel_size", f"{message}; here padding does not help", "a smaller one")
