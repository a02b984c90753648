"""Pictures with boxes: synthetic shapes, COCO's json, PASCAL VOC's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PIL import Image
from recipe.errors import UserError
from torch import Tensor

from detection.coco import coco
from detection.shapes import Shapes
from detection.voc import voc


class Pictures(Protocol):
    """Pictures whose objects are boxed: left, top, right, bottom in pixels from the corner."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 1, 2, ...; 0 is the ground."""

    @property
    def categories(self) -> tuple[int, ...]:
        """The numbers of the classes in COCO's results."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the boxes: how many were changed, what holds none."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def identity(self, index: int) -> int:
        """Return the number of a picture in COCO's results."""

    def size(self, index: int) -> tuple[int, int]:
        """Return a picture's width and height."""

    def read(self, index: int) -> Image.Image:
        """Return a picture in RGB, or raise Corrupt."""

    def boxes(self, index: int) -> Tensor:
        """Return floats, (objects, 4)."""

    def labels(self, index: int) -> Tensor:
        """Return integers from 1 on, (objects,)."""

    def difficult(self, index: int) -> Tensor:
        """Return which objects neither count nor are missed: VOC's difficult, COCO's crowds."""


SHAPES = {"shapes": Shapes("train", 192), "shapes-held-out": Shapes("held-out", 48)}


def open_pictures(name: str) -> Pictures:
    """Return the pictures called `shapes` or `shapes-held-out`, or those of a path.

    That is COCO's file of instances, a directory such as VOCdevkit/VOC2007, or one of its lists,
    ImageSets/Main/*.txt. Raises UserError where what it says is wrong.
    """
    if name in SHAPES:
        return SHAPES[name]
    path = Path(name)
    if path.suffix == ".json":
        return coco(path)
    if path.is_dir() or path.suffix == ".txt":
        return voc(path)
    raise UserError(
        f"{name}: no pictures; expected {' or '.join(SHAPES)}, a .json file of COCO's instances, "
        "a directory such as VOCdevkit/VOC2007, or one of its ImageSets/Main/*.txt"
    )
