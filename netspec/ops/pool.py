"""Pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from netspec.dim import Shape
from netspec.ops.arguments import Flag, Integer, OptionalPair, Pair, PairFrom0
from netspec.ops.base import Cost, Op, Problem, Window, op, product
from netspec.ops.window import every, extent, label, refuse_output, slide


class Pool(Op):
    """A window that slides over each channel; subclasses fix the number of spatial dimensions."""

    style: ClassVar[str] = "pool"
    spatial: ClassVar[int]
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: int | tuple[int, ...] = 0
    ceil_mode: Flag = False

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        window = self._window()
        for kernel, padding in zip(extent(window), window.padding, strict=True):
            if padding > kernel // 2:
                message = f"padding {padding} is more than half of the kernel of {kernel}"
                yield Problem("padding", message, f"at most {kernel // 2}")
                return
        yield from refuse_output(self.shape(*inputs)[1:])

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

    def label(self) -> str:
        return f"{self.op_name.split('_')[0]} pool {label(self._window())}"


@op("max_pool2d")
class MaxPool2d(Pool):
    """The largest value of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.MaxPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair
    stride: OptionalPair = None
    padding: PairFrom0 = 0
    dilation: Pair = 1
    ceil_mode: Flag = False

    def _dilation(self) -> int | tuple[int, ...]:
        return self.dilation


@op("avg_pool2d")
class AvgPool2d(Pool):
    """The mean of each window; `stride` is the kernel's size unless given."""

    module: ClassVar[str] = "nn.AvgPool2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair
    stride: OptionalPair = None
    padding: PairFrom0 = 0
    ceil_mode: Flag = False
    count_include_pad: Flag = True
    divisor_override: Annotated[int | None, Integer(1, optional=True)] = None


@op("adaptive_avg_pool2d")
class AdaptiveAvgPool2d(Op):
    """The mean of windows chosen so that the output has the given size; null keeps the input's."""

    module: ClassVar[str] = "nn.AdaptiveAvgPool2d"
    style: ClassVar[str] = "pool"
    rank: ClassVar[int | None] = 3

    output_size: OptionalPair

    def shape(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        wanted = every(self.output_size, 2)
        return (channels, *(s if w is None else w for s, w in zip(sizes, wanted, strict=True)))

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(inputs[0]))

    def label(self) -> str:
        return f"avg pool → {'×'.join(str(size) for size in every(self.output_size, 2))}"
