"""Image files in a directory for each class, as ILSVRC and torchvision's ImageFolder have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from recipe.errors import UserError
from recipe.index import Rows, Table, table

SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True)
class Files:
    """The image files of `train` or `val`."""

    root: Path
    table: Table

    def name(self, index: int) -> str:
        label = self.table.labels[index]
        return str(self.root / self.table.classes[label] / self.table.name(index))

    def open(self, index: int) -> BinaryIO:
        return Path(self.name(index)).open("rb")


def files(root: Path, part: str) -> Files:
    return Files(root / part, table(root, part, _scan))


def _scan(root: Path, part: str) -> Rows:
    """List every class of a part; each directory is read once."""
    folder = root / part
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such directory; --data takes `digits`, `parity`, a directory with "
            "train/CLASS/* and val/CLASS/*, or one with shards, *train*.tar and *val*.tar"
        )
    rows = Rows()
    rows.made_from(folder)
    rows.classes = sorted(entry.name for entry in _entries(folder) if entry.is_dir())
    if not rows.classes:
        raise UserError(f"{folder}: no classes; expected a directory for each")
    for label, name in enumerate(rows.classes):
        _add_class(rows, folder / name, label)
    return rows


def _add_class(rows: Rows, folder: Path, label: int) -> None:
    found = sorted(_images(rows, folder))
    if not found:
        raise UserError(
            f"{folder}: no images of this class; remove the directory, in train and val"
        )
    for path in found:
        rows.add(path, label=label)


def _images(rows: Rows, folder: Path, above: str = "") -> Iterator[str]:
    """Return the images in a directory and those below it, by their paths from the class."""
    rows.made_from(folder)
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _images(rows, folder / entry.name, f"{above}{entry.name}/")
        elif not entry.is_file():
            raise UserError(f"{entry.path}: no file, or a link to none; remove it")
        elif Path(entry.name).suffix.lower() not in SUFFIXES:
            known = ", ".join(sorted(SUFFIXES))
            raise UserError(f"{entry.path}: not an image that is read here ({known}); move it away")
        else:
            yield above + entry.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """List a directory, without hidden files."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]
