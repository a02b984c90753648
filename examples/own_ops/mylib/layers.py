"""Layers in PyTorch."""

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Weigh the channels of a map by what all of them hold (Hu et al. 2018, Figure 2)."""

    def __init__(self, in_channels: int, squeeze: int, bias: bool = True) -> None:
        super().__init__()
        if squeeze > in_channels:
            raise ValueError(f"{squeeze} channels are more than {in_channels}")
        self.fc1 = nn.Conv2d(in_channels, squeeze, 1, bias=bias)
        self.fc2 = nn.Conv2d(squeeze, in_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        weights: Tensor = torch.sigmoid(self.fc2(torch.relu(self.fc1(means))))
        return x * weights


class BlurPool(nn.Module):
    """Halve a map behind a blur (Zhang 2019, "Making Convolutional Networks Shift-Invariant")."""

    kernel: Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", (row[:, None] * row).repeat(in_channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        channels = self.kernel.shape[0]
        return torch.conv2d(x, self.kernel, stride=2, padding=1, groups=channels)
