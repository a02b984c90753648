"""The U-Net of its paper's Figure 1, by hand."""

import torch
from torch import Tensor, nn


def convs(channels: int, out: int) -> nn.ModuleDict:
    return nn.ModuleDict({"conv1": nn.Conv2d(channels, out, 3), "conv2": nn.Conv2d(out, out, 3)})


def twice(layers: nn.ModuleDict, x: Tensor) -> Tensor:
    return layers["conv2"](layers["conv1"](x).relu()).relu()


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = (64, 128, 256, 512)
        for level, (channels, out) in enumerate(zip((1, *widths), widths, strict=False), 1):
            self.add_module(f"down{level}", convs(channels, out))
        self.bottom = convs(512, 1024)
        for level, out in reversed([*enumerate(widths, 1)]):
            up = nn.ConvTranspose2d(2 * out, out, 2, stride=2)
            self.add_module(f"up{level}", nn.ModuleDict({"up": up, "convs": convs(2 * out, out)}))
        self.out = nn.Conv2d(64, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in (1, 2, 3, 4):
            skips.append(twice(self.get_submodule(f"down{level}"), x))
            x = nn.functional.max_pool2d(skips[-1], 2)
        x = twice(self.bottom, x)
        for level in (4, 3, 2, 1):
            layers, skip = self.get_submodule(f"up{level}"), skips.pop()
            x = layers.get_submodule("up")(x)
            edge = (skip.shape[-1] - x.shape[-1]) // 2
            skip = skip[..., edge : edge + x.shape[-2], edge : edge + x.shape[-1]]
            x = twice(layers.get_submodule("convs"), torch.cat((skip, x), 1))
        return self.out(x)
