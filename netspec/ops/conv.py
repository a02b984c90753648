"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from netspec.dim import Dim, Shape
from netspec.ops.arguments import Flag, Integer, Pair, Size, Word
from netspec.ops.base import Cost, Op, Problem, Window, op, product
from netspec.ops.window import every, label, refuse_kernel, slide

PaddingMode = Annotated[str, Word(("zeros", "reflect", "replicate", "circular"))]


class Conv(Op):
    """A convolution over (channels, *spatial); subclasses fix the number of spatial dimensions."""

    style: ClassVar[str] = "conv"
    positional: ClassVar[int] = 2
    spatial: ClassVar[int]

    out_channels: Size
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] | str = 0
    dilation: int | tuple[int, ...] = 1
    groups: Size = 1
    bias: Flag = True
    padding_mode: PaddingMode = "zeros"

    def inferred(self, x: Shape) -> dict[str, Dim]:
        return {"in_channels": x[0]}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        channels, *sizes = inputs[0]
        if channels % self.groups:
            yield Problem(
                "groups", f"{channels} input channels do not divide into {self.groups} groups"
            )
        if self.out_channels % self.groups:
            message = f"{self.out_channels} output channels do not divide into {self.groups} groups"
            yield Problem("groups", message)
        if self.padding == "same" and any(step != 1 for step in every(self.stride, self.spatial)):
            yield Problem(
                "padding", "`padding: same` needs `stride: 1`", "write the padding as a number"
            )
            return
        yield from self._refuse_padding_mode(tuple(sizes))
        before, after = self._padding()
        yield from refuse_kernel(
            tuple(sizes), self._window(), tuple(map(sum, zip(before, after, strict=True)))
        )

    def _refuse_padding_mode(self, sizes: Shape) -> Iterator[Problem]:
        limit = {"reflect": -1, "circular": 0}.get(self.padding_mode)
        if limit is None:
            return
        for most, size in zip(self._padding()[1], sizes, strict=True):
            if most > size + limit:
                message = f"`{self.padding_mode}` padding of {most} on a size of {size}"
                yield Problem("padding", message, f"at most {size + limit} fits")

    def _window(self) -> Window:
        before, _ = self._padding()
        kernel, stride, dilation = (
            every(value, self.spatial) for value in (self.kernel_size, self.stride, self.dilation)
        )
        return Window(kernel, stride, before, dilation)

    def _padding(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the padding before and after; `same` puts the odd one after."""
        if self.padding == "same":
            pairs = zip(
                every(self.kernel_size, self.spatial),
                every(self.dilation, self.spatial),
                strict=True,
            )
            totals = [dilation * (kernel - 1) for kernel, dilation in pairs]
            return tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
        number = 0 if isinstance(self.padding, str) else self.padding
        return every(number, self.spatial), every(number, self.spatial)

    def shape(self, *inputs: Shape) -> Shape:
        sizes = inputs[0][1:]
        if self.padding == "same":
            return (self.out_channels, *sizes)
        return (self.out_channels, *slide(sizes, self._window(), self._padding()[1]))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        kernel = every(self.kernel_size, self.spatial)
        weight = (self.out_channels, inputs[0][0] // self.groups, *kernel)
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def cost(self, *inputs: Shape) -> Cost:
        pixels = product(self.shape(*inputs)[1:])
        macs = pixels * product(self.weights(*inputs)["weight"])
        return Cost(macs, pixels * self.out_channels if self.bias else 0)

    def window(self) -> Window | None:
        return self._window()

    def label(self) -> str:
        depthwise = "" if self.groups == 1 else f", {self.groups} groups"
        return f"conv {label(self._window())}, {self.out_channels}{depthwise}"


@op("conv2d")
class Conv2d(Conv):
    """2-D convolution over (channels, height, width); `in_channels` is inferred."""

    module: ClassVar[str] = "nn.Conv2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair
    stride: Pair = 1
    padding: Annotated[
        int | tuple[int, int] | str, Integer(0, count=2, words=("same", "valid"))
    ] = 0
    dilation: Pair = 1
