"""Images in WebDataset's shards: tar files in which KEY.jpg stands beside KEY.cls.

A shard is read at random, by a table of where each image begins. So order, exact resume and the
share of each process are those of single files. What this asks: shards are files, local or
mounted; a stream (http, pipe) has to be copied first.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

from recipe.errors import UserError
from recipe.folders import SUFFIXES
from recipe.index import Rows, Table, few, table

_PART = re.compile(r"(?<![a-z])(train|val)(?:id(?:ation)?)?(?![a-z])")


@dataclass(frozen=True)
class Shards:
    """The images of the shards of `train` or `val`."""

    paths: Sequence[Path]
    table: Table

    def name(self, index: int) -> str:
        return f"{self._shard(index)}: {self.table.name(index)}"

    def open(self, index: int) -> BinaryIO:
        columns = self.table.columns
        with self._shard(index).open("rb") as shard:
            shard.seek(columns["start"][index])
            return io.BytesIO(shard.read(columns["size"][index]))

    def _shard(self, index: int) -> Path:
        return self.paths[self.table.columns["shard"][index]]


def shards(root: Path, part: str) -> Shards:
    return Shards(_paths(root, part), table(root, part, _scan))


def has_shards(root: Path) -> bool:
    """Tell a directory of shards; in one of images, a tar is what they came in."""
    is_folder = any((root / part).is_dir() for part in ("train", "val"))
    return not is_folder and any(_part(path) for path in root.glob("*.tar"))


def _part(path: Path) -> str:
    found = _PART.search(path.name.lower())
    return found[1] if found else ""


def _paths(root: Path, part: str) -> list[Path]:
    return sorted(path for path in root.glob("*.tar") if _part(path) == part)


def _scan(root: Path, part: str) -> Rows:
    """List the images of all shards of a part, in the shards' order."""
    paths = _paths(root, part)
    if not paths:
        raise UserError(f"{root}: no shards named *{part}*.tar")
    rows = Rows("shard", "start", "size")
    rows.made_from(root)
    for place, path in enumerate(paths):
        rows.made_from(path)
        for image in _images(path):
            rows.add(image.name, label=image.label, shard=place, start=image.start, size=image.size)
    rows.classes = _classes(root, part, rows)
    return rows


class _Image(NamedTuple):
    name: str
    label: int
    start: int
    size: int


def _images(path: Path) -> Iterator[_Image]:
    """Return the images of a shard: a sample is members with one key, one after another."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = [member for member in tar if member.isreg() and "." in _file(member)]
            _refuse_cut(tar)
            for key, sample in groupby(members, key=_key):
                yield _image(path, tar, key, list(sample))
    except tarfile.TarError as error:
        raise UserError(f"{path}: cut off or damaged ({error}); copy it again") from error


def _refuse_cut(tar: tarfile.TarFile) -> None:
    """Look for the archive's end: to tarfile, one that is cut between members is complete."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError(f"no end of the archive at byte {tar.offset:,}")


def _file(member: tarfile.TarInfo) -> str:
    return member.name.rpartition("/")[2]


def _key(member: tarfile.TarInfo) -> str:
    """Return a member's name up to the first dot of its file, as WebDataset has it."""
    folder, slash, file = member.name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _image(path: Path, tar: tarfile.TarFile, key: str, sample: list[tarfile.TarInfo]) -> _Image:
    kinds = {member.name[len(key) :].lower(): member for member in sample}
    images = [member for kind, member in kinds.items() if kind in SUFFIXES]
    if len(images) != 1 or ".cls" not in kinds:
        found = ", ".join(kinds)
        raise UserError(f"{path}: {key}: expected one image and a .cls, found {found}")
    tar.fileobj.seek(kinds[".cls"].offset_data)
    text = tar.fileobj.read(min(kinds[".cls"].size, 20)).decode("ascii", "replace").strip()
    if not text.isdecimal() or len(text) > 9:
        raise UserError(f"{path}: {key}.cls: expected the number of a class, found {text!r}")
    return _Image(images[0].name, int(text), images[0].offset_data, images[0].size)


def _classes(root: Path, part: str, rows: Rows) -> list[str]:
    """Return the names in classes.txt, else numbers; each must have images."""
    held = set(rows.columns["label"])
    listed = root / "classes.txt"
    if listed.exists():
        rows.made_from(listed)
        names = listed.read_text("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    else:
        names = [str(number) for number in range(len(held))]
    if not held or max(held) >= len(names):
        found = f"0 to {max(held)}" if held else "no images"
        raise UserError(
            f"{root}: {part}: expected .cls files with the numbers of {len(names)} classes, "
            f"from 0 on without a gap; found {found}"
        )
    empty = [name for number, name in enumerate(names) if number not in held]
    if empty:
        raise UserError(f"{root}: {part}: no images of {few(empty)}")
    return names
