"""A feature pyramid on torchvision's ResNet-50, by hand, from Figure 3 of its paper."""

import torch.nn.functional as F
from torch import Tensor, nn


class FPN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        self.body = resnet50(weights=None)
        del self.body.avgpool, self.body.fc
        self.lateral = nn.Conv2d(2048, 256, 1)
        for level, channels in ((4, 1024), (3, 512), (2, 256)):
            self.add_module(
                f"merge{level}", nn.ModuleDict({"lateral": nn.Conv2d(channels, 256, 1)})
            )
        for level in (2, 3, 4, 5):
            self.add_module(f"p{level}", nn.Conv2d(256, 256, 3, padding=1))

    def forward(self, x: Tensor) -> list[Tensor]:
        body = self.body
        x = body.maxpool(body.relu(body.bn1(body.conv1(x))))
        maps = [x := stage(x) for stage in (body.layer1, body.layer2, body.layer3, body.layer4)]
        top = self.lateral(maps.pop())
        found = [self.get_submodule("p5")(top)]
        for level in (4, 3, 2):
            beside = self.get_submodule(f"merge{level}.lateral")(maps.pop())
            top = beside + F.interpolate(top, size=beside.shape[-2:], mode="nearest")
            found.insert(0, self.get_submodule(f"p{level}")(top))
        return found
