"""Pictures with boxes: synthetic shapes, COCO's json, PASCAL VOC's directory."""

from __future__ import annotations

from typing import Protocol

from PIL import Image
from torch import Tensor

from detection.shapes import Shapes


class Pictures(Protocol):
    """Pictures whose objects are boxed: left, top, right, bottom in pixels from the corner."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 1, 2, ...; 0 is the ground."""

    @property
    def categories(self) -> tuple[int, ...]:
        """The numbers of the classes in COCO's results."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def identity(self, index: int) -> int:
        """Return the number of a picture in COCO's results."""

    def read(self, index: int) -> Image.Image:
        """Return a picture in RGB."""

    def boxes(self, index: int) -> Tensor:
        """Return floats, (objects, 4)."""

    def labels(self, index: int) -> Tensor:
        """Return integers from 1 on, (objects,)."""

    def difficult(self, index: int) -> Tensor:
        """Return which objects neither count nor are missed: VOC's difficult, COCO's crowds."""


SHAPES = {"shapes": Shapes("train", 96), "shapes-held-out": Shapes("held-out", 48)}


def open_pictures(name: str) -> Pictures:
    """Return the pictures called `shapes` or `shapes-held-out`."""
    return SHAPES[name]
