"""What the paper's section 7 sees of an image: its centre, 10 crops, or 144."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product
from typing import NamedTuple

import numpy
import torch
from PIL.Image import Image, Resampling
from torch import Tensor

from recipe.data import Size

SCALES = (256, 288, 320, 352)
"""Sides of the paper's squares; the first is what an image's margin makes of the input's side."""
_WINDOWS = ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1))
"""Where a crop lies in its square, down and to the right in halves: the corners, the centre."""
_CENTRE, _WHOLE = 4, 5


class Crop(NamedTuple):
    """One look at an image: its scale, the square of it, what is cut out of that, mirrored?"""

    scale: int
    square: int
    window: int
    is_mirrored: bool


_ALL = tuple(Crop(*each) for each in product(range(4), range(3), range(6), (False, True)))
_TEN = tuple(Crop(0, 1, *each) for each in product(range(5), (False, True)))
CROPS = {
    1: (Crop(0, 1, _CENTRE, False),),
    5: tuple(crop for crop in _TEN if not crop.is_mirrored),
    10: _TEN,
    72: tuple(crop for crop in _ALL if not crop.is_mirrored),
    144: _ALL,
}
"""The crops of Table 3, and those that are not mirrored, for what was trained without mirrors."""


def union(sets: Iterable[int]) -> list[Crop]:
    """Return the crops of some sets, which share most of them, each once."""
    return sorted({crop for count in sets for crop in CROPS[count]})


def cut(image: Image, crops: Sequence[Crop], size: Size, margin: float) -> Tensor:
    """Return crops of an RGB image, uint8 (crops, 3, height, width); resize it once a scale.

    A square has the input's proportions, and lies left, in the middle or right, or in a taller
    image above, in the middle or below. The crops are sorted.
    """
    views: dict[Crop, Tensor] = {}
    for scale, alike in groupby(crops, lambda crop: crop.scale):
        factor = margin * SCALES[scale] / SCALES[0]
        square = round(size[0] * factor), round(size[1] * factor)
        scaled = _Scaled(_covering(image, square), square, size)
        for crop in alike:
            plain = crop._replace(is_mirrored=False)  # stands before its mirror image
            views[crop] = views[plain].flip(2) if crop.is_mirrored else scaled.view(crop)
    return torch.stack([*views.values()])


def _covering(image: Image, square: Size) -> Image:
    """Resize an image so that it just covers a square."""
    height, width = square
    factor = max(height / image.height, width / image.width)
    covering = max(width, round(image.width * factor)), max(height, round(image.height * factor))
    return image.resize(covering, Resampling.BILINEAR)


@dataclass(frozen=True)
class _Scaled:
    """An image at one scale, the squares in it, and the size of a crop."""

    image: Image
    square: Size
    size: Size

    def view(self, crop: Crop) -> Tensor:
        """Return a crop that is not mirrored, (3, height, width)."""
        outer = self.image.height, self.image.width
        top, left = _offset(self.square, outer, (crop.square, crop.square))
        if crop.window == _WHOLE:
            box = left, top, left + self.square[1], top + self.square[0]
            whole = self.image.crop(box).resize(self.size[::-1], Resampling.BILINEAR)
            return pixels(whole)
        down, right = _offset(self.size, self.square, _WINDOWS[crop.window])
        top, left = top + down, left + right
        return self.pixels[:, top : top + self.size[0], left : left + self.size[1]]

    @cached_property
    def pixels(self) -> Tensor:
        return pixels(self.image)


def _offset(inner: Size, outer: Size, halves: Size) -> Size:
    """Return how far down and to the right a part lies that is pushed by halves of what is left."""
    down, right = ((o - i) * half // 2 for i, o, half in zip(inner, outer, halves, strict=True))
    return down, right


def pixels(image: Image) -> Tensor:
    """Return an RGB image as uint8, (3, height, width)."""
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)
