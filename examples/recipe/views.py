"""What the network sees of an image: random crops in training, the middle in evaluation."""

from __future__ import annotations

import kornia.augmentation as K
from torch import nn

from recipe.data import Size
from recipe.options import Recipe


def training_view(recipe: Recipe, size: Size) -> nn.Module:
    """The paper's section 6: a crop of 8-100 % of the area, aspect 3/4-4/3, then colours."""
    crop = K.RandomResizedCrop(size, scale=recipe.crop_area, ratio=recipe.crop_aspect)
    steps: list[nn.Module] = [crop]
    if recipe.photometric:
        amount = recipe.photometric
        steps.append(K.ColorJitter(brightness=amount, contrast=amount, saturation=amount))
    if recipe.flip:
        steps.append(K.RandomHorizontalFlip(p=recipe.flip))
    return nn.Sequential(*steps)


def held_out_view(size: Size, margin: float) -> nn.Module:
    """The middle of an image whose shorter side is `margin` times the input size."""
    if margin == 1:
        return nn.Identity()
    shorter = round(min(size) * margin)
    return nn.Sequential(
        K.Resize(shorter, side="short", antialias=True, p=1), K.CenterCrop(size, p=1)
    )
