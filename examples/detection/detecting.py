"""From proposals to detections: an ensemble classifies regions, and the best of them stay."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from recipe.ensemble import Member
from recipe.errors import UserError
from recipe.trained import record, trained
from torch import Tensor
from tqdm import tqdm

from detection.boxes import nms, warped
from detection.layouts import Pictures
from detection.proposing import readable
from detection.regions import GROUND

Score = Callable[[Image.Image, Tensor], Tensor]
"""Gives the probabilities, (n, 1 + classes), of what a picture's boxes show; first the ground."""

SAME = 0.3  # overlap of two boxes of a class from which on the better one stays: R-CNN's code
MOST = 100  # detections in a picture, as many as COCO counts
BATCH = 128  # regions at once


class Detections(NamedTuple):
    """What was found in a picture, the surest first."""

    boxes: Tensor  # (n, 4)
    labels: Tensor  # 1 for the first class
    scores: Tensor

    def above(self, least: float) -> Detections:
        """Return those of at least a probability."""
        chosen = self.scores >= least
        return Detections(*(part[chosen] for part in self))

    def lines(self, classes: Sequence[str]) -> Iterator[str]:
        """Say what was found where."""
        for box, label, score in zip(*(part.tolist() for part in self), strict=True):
            place = ", ".join(f"{side:.0f}" for side in box)
            yield f"{classes[label - 1]} {score:.0%} at {place}"


def classifier(path: Path, arguments: Namespace, device: torch.device) -> Member:
    """Return what `train` wrote. Raises UserError for another program's checkpoint."""
    found = record(path, arguments)
    classes = found.classes or ()
    if not classes or classes[0] != GROUND:
        raise UserError(f"{path} tells no regions apart: name what `detect.py train` wrote")
    network = trained(found, len(classes))
    network.model.to(device).eval()
    return Member(found, network)


def classes_of(members: Sequence[Member]) -> tuple[str, ...]:
    """Return the classes that all networks of an ensemble know, without the ground."""
    first, *others = (tuple(member.record.classes or ())[1:] for member in members)
    for member, classes in zip(members[1:], others, strict=True):
        if classes != first:
            raise UserError(
                f"{member.record.path} knows {', '.join(classes)}, {members[0].record.path} "
                f"{', '.join(first)}: an ensemble knows the same classes"
            )
    return first


def detect(
    pictures: Pictures, proposals: Sequence[Tensor], score: Score, least: float
) -> list[Detections]:
    """Find the objects of all pictures, from a probability on."""
    found = []
    for index, boxes in enumerate(tqdm(proposals, "detecting", unit="picture", disable=None)):
        picture = readable(pictures, index) if len(boxes) else None
        known = torch.empty(0, 1) if picture is None else score(picture, boxes)
        found.append(thinned(boxes, known, least))
    return found


def thinned(boxes: Tensor, probabilities: Tensor, least: float) -> Detections:
    """Return what the boxes of a picture show, each class once at a place; a box may be several."""
    rows, columns = (probabilities[:, 1:] >= least).nonzero(as_tuple=True)
    found = Detections(boxes[rows], columns + 1, probabilities[rows, columns + 1])
    kept = nms(found.boxes, found.scores, found.labels, SAME)[:MOST]
    return Detections(*(part[kept] for part in found))


def together(scores: Sequence[Score]) -> Score:
    """Average the probabilities of several networks, six in the paper."""

    def mean(picture: Image.Image, boxes: Tensor) -> Tensor:
        return torch.stack([score(picture, boxes) for score in scores]).mean(0)

    return mean


def warping(member: Member, device: torch.device) -> Score:
    """Classify each region by itself, stretched to the network's input, as R-CNN does."""
    size, mean = member.network.size, member.record.recipe.mean

    def score(picture: Image.Image, boxes: Tensor) -> Tensor:
        seen = (warped(picture, some, size, mean) for some in torch.split(boxes, BATCH))
        return torch.cat([member.softmax(part.to(device), BATCH).cpu() for part in seen])

    return score
