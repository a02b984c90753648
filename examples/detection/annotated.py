"""Pictures in files with boxes that somebody drew: what COCO's and VOC's layouts share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from recipe.data import Corrupt, decoded
from recipe.errors import UserError
from recipe.index import few
from torch import Tensor

from detection.boxes import area

_TOLERATED = 1.0  # pixels by which a box may reach out of its picture without a note


class Entry(NamedTuple):
    """A picture as a layout has it; no other one has its name."""

    name: str  # from the directory of the pictures on
    identity: int
    size: tuple[int, int]  # width, height


class Labelled(NamedTuple):
    """A box as a layout has it; a difficult one need not be found."""

    entry: int
    box: Sequence[float]
    label: int
    difficult: bool


class Objects(NamedTuple):
    """What pictures hold, one after the other."""

    boxes: Tensor
    labels: Tensor
    difficult: Tensor


@dataclass(frozen=True)
class Annotated:
    """Pictures that are read when they are asked for; `starts[i]` is the first object of one."""

    classes: tuple[str, ...]
    categories: tuple[int, ...]
    folder: Path
    entries: Sequence[Entry]
    objects: Objects
    starts: Sequence[int]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, index: int) -> str:
        return self.entries[index].name

    def identity(self, index: int) -> int:
        return self.entries[index].identity

    def size(self, index: int) -> tuple[int, int]:
        return self.entries[index].size

    def read(self, index: int) -> Image.Image:
        name, _, size = self.entries[index]
        file = self.folder / name
        picture = decoded(lambda: file.open("rb"), str(file))
        if picture.size != size:
            raise Corrupt(str(file), f"{_by(picture.size)} pixels, expected {_by(size)}")
        return picture

    def boxes(self, index: int) -> Tensor:
        return self.objects.boxes[self._place(index)]

    def labels(self, index: int) -> Tensor:
        return self.objects.labels[self._place(index)]

    def difficult(self, index: int) -> Tensor:
        return self.objects.difficult[self._place(index)]

    def _place(self, index: int) -> slice:
        return slice(self.starts[index], self.starts[index + 1])


def _by(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


def annotated(
    source: Path,
    classes: Mapping[int, str],
    folder: Path,
    entries: Sequence[Entry],
    found: Sequence[Labelled],
) -> Annotated:
    """Return checked pictures; `classes` has the names by COCO's numbers, in the labels' order.

    Raises UserError where pictures are missing or nothing is to be found.
    """
    _refuse_missing(source, [folder / entry.name for entry in entries])
    names, found = tuple(classes.values()), sorted(found, key=lambda each: each.entry)
    facts = torch.tensor([(each.entry, each.label, each.difficult) for each in found]).long()
    owners, labels, difficult = facts.reshape(-1, 3).unbind(1)
    drawn = torch.tensor([each.box for each in found], dtype=torch.float32).reshape(-1, 4)
    limits = torch.tensor([entry.size * 2 for entry in entries]).reshape(-1, 4)[owners]
    boxes = drawn.clamp(min=0).minimum(limits)
    kept = area(boxes) > 0
    objects = Objects(boxes[kept], labels[kept], difficult[kept].bool())
    if objects.difficult.all():
        raise UserError(f"{source}: no boxes that count, so that there is nothing to detect")
    counts = torch.bincount(owners[kept], minlength=len(entries))
    notes = [*_notes_on_boxes(boxes, drawn, kept), *_notes_on_counts(counts, objects.labels, names)]
    return Annotated(
        names,
        tuple(classes),
        folder,
        entries,
        objects,
        [0, *counts.cumsum(0).tolist()],
        tuple(f"{source}: {note}" for note in notes),
    )


def _refuse_missing(source: Path, files: Sequence[Path]) -> None:
    """Refuse pictures that are not there; each directory is listed once."""
    listed = {file for folder in {file.parent for file in files} for file in folder.iterdir()}
    missing = [file for file in files if file not in listed]
    if missing:
        names = few([file.name for file in missing])
        raise UserError(f"{source}: its pictures {names} are not in {missing[0].parent}")


def _notes_on_boxes(boxes: Tensor, drawn: Tensor, kept: Tensor) -> Iterator[str]:
    """Say which boxes had to be changed."""
    outside = (boxes - drawn).abs().amax(1)[kept] > _TOLERATED
    if outside.any():
        yield f"boxes clipped, as they reach out of their pictures: {int(outside.sum())}"
    if not kept.all():
        yield f"boxes left out, as they have no area in their pictures: {int((~kept).sum())}"


def _notes_on_counts(counts: Tensor, labels: Tensor, classes: Sequence[str]) -> Iterator[str]:
    """Say which pictures and classes have nothing."""
    if empty := int((counts == 0).sum()):
        yield f"pictures without boxes: {empty} of {len(counts)}"
    present = set(labels.tolist())
    if absent := [name for label, name in enumerate(classes, 1) if label not in present]:
        yield f"classes without boxes: {few(absent)}"
