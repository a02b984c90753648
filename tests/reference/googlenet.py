"""GoogLeNet written by hand in plain PyTorch, from Table 1 and Figure 3 of the paper.

Nothing here comes from netspec: the tests compare the generated module with this one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Module:
    module = nn.Module()
    module.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2)
    return module


def run(module: nn.Module, x: Tensor) -> Tensor:
    return F.relu(module.conv(x))


class Inception(nn.Module):
    def __init__(self, width: int, row: tuple[int, ...]) -> None:
        super().__init__()
        one, three_reduce, three, five_reduce, five, pool = row
        self.conv1x1 = conv(width, one, 1)
        self.reduce3x3 = conv(width, three_reduce, 1)
        self.conv3x3 = conv(three_reduce, three, 3)
        self.reduce5x5 = conv(width, five_reduce, 1)
        self.conv5x5 = conv(five_reduce, five, 5)
        self.pool_proj = conv(width, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            run(self.conv1x1, x),
            run(self.conv3x3, run(self.reduce3x3, x)),
            run(self.conv5x5, run(self.reduce5x5, x)),
            run(self.pool_proj, F.max_pool2d(x, 3, 1, 1)),
        ]
        return torch.cat(branches, 1)


class Head(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.conv = conv(width, 128, 1)
        self.fc1 = nn.Linear(4 * 4 * 128, 1024)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = run(self.conv, F.avg_pool2d(x, 5, 3, ceil_mode=True))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(F.dropout(x, 0.7, self.training))


TABLE = {
    "3a": (192, (64, 96, 128, 16, 32, 32)),
    "3b": (256, (128, 128, 192, 32, 96, 64)),
    "4a": (480, (192, 96, 208, 16, 48, 64)),
    "4b": (512, (160, 112, 224, 24, 64, 64)),
    "4c": (512, (128, 128, 256, 24, 64, 64)),
    "4d": (512, (112, 144, 288, 32, 64, 64)),
    "4e": (528, (256, 160, 320, 32, 128, 128)),
    "5a": (832, (256, 160, 320, 32, 128, 128)),
    "5b": (832, (384, 192, 384, 48, 128, 128)),
}


class GoogLeNet(nn.Module):
    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = conv(3, 64, 7, 2)
        self.reduce2 = conv(64, 64, 1)
        self.conv2 = conv(64, 192, 3)
        for name, (width, row) in TABLE.items():
            self.add_module(f"inception_{name}", Inception(width, row))
        self.fc = nn.Linear(1024, classes)
        self.aux1 = Head(512, classes)
        self.aux2 = Head(528, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(run(self.conv1, x), 3, 2, ceil_mode=True)
        x = F.local_response_norm(x, 5)
        x = run(self.conv2, run(self.reduce2, x))
        x = F.max_pool2d(F.local_response_norm(x, 5), 3, 2, ceil_mode=True)
        heads = []
        for name in TABLE:
            x = self.get_submodule(f"inception_{name}")(x)
            if name in ("3b", "4e"):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            if self.training and name in ("4a", "4d"):
                heads.append((self.aux1 if name == "4a" else self.aux2)(x))
        x = F.avg_pool2d(x, 7, 1).flatten(1)
        x = self.fc(F.dropout(x, 0.4, self.training))
        return (x, *heads) if self.training else x
