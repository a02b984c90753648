"""Normalisation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import (
    AnyReal,
    Flag,
    From0,
    OptionalReal,
    Positive,
    Size,
)
from netspec.ops.axes import refuse_rank
from netspec.ops.base import Cost, Gradients, Layout, Op, Problem, numbers, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Kept, Laid, Made, Strides, contiguous, dense, like
from netspec.ops.reach import SAME, Reads, everything, grouped, in_order, sliding

Affine = Annotated[
    Flag, Field(description="whether a learnt scale and shift follow the normalisation")
]
Statistics = Annotated[Flag, Field(description="whether running statistics are kept for inference")]
EPS = "what is added to the variance for stability"


def learnt(sizes: Shape, has_scale: bool, has_shift: bool) -> dict[str, Shape]:
    """Return the tensors that follow a normalisation: a scale, and with it a shift."""
    if not has_scale:
        return {}
    return {"weight": sizes} | ({"bias": sizes} if has_shift else {})


def with_statistics(x: Laid, params: str, count: int) -> Kept:
    """Return what backward keeps: the input, and means and deviations in the weights' type."""
    return Kept((0,), made=(Made(count, params or x.type),))


def _all_channels(x: Laid) -> int:
    """Return how many channels all images have together."""
    return x.sizes[0] * x.sizes[1]


class Norm(Op):
    """Scales each element; two operations for one element."""

    style: ClassVar[str] = "norm"
    is_light: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.KEPT
    other: ClassVar[str] = "normalising"
    positional: ClassVar[int] = 0

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=2 * product(inputs[0]))


@op("local_response_norm")
class LocalResponseNorm(Norm):
    """Divide each element by a power of the squares' mean over `size` neighbouring channels."""

    module: ClassVar[str] = "nn.LocalResponseNorm"
    positional: ClassVar[int] = 1

    size: Size = Field(description="over how many neighbouring channels")
    alpha: AnyReal = Field(1e-4, description="the weight of the neighbours' squares")
    beta: AnyReal = Field(0.75, description="the exponent of the normalisation")
    k: AnyReal = Field(1.0, description="what is added to the sum of squares")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_rank(inputs[0], 2)

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return dense(inputs[0])

    def kept(self, params: str, *inputs: Laid) -> Kept:
        """Keep the squares, padded, their scaled sums and a power of these."""
        x = inputs[0]
        # Under autocast the mean of the squares is taken in the weights' type, but not of vectors.
        type = params if len(x.sizes) > 3 else x.type
        padded = x.elements + x.elements // x.sizes[1] * (self.size - 1)
        made = Made(padded, type), Made(x.elements, type), Made(x.elements, type)
        return Kept((0,), made=made, type=type)

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        """Make the squares and pad them, or scale their sums and add to them."""
        x, padded = inputs[0], self.kept(inputs[0].type, *inputs).made[0].elements
        return (Made(max(padded, 2 * x.elements), x.type),)

    def reach(self, x: Shape) -> Reads | None:
        return in_order((sliding(self.size, 1, self.size // 2), *(SAME for _ in x[1:])))

    def label(self) -> str:
        return f"LRN {self.size}"


@op("band_response_norm")
class BandResponseNorm(LocalResponseNorm):
    """Local response normalisation whose sums over neighbours are a convolution with a band matrix.

    More multiply-adds and less time than `local_response_norm`, for inference.
    """

    module: ClassVar[str] = "BandResponseNorm"
    may_run_once: ClassVar[bool] = False
    rank: ClassVar[int | None] = 3
    helpers: ClassVar[Mapping[str, str]] = {
        "BandResponseNorm": '''\
class BandResponseNorm(nn.Module):
    """Local response normalisation that adds up squares by a convolution."""

    band: Tensor
    base: Tensor

    def __init__(
        self,
        channels: int,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
    ) -> None:
        super().__init__()
        self.beta = beta
        channel = torch.arange(channels)
        distance = channel - channel[:, None]
        is_near = (distance >= -(size // 2)) & (distance <= (size - 1) // 2)
        band = is_near[:, :, None, None] * (alpha / size)
        self.register_buffer("band", band, persistent=False)
        base = torch.full((channels,), float(k))
        self.register_buffer("base", base, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        total = F.conv2d(x * x, self.band, self.base)
        if self.beta != 0.75:
            return x * total.pow(-self.beta)
        root = total.rsqrt()
        return x * (root * root.sqrt())
'''
    }

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"channels": x[0]}

    def kept(self, params: str, *inputs: Laid) -> Kept:
        count = 4 if self.beta == 0.75 else 3
        return Kept((0,), made=(Made(inputs[0].elements, inputs[0].type),) * count)

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        count = 3 if self.beta == 0.75 else 2
        return (Made(inputs[0].elements, inputs[0].type),) * count

    def cost(self, *inputs: Shape) -> Cost:
        elements = product(inputs[0])
        return Cost(elements * numbers(inputs[0])[0], 2 * elements)

    def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
        """Return those of the input; the band is a constant."""
        return Gradients(self.cost(*inputs).macs * any(wanted))

    def label(self) -> str:
        return f"band LRN {self.size}"


class BatchNorm(Norm):
    """Normalise each channel by its mean and variance; `num_features` is inferred."""

    may_run_once: ClassVar[bool] = False

    eps: Positive = Field(1e-5, description=EPS)
    momentum: OptionalReal = Field(
        0.1, description="how fast the running statistics follow; null: a plain average"
    )
    affine: Affine = True
    track_running_stats: Statistics = True

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"num_features": x[0]}

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return learnt(inputs[0][:1], self.affine, self.affine)

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        if not self.track_running_stats:
            return {}
        channels = inputs[0][:1]
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return like(inputs[0], sizes)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        has_own = self.affine or self.track_running_stats
        return with_statistics(inputs[0], params if has_own else "", 2 * inputs[0].sizes[1])

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        return () if self.track_running_stats else super().transient(*inputs)

    def reach(self, x: Shape) -> Reads | None:
        rest = (SAME if self.track_running_stats else everything(n) for n in numbers(x)[1:])
        return in_order((SAME, *rest))

    def label(self) -> str:
        return "BN"


@op("batch_norm1d")
class BatchNorm1d(BatchNorm):
    """Batch normalisation of a vector or of (channels, length); `num_features` is inferred."""

    module: ClassVar[str] = "nn.BatchNorm1d"

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_rank(inputs[0], 1, 2)


@op("batch_norm2d")
class BatchNorm2d(BatchNorm):
    """Batch normalisation of (channels, height, width); `num_features` is inferred."""

    module: ClassVar[str] = "nn.BatchNorm2d"
    rank: ClassVar[int | None] = 3


@op("instance_norm2d")
class InstanceNorm2d(BatchNorm):
    """Normalise each channel by its mean and variance in one image; `num_features` is inferred."""

    module: ClassVar[str] = "nn.InstanceNorm2d"
    may_run_once: ClassVar[bool] = True
    rank: ClassVar[int | None] = 3

    eps: From0 = Field(1e-5, description=EPS)
    affine: Affine = False
    track_running_stats: Statistics = False

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return contiguous(sizes)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        """Keep what a batch norm keeps of so many channels as there are in all images."""
        tensors = 2 + self.affine + 2 * self.track_running_stats
        channels = _all_channels(inputs[0])
        has_own = self.affine or self.track_running_stats
        return with_statistics(inputs[0], params if has_own else "", tensors * channels)

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        return (Made((2 + 2 * self.affine) * _all_channels(inputs[0]), inputs[0].type),)

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if product(inputs[0][1:]) == 1:
            yield Problem(None, "one element in each channel has no variance")

    def label(self) -> str:
        return "instance norm"


@op("group_norm")
class GroupNorm(Norm):
    """Normalise groups of channels by their mean and variance; `num_channels` is inferred."""

    module: ClassVar[str] = "nn.GroupNorm"

    num_groups: Size = Field(description="into how many groups the channels are split")
    eps: From0 = Field(1e-5, description=EPS)
    affine: Affine = True

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"num_groups": self.num_groups, "num_channels": x[0]}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from refuse_rank(inputs[0], 1)
        if inputs[0] and inputs[0][0] % self.num_groups:
            message = f"{inputs[0][0]} channels do not divide into {self.num_groups} groups"
            yield Problem("num_groups", message)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return learnt(inputs[0][:1], self.affine, self.affine)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        count = 2 * inputs[0].sizes[0] * self.num_groups
        return with_statistics(inputs[0], params if self.affine else "", count)

    def reach(self, x: Shape) -> Reads | None:
        channels, *rest = numbers(x)
        return in_order((grouped(channels, channels, self.num_groups), *map(everything, rest)))

    def label(self) -> str:
        return f"group norm {self.num_groups}"
