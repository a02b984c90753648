"""Dropout: noise while training, nothing afterwards."""

from __future__ import annotations

from typing import ClassVar

from netspec.ops.arguments import Flag, Probability
from netspec.ops.base import Op, op


class AnyDropout(Op):
    """Zero something with probability `p` while training."""

    style: ClassVar[str] = "dropout"

    p: Probability = 0.5
    inplace: Flag = False

    def label(self) -> str:
        return f"{super().label()} {self.p}"


@op("dropout")
class Dropout(AnyDropout):
    """Zero each element with probability `p` while training."""

    module: ClassVar[str] = "nn.Dropout"


@op("dropout2d")
class Dropout2d(AnyDropout):
    """Zero each channel of (channels, height, width) with probability `p` while training."""

    module: ClassVar[str] = "nn.Dropout2d"
    rank: ClassVar[int | None] = 3


@op("alpha_dropout")
class AlphaDropout(AnyDropout):
    """Dropout that keeps mean and variance, for networks of SELU units."""

    module: ClassVar[str] = "nn.AlphaDropout"
