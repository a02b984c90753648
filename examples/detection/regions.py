"""Regions of pictures as labelled images, so that what trains a classifier trains R-CNN's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from recipe.data import Data, Size
from recipe.errors import UserError
from torch import Tensor

from detection.boxes import iou, warped
from detection.layouts import Pictures

OVERLAP = 0.5  # with an object, from which on a region shows it: the paper, section 8, as R-CNN
GROUND_PER_OBJECT = 3  # R-CNN, section 2.3: 32 windows of objects in a batch of 128
GROUND = "(ground)"  # what label 0 is called among a classifier's classes
HELD_OUT = 10  # one of so many pictures tells how well the others are learnt
_IGNORED = -1


@dataclass(frozen=True)
class Regions:
    """Regions with their context, stretched to the network's input: images with labels."""

    pictures: Pictures
    places: NDArray[numpy.int32]  # the picture of each
    boxes: Tensor
    labels: NDArray[numpy.int64]
    size: Size
    mean: tuple[float, ...]  # colour of what lies outside of a picture
    margin: float = 1.0

    def read(self, index: int) -> Image.Image:
        picture = self.pictures.read(int(self.places[index]))
        (seen,) = warped(picture, self.boxes[index, None], self.size, self.mean)
        return Image.fromarray(seen.permute(1, 2, 0).numpy())


def region_data(
    pictures: Pictures, proposals: Sequence[Tensor], size: Size, mean: tuple[float, ...]
) -> Data:
    """Return the regions of nine in ten pictures to learn from, those of the tenth to compare."""
    everything = range(len(pictures))
    parts = [
        Regions(pictures, *_balanced(pictures, proposals, chosen), size, mean)
        for chosen in ([i for i in everything if i % HELD_OUT], everything[::HELD_OUT])
    ]
    return Data((GROUND, *pictures.classes), *parts)


class Samples(NamedTuple):
    """Boxes with the pictures in which they lie, and what they show."""

    places: NDArray[numpy.int32]
    boxes: Tensor
    labels: NDArray[numpy.int64]


def _balanced(pictures: Pictures, proposals: Sequence[Tensor], chosen: Iterable[int]) -> Samples:
    """Return all regions of some pictures, the rarer kind so often that a quarter shows objects."""
    found = [_samples(pictures, index, proposals[index]) for index in chosen]
    places, boxes, labels = (
        numpy.concatenate([each.places for each in found]),
        torch.cat([each.boxes for each in found]),
        numpy.concatenate([each.labels for each in found]),
    )
    objects, ground = (labels > 0).nonzero()[0], (labels == 0).nonzero()[0]
    if not len(objects) or not len(ground):
        raise UserError(
            f"of {len(found)} pictures, {len(objects)} proposals show an object and {len(ground)} "
            "none: both are needed to tell them apart"
        )
    count = max(len(objects), -(-len(ground) // GROUND_PER_OBJECT))
    rows = numpy.concatenate(
        [numpy.resize(objects, count), numpy.resize(ground, count * GROUND_PER_OBJECT)]
    )
    return Samples(places[rows], boxes[rows], labels[rows])


def _samples(pictures: Pictures, index: int, proposals: Tensor) -> Samples:
    """Return a picture's proposals and true boxes with what they show."""
    truths, difficult = pictures.boxes(index), pictures.difficult(index)
    boxes = torch.cat([proposals, truths])
    labels = labelled(boxes, truths, pictures.labels(index).masked_fill(difficult, _IGNORED))
    counts = labels != _IGNORED
    places = numpy.full(int(counts.sum()), index, dtype=numpy.int32)
    return Samples(places, boxes[counts], labels[counts].numpy())


def labelled(boxes: Tensor, truths: Tensor, labels: Tensor) -> Tensor:
    """Return the label of the object that each box overlaps most, 0 if by less than half."""
    if not len(truths):
        return torch.zeros(len(boxes), dtype=torch.int64)
    overlap, best = iou(boxes, truths).max(1)
    return torch.where(overlap >= OVERLAP, labels[best], 0)
