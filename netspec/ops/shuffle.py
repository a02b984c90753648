"""Ops that move elements between channels, height and width."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ops.arguments import Size
from netspec.ops.axes import refuse_rank
from netspec.ops.base import Problem, numbers, op
from netspec.ops.dim import Shape
from netspec.ops.reach import SAME, Reads, in_order, per_phase, sharing, sliding
from netspec.ops.reshape import Move


@op("channel_shuffle")
class ChannelShuffle(Move):
    """Interleave the channels of `groups` groups."""

    module: ClassVar[str] = "nn.ChannelShuffle"

    groups: Size = Field(description="into how many groups the channels are split")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from refuse_rank(inputs[0], 2)
        if inputs[0] and inputs[0][0] % self.groups:
            message = f"{inputs[0][0]} channels do not divide into {self.groups} groups"
            yield Problem("groups", message)

    def reach(self, x: Shape) -> Reads | None:
        each = numbers(x)[0] // self.groups
        channels = per_phase(lambda i: (i * each, i * each), self.groups, 1)
        return in_order((channels, *(SAME for _ in x[1:])))


@op("pixel_shuffle")
class PixelShuffle(Move):
    """Enlarge height and width `upscale_factor` times, from that many channels squared."""

    module: ClassVar[str] = "nn.PixelShuffle"

    upscale_factor: Size = Field(description="how much larger height and width become")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from refuse_rank(inputs[0], 3)
        square = self.upscale_factor**2
        if len(inputs[0]) > 2 and inputs[0][-3] % square:
            yield Problem("upscale_factor", f"{inputs[0][-3]} channels do not divide by {square}")

    def shape(self, *inputs: Shape) -> Shape:
        *others, channels, height, width = inputs[0]
        factor = self.upscale_factor
        return (*others, channels // (factor * factor), height * factor, width * factor)

    def reach(self, x: Shape) -> Reads | None:
        factor = self.upscale_factor
        channels = sliding(factor**2, factor**2, 0)
        return in_order((*(SAME for _ in x[3:]), channels, sharing(factor), sharing(factor)))


@op("pixel_unshuffle")
class PixelUnshuffle(Move):
    """Shrink height and width `downscale_factor` times, into that many channels squared."""

    module: ClassVar[str] = "nn.PixelUnshuffle"

    downscale_factor: Size = Field(description="how much smaller height and width become")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from refuse_rank(inputs[0], 3)
        for size in inputs[0][-2:] if len(inputs[0]) > 2 else ():
            if size % self.downscale_factor:
                message = f"a size of {size} does not divide by {self.downscale_factor}"
                yield Problem("downscale_factor", message)

    def shape(self, *inputs: Shape) -> Shape:
        *others, channels, height, width = inputs[0]
        factor = self.downscale_factor
        return (*others, channels * factor * factor, height // factor, width // factor)

    def reach(self, x: Shape) -> Reads | None:
        factor = self.downscale_factor
        cell = sliding(factor, factor, 0)
        return in_order((*(SAME for _ in x[3:]), sharing(factor**2), cell, cell))
