"""Network in Network for ImageNet, by hand, from the published Caffe network."""

import torch.nn.functional as F
from torch import Tensor, nn

STAGES = [
    [("conv1", 3, 96, 11, 4, 0), ("cccp1", 96, 96), ("cccp2", 96, 96)],
    [("conv2", 96, 256, 5, 1, 2), ("cccp3", 256, 256), ("cccp4", 256, 256)],
    [("conv3", 256, 384, 3, 1, 1), ("cccp5", 384, 384), ("cccp6", 384, 384)],
    [("conv4", 384, 1024, 3, 1, 1), ("cccp7", 1024, 1024), ("cccp8", 1024, 1000)],
]


class NiN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name, *arguments in (row for stage in STAGES for row in stage):
            self.add_module(
                name, nn.Conv2d(*(arguments if len(arguments) > 2 else [*arguments, 1]))
            )

    def forward(self, x: Tensor) -> Tensor:
        for i, stage in enumerate(STAGES):
            if i == 3:
                x = F.dropout(x, 0.5, self.training)
            for name, *_ in stage:
                x = F.relu(self.get_submodule(name)(x))
            x = F.max_pool2d(x, 3, 2, ceil_mode=True) if i < 3 else F.avg_pool2d(x, 6)
        return x.flatten(1)
