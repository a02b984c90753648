"""Synthetic pictures for trying detection: discs, squares and triangles on a cloudy ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw
from recipe.randomness import seed_for
from torch import Tensor

CLASSES = ("disc", "square", "triangle")
SIDE = 128  # pixels of a picture
RADII = (10, 26)  # of the circle around a shape, in pixels
MOST = 4  # shapes in a picture
_CORNERS = (48, 4, 3)  # of the polygon that draws each class


@dataclass(frozen=True)
class Shapes:
    """Pictures that the part's name and their place decide, drawn when they are asked for."""

    part: str
    count: int
    classes: tuple[str, ...] = CLASSES
    categories: tuple[int, ...] = (1, 2, 3)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"{self.part}-{index:03}"

    def identity(self, index: int) -> int:
        return index + 1

    def size(self, index: int) -> tuple[int, int]:
        return SIDE, SIDE

    def read(self, index: int) -> Image.Image:
        return _drawn(self.part, index).picture

    def boxes(self, index: int) -> Tensor:
        return torch.tensor(_drawn(self.part, index).boxes, dtype=torch.float32)

    def labels(self, index: int) -> Tensor:
        return torch.tensor(_drawn(self.part, index).labels)

    def difficult(self, index: int) -> Tensor:
        return torch.zeros(len(self.labels(index)), dtype=torch.bool)


class _Drawn(NamedTuple):
    """A picture and what was drawn into it."""

    picture: Image.Image
    boxes: list[tuple[int, int, int, int]]
    labels: list[int]


@lru_cache(maxsize=256)
def _drawn(part: str, index: int) -> _Drawn:
    """Draw a picture; a shape that would touch one before it is left out."""
    seed = seed_for("shapes", part, index)
    random = Random(seed)
    drawn = _Drawn(_ground(seed), [], [])
    taken = Image.new("1", (SIDE, SIDE))
    for _ in range(random.randint(1, MOST)):
        label = random.randint(1, len(CLASSES))
        mask = _mask(label, random)
        if not ImageChops.logical_and(mask, taken).getbbox():
            drawn.picture.paste(_colour(random), mask=mask)
            drawn.boxes.append(mask.getbbox() or (0, 0, 0, 0))
            drawn.labels.append(label)
            taken = ImageChops.logical_or(mask, taken)
    return drawn


def _mask(label: int, random: Random) -> Image.Image:
    """Draw one turned shape, whole within the picture."""
    radius, turn = random.uniform(*RADII), random.uniform(0, math.tau)
    x, y = (random.uniform(radius + 1, SIDE - radius - 1) for _ in range(2))
    corners = _CORNERS[label - 1]
    angles = [turn + math.tau * corner / corners for corner in range(corners)]
    mask = Image.new("1", (SIDE, SIDE))
    points = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
    ImageDraw.Draw(mask).polygon(points, fill=1)
    return mask


def _colour(random: Random) -> tuple[int, int, int]:
    """Draw a colour that no ground has: one of its parts is dark, one is bright."""
    parts = [random.randint(0, 50), random.randint(205, 255), random.randint(0, 255)]
    random.shuffle(parts)
    red, green, blue = parts
    return red, green, blue


def _ground(seed: int) -> Image.Image:
    """Draw clouds of middle colours, and fine noise upon them."""
    generator = np.random.default_rng(seed)
    clouds = Image.fromarray(generator.integers(90, 166, (5, 5, 3), dtype=np.uint8))
    smooth = np.asarray(clouds.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
    noisy = smooth + generator.integers(-8, 9, smooth.shape, dtype=np.int16)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
