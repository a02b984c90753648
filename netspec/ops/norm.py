"""Normalisation."""

from __future__ import annotations

from typing import ClassVar

from netspec.dim import Dim, Shape
from netspec.ops.arguments import AnyReal, Flag, OptionalReal, Positive, Size
from netspec.ops.base import Cost, Op, op, product


class Norm(Op):
    """Scales each element; two operations for one element."""

    style: ClassVar[str] = "norm"
    positional: ClassVar[int] = 0

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=2 * product(inputs[0]))


@op("local_response_norm")
class LocalResponseNorm(Norm):
    """Divide each element by a power of the squares' mean over `size` neighbouring channels."""

    module: ClassVar[str] = "nn.LocalResponseNorm"
    positional: ClassVar[int] = 1
    rank: ClassVar[int | None] = 3

    size: Size
    alpha: AnyReal = 1e-4
    beta: AnyReal = 0.75
    k: AnyReal = 1.0

    def label(self) -> str:
        return f"LRN {self.size}"


@op("batch_norm2d")
class BatchNorm2d(Norm):
    """Normalise each channel by its mean and variance over the batch; `num_features` is inferred."""

    module: ClassVar[str] = "nn.BatchNorm2d"
    rank: ClassVar[int | None] = 3

    eps: Positive = 1e-5
    momentum: OptionalReal = 0.1
    affine: Flag = True
    track_running_stats: Flag = True

    def inferred(self, x: Shape) -> dict[str, Dim]:
        return {"num_features": x[0]}

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        channels = inputs[0][:1]
        return {"weight": channels, "bias": channels} if self.affine else {}

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        if not self.track_running_stats:
            return {}
        channels = inputs[0][:1]
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}
