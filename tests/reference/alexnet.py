"""AlexNet of 2012, by hand, from the published Caffe network (bvlc_alexnet)."""

import torch.nn.functional as F
from torch import Tensor, nn


class AlexNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, 4)
        self.conv2 = nn.Conv2d(96, 256, 5, 1, 2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, 1, 1)
        self.conv4 = nn.Conv2d(384, 384, 3, 1, 1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, 1, 1, groups=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1000)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2):
            x = F.local_response_norm(F.relu(conv(x)), 5, alpha=1e-4, beta=0.75, k=1)
            x = F.max_pool2d(x, 3, 2)
        for conv in (self.conv3, self.conv4, self.conv5):
            x = F.relu(conv(x))
        x = F.max_pool2d(x, 3, 2).flatten(1)
        for linear in (self.fc6, self.fc7):
            x = F.dropout(F.relu(linear(x)), 0.5, self.training)
        return self.fc8(x)
