"""GoogLeNet with the naive module of Figure 2(a), by hand: the branches that have no reduction."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.reference.googlenet import GoogLeNet, Head, conv, run

ROWS = {
    "3a": (64, 128, 32),
    "3b": (128, 192, 96),
    "4a": (192, 208, 48),
    "4b": (160, 224, 64),
    "4c": (128, 256, 64),
    "4d": (112, 288, 64),
    "4e": (256, 320, 128),
    "5a": (256, 320, 128),
    "5b": (384, 384, 128),
}


class Naive(nn.Module):
    def __init__(self, width: int, row: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv1x1 = conv(width, row[0], 1)
        self.conv3x3 = conv(width, row[1], 3)
        self.conv5x5 = conv(width, row[2], 5)

    def forward(self, x: Tensor) -> Tensor:
        branches = [run(child, x) for child in (self.conv1x1, self.conv3x3, self.conv5x5)]
        return torch.cat([*branches, F.max_pool2d(x, 3, 1, 1)], 1)


class GoogLeNetNaive(GoogLeNet):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        width = 192
        for name, row in ROWS.items():
            setattr(self, f"inception_{name}", Naive(width, row))
            width += sum(row)
            if name in ("4a", "4d"):
                setattr(self, "aux1" if name == "4a" else "aux2", Head(width, classes))
        self.fc = nn.Linear(width, classes)
