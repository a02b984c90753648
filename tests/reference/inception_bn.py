"""Inception with batch normalization, by hand, from Figure 5 of Ioffe and Szegedy (2015)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TABLE = {
    "3a": (64, 64, 64, 64, 96, "avg", 32),
    "3b": (64, 64, 96, 64, 96, "avg", 64),
    "3c": (0, 128, 160, 64, 96, "max", 0),
    "4a": (224, 64, 96, 96, 128, "avg", 128),
    "4b": (192, 96, 128, 96, 128, "avg", 128),
    "4c": (160, 128, 160, 128, 160, "avg", 128),
    "4d": (96, 128, 192, 160, 192, "avg", 128),
    "4e": (0, 128, 192, 192, 256, "max", 0),
    "5a": (352, 192, 320, 160, 224, "avg", 128),
    "5b": (352, 192, 320, 192, 224, "max", 128),
}


class Unit(nn.Module):
    def __init__(self, width: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Separable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(3, 24, 7, 2, 3, groups=3, bias=False)
        self.pointwise = nn.Conv2d(24, 64, 1, bias=False)
        self.norm = nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.pointwise(self.depthwise(x))))


class Module(nn.Module):
    def __init__(self, width: int, row: tuple[int, int, int, int, int, str, int]) -> None:
        super().__init__()
        one, three_reduce, three, double_reduce, double, self.pool, proj = row
        self.stride = stride = 1 if one else 2
        if one:
            self.conv1x1 = Unit(width, one, 1)
        self.reduce3x3 = Unit(width, three_reduce, 1)
        self.conv3x3 = Unit(three_reduce, three, 3, stride)
        self.reduced3x3 = Unit(width, double_reduce, 1)
        self.convd3x3_1 = Unit(double_reduce, double, 3)
        self.convd3x3_2 = Unit(double, double, 3, stride)
        if proj:
            self.pool_proj = Unit(width, proj, 1)
        self.width = one + three + double + (proj or width)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.conv1x1(x)] if self.stride == 1 else []
        branches.append(self.conv3x3(self.reduce3x3(x)))
        branches.append(self.convd3x3_2(self.convd3x3_1(self.reduced3x3(x))))
        if self.stride == 2:
            return torch.cat([*branches, F.max_pool2d(x, 3, 2, ceil_mode=True)], 1)
        pooled = (F.avg_pool2d if self.pool == "avg" else F.max_pool2d)(x, 3, 1, 1)
        return torch.cat([*branches, self.pool_proj(pooled)], 1)


class InceptionBN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Separable()
        self.reduce2 = Unit(64, 64, 1)
        self.conv2 = Unit(64, 192, 3)
        width = 192
        for name, row in TABLE.items():
            module = Module(width, row)
            self.add_module(f"inception_{name}", module)
            width = module.width
        self.fc = nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv2(self.reduce2(x)), 3, 2, ceil_mode=True)
        for name in TABLE:
            x = self.get_submodule(f"inception_{name}")(x)
        return self.fc(F.avg_pool2d(x, 7).flatten(1))
