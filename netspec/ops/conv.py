"""Convolutions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Bias, Count, Integer, Pair, PairFrom0, Size, Triple, Word
from netspec.ops.base import Cost, Layout, Op, Problem, Window, numbers, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Kept, Laid, Made, Precision
from netspec.ops.reach import Reach, Reads, grouped, in_order, spreading
from netspec.ops.window import (
    DILATION,
    KERNEL,
    PADDING,
    STRIDE,
    every,
    label,
    reaches,
    refuse_kernel,
    refuse_output,
    slide,
    unslide,
)

PaddingMode = Annotated[str, Word(("zeros", "reflect", "replicate", "circular"))]
Groups = Annotated[Size, Field(description="into how many groups the channels are split")]
OutChannels = Annotated[Size, Field(description="how many feature maps come out")]
_WORDS = ("same", "valid")
_OUTPUT_PADDING = "what is added to one side of the output's size"


class AnyConv(Op):
    """What convolutions and their transposes share; each class gives the fields PyTorch's order."""

    style: ClassVar[str] = "conv"
    layout: ClassVar[Layout] = Layout.FIRST
    has_depth: ClassVar[bool] = True
    precision: ClassVar[Precision] = Precision.LOW
    may_run_once: ClassVar[bool] = False
    other: ClassVar[str] = "bias"
    channels: ClassVar[tuple[str, ...]] = ("out_channels",)
    positional: ClassVar[int] = 2
    spatial: ClassVar[int]

    if TYPE_CHECKING:
        out_channels: int
        kernel_size: int | tuple[int, ...]
        stride: int | tuple[int, ...]
        dilation: int | tuple[int, ...]
        groups: int
        bias: bool

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"in_channels": x[0]}

    def _refuse_groups(self, channels: Dim) -> Iterator[Problem]:
        for count, what in ((channels, "input"), (self.out_channels, "output")):
            if count % self.groups:
                message = f"{count} {what} channels do not divide into {self.groups} groups"
                yield Problem("groups", message)

    def _over(self, padding: tuple[int, ...]) -> Window:
        count = self.spatial
        kernel, stride = every(self.kernel_size, count), every(self.stride, count)
        return Window(kernel, stride, padding, every(self.dilation, count))

    def _weights(self, first: Dim, second: Dim) -> dict[str, Shape]:
        weight = (first, second // self.groups, *every(self.kernel_size, self.spatial))
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def _cost(self, pixels: int, x: Shape, y: Shape) -> Cost:
        """Return the cost where each of `pixels` meets the whole weight once."""
        biases = product(y) if self.bias else 0
        return Cost(pixels * product(self.weights(x)["weight"]), biases)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return Kept((0,), weights=("weight",))

    def _groups(self, x: Shape) -> Reach:
        """Return which channels one of the output reads."""
        return grouped(numbers(x)[0], self.out_channels, self.groups)

    def kernel(self) -> Shape:
        return every(self.kernel_size, self.spatial)

    def label(self) -> str:
        return f"conv {self.brief()}"

    def brief(self) -> str:
        groups = "" if self.groups == 1 else f", {self.groups} groups"
        window = label(self._over((0,) * self.spatial))
        return f"{window}, {self.out_channels}{groups}"


class Conv(AnyConv):
    """A convolution over (channels, *spatial); subclasses fix the number of spatial dimensions."""

    out_channels: OutChannels
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] | str = 0
    dilation: int | tuple[int, ...] = 1
    groups: Groups = 1
    bias: Bias = True
    padding_mode: PaddingMode = Field("zeros", description="what the padding holds")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        sizes = inputs[0][1:]
        yield from self._refuse_groups(inputs[0][0])
        if self.padding == "same" and any(step != 1 for step in every(self.stride, self.spatial)):
            yield Problem(
                "padding", "`padding: same` needs `stride: 1`", "write the padding as a number"
            )
            return
        yield from self._refuse_padding_mode(sizes)
        before, after = self._padding()
        total = tuple([a + b for a, b in zip(before, after, strict=True)])
        yield from refuse_kernel(sizes, self._over(before), total)

    def _refuse_padding_mode(self, sizes: Shape) -> Iterator[Problem]:
        limit = {"reflect": -1, "circular": 0}.get(self.padding_mode)
        if limit is None:
            return
        for most, size in zip(self._padding()[1], numbers(sizes), strict=True):
            if most > size + limit:
                message = f"`{self.padding_mode}` padding of {most} on a size of {size}"
                yield Problem("padding", message, f"at most {size + limit} fits")

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
        return (every(number, self.spatial),) * 2

    def shape(self, *inputs: Shape) -> Shape:
        sizes = inputs[0][1:]
        if self.padding == "same":
            return (self.out_channels, *sizes)
        before, after = self._padding()
        return (self.out_channels, *slide(sizes, self._over(before), after))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return self._weights(self.out_channels, inputs[0][0])

    def cost(self, *inputs: Shape) -> Cost:
        y = self.shape(*inputs)
        return self._cost(product(y[1:]), inputs[0], y)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        x, (before, after) = inputs[0], self._padding()
        if self.padding_mode == "zeros" and before == after:
            return super().kept(params, x)
        # What is padded by another function is a tensor of its own, which the convolution reads.
        if self.padding_mode == "zeros":
            before, after = (
                (0,) * self.spatial,
                tuple(b - a for a, b in zip(before, after, strict=True)),
            )
        sizes = (n + a + b for n, a, b in zip(x.sizes[2:], before, after, strict=True))
        padded = Made(product((*x.sizes[:2], *sizes)), x.type)
        reads = (0,) if self.padding_mode in ("reflect", "replicate") and x.learns else ()
        return Kept(reads, made=(padded,), weights=("weight",))

    def window(self) -> Window | None:
        return self._over(self._padding()[0])

    @property
    def is_padded(self) -> bool:
        """Whether windows reach beyond the input."""
        return any(size for side in self._padding() for size in side)

    @property
    def is_of_pixels(self) -> bool:
        """Whether each pixel of the output is made of the same one of the input."""
        kernel, stride, *_ = self._over(())
        return {*kernel, *stride} == {1} and not self.is_padded

    def reach(self, x: Shape) -> Reads | None:
        return in_order((self._groups(x), *reaches(self._over(self._padding()[0]))))


@op("conv1d")
class Conv1d(Conv):
    """1-D convolution over (channels, length); `in_channels` is inferred."""

    module: ClassVar[str] = "nn.Conv1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    kernel_size: Size = Field(description=KERNEL)
    stride: Size = Field(1, description=STRIDE)
    padding: Annotated[int | str, Integer(0, words=_WORDS)] = Field(0, description=PADDING)
    dilation: Size = Field(1, description=DILATION)


@op("conv2d")
class Conv2d(Conv):
    """2-D convolution over (channels, height, width); `in_channels` is inferred."""

    module: ClassVar[str] = "nn.Conv2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair = Field(description=KERNEL)
    stride: Pair = Field(1, description=STRIDE)
    padding: Annotated[int | tuple[int, int] | str, Integer(0, count=2, words=_WORDS)] = Field(
        0, description=PADDING
    )
    dilation: Pair = Field(1, description=DILATION)


@op("conv3d")
class Conv3d(Conv):
    """3-D convolution over (channels, depth, height, width); `in_channels` is inferred."""

    module: ClassVar[str] = "nn.Conv3d"
    spatial: ClassVar[int] = 3
    rank: ClassVar[int | None] = 4

    kernel_size: Triple = Field(description=KERNEL)
    stride: Triple = Field(1, description=STRIDE)
    padding: Annotated[int | tuple[int, int, int] | str, Integer(0, count=3, words=_WORDS)] = Field(
        0, description=PADDING
    )
    dilation: Triple = Field(1, description=DILATION)


class Transposed(AnyConv):
    """The transpose of a convolution, which enlarges; `in_channels` is inferred."""

    out_channels: OutChannels
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    output_padding: int | tuple[int, ...] = 0
    groups: Groups = 1
    bias: Bias = True
    dilation: int | tuple[int, ...] = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from self._refuse_groups(inputs[0][0])
        window = self._window()
        extra = every(self.output_padding, self.spatial)
        for more, stride, dilation in zip(extra, window.stride, window.dilation, strict=True):
            if more >= max(stride, dilation):
                message = (
                    f"an output padding of {more} with stride {stride} and dilation {dilation}"
                )
                yield Problem("output_padding", message, f"at most {max(stride, dilation) - 1}")
        yield from refuse_output(self.shape(*inputs)[1:], "padding")

    def _window(self) -> Window:
        return self._over(every(self.padding, self.spatial))

    def shape(self, *inputs: Shape) -> Shape:
        extra = every(self.output_padding, self.spatial)
        return (self.out_channels, *unslide(inputs[0][1:], self._window(), extra))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return self._weights(inputs[0][0], self.out_channels)

    def cost(self, *inputs: Shape) -> Cost:
        return self._cost(product(inputs[0][1:]), inputs[0], self.shape(*inputs))

    def reach(self, x: Shape) -> Reads | None:
        return in_order((self._groups(x), *map(spreading, *self._window())))

    def kind(self) -> str:
        return "transposed"

    def label(self) -> str:
        return f"transposed conv {super().brief()}"

    def brief(self) -> str:
        return f"transposed {super().brief()}"


@op("conv_transpose1d")
class ConvTranspose1d(Transposed):
    """The transpose of a 1-D convolution, which enlarges; `in_channels` is inferred.

    PyTorch's `padding_mode` is left out, because it takes nothing but `zeros`.
    """

    module: ClassVar[str] = "nn.ConvTranspose1d"
    spatial: ClassVar[int] = 1
    rank: ClassVar[int | None] = 2

    kernel_size: Size = Field(description=KERNEL)
    stride: Size = Field(1, description=STRIDE)
    padding: Count = Field(0, description=PADDING)
    output_padding: Count = Field(0, description=_OUTPUT_PADDING)
    dilation: Size = Field(1, description=DILATION)


@op("conv_transpose2d")
class ConvTranspose2d(Transposed):
    """The transpose of a 2-D convolution, which enlarges; `in_channels` is inferred.

    PyTorch's `padding_mode` is left out, because it takes nothing but `zeros`.
    """

    module: ClassVar[str] = "nn.ConvTranspose2d"
    spatial: ClassVar[int] = 2
    rank: ClassVar[int | None] = 3

    kernel_size: Pair = Field(description=KERNEL)
    stride: Pair = Field(1, description=STRIDE)
    padding: PairFrom0 = Field(0, description=PADDING)
    output_padding: PairFrom0 = Field(0, description=_OUTPUT_PADDING)
    dilation: Pair = Field(1, description=DILATION)
