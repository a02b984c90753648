"""Dropout: noise while training, nothing afterwards."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Inplace, Probability, Word
from netspec.ops.base import Layout, Op, Storage, op
from netspec.ops.dim import Shape
from netspec.ops.held import NOTHING, Kept, Laid, Made, Strides, dense
from netspec.ops.reach import Reads, one_by_one
from netspec.ops.window import rounded

Chance = Annotated[Probability, Field(description="the probability of dropping")]


class Noise(Op):
    """Zero something with probability `p` while training."""

    style: ClassVar[str] = "dropout"
    is_light: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.KEPT
    storage: ClassVar[Storage] = Storage.IDLE
    may_run_once: ClassVar[bool] = False

    if TYPE_CHECKING:
        p: float

    def shares(self, training: bool) -> bool:
        return super().shares(training) or self.p == 0

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return inputs[0].strides if self.shares(training=True) else dense(inputs[0])

    def kept(self, params: str, *inputs: Laid) -> Kept:
        x = inputs[0]
        if self.p == 0 or not x.learns:
            return NOTHING
        return Kept(made=(Made(self.noise(x), x.type),))

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        return ()

    def noise(self, x: Laid) -> int:
        """Return how many random numbers are drawn, of which backward keeps the tensor."""
        return 1 if self.p == 1 else x.elements

    def reach(self, x: Shape) -> Reads | None:
        return one_by_one(len(x))

    def label(self) -> str:
        return f"{super().label()} {rounded(self.p)}"


class AnyDropout(Noise):
    """Noise with PyTorch's default, and perhaps in the input's place."""

    p: Chance = 0.5
    inplace: Inplace = False


@op("dropout")
class Dropout(AnyDropout):
    """Zero each element with probability `p` while training."""

    module: ClassVar[str] = "nn.Dropout"


@op("dropout2d")
class Dropout2d(AnyDropout):
    """Zero each channel of (channels, height, width) with probability `p` while training."""

    module: ClassVar[str] = "nn.Dropout2d"
    rank: ClassVar[int | None] = 3

    def noise(self, x: Laid) -> int:
        return 1 if self.p == 1 else x.sizes[0] * x.sizes[1]


@op("alpha_dropout")
class AlphaDropout(AnyDropout):
    """Dropout that keeps mean and variance, for networks of SELU units."""

    module: ClassVar[str] = "nn.AlphaDropout"

    def shares(self, training: bool) -> bool:
        return not training or self.p == 0  # PyTorch does not heed `inplace` here


@op("stochastic_depth")
class StochasticDepth(Noise):
    """Zero each image, or with `mode: batch` all, with probability `p` while training."""

    module: ClassVar[str] = "StochasticDepth"
    helpers: ClassVar[Mapping[str, str]] = {
        "StochasticDepth": '''\
class StochasticDepth(nn.Module):
    """Zero each image, or in the mode "batch" all, with probability p in training."""

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        noise = x.new_empty(x.shape[0] if self.mode == "row" else 1)
        noise.bernoulli_(1 - self.p)
        if self.p < 1:
            noise.div_(1 - self.p)
        return (x.transpose(0, -1) * noise).transpose(0, -1)
'''
    }

    p: Chance
    mode: Annotated[str, Word(("row", "batch"))] = Field(
        "row", description="`row` drops image by image, `batch` all or none"
    )

    def noise(self, x: Laid) -> int:
        return x.sizes[0] if self.mode == "row" else 1
