"""Images with labels: a directory of images or shards, or scikit-learn's handwritten digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from recipe.errors import UserError
from recipe.folders import files
from recipe.index import Table, few
from recipe.shards import has_shards, shards

Size = tuple[int, int]
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_DIGITS = {"digits": tuple("0123456789"), "parity": ("even", "odd")}


class Corrupt(Exception):
    """An image that cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Images(Protocol):
    """Labelled images."""

    @property
    def labels(self) -> NDArray[numpy.int64]: ...

    @property
    def margin(self) -> float:
        """By how much an image is larger than what is evaluated of it."""

    def read(self, index: int) -> Image.Image:
        """Return an image in RGB, at its own size, or raise Corrupt."""


@dataclass(frozen=True)
class Data:
    classes: tuple[str, ...]
    train: Images
    held_out: Images


def open_data(name: str) -> Data:
    """Return the data called `digits` or `parity` (even, odd), or those in a directory."""
    if name in _DIGITS:
        return _digits(_DIGITS[name])
    train, held_out = stored(Path(name))
    return Data(train.classes, train, held_out)


def open_held_out(name: str) -> tuple[tuple[str, ...], Images]:
    """Return the classes and the held-out images of data; a directory may have `val` alone."""
    if name in _DIGITS:
        data = _digits(_DIGITS[name])
        return data.classes, data.held_out
    held_out = _part(Path(name), "val")
    return held_out.classes, held_out


@dataclass(frozen=True)
class Digits:
    """8x8 grey digits."""

    pixels: NDArray[numpy.uint8]
    labels: NDArray[numpy.int64]
    margin: float = 1.0

    def read(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index]).convert("RGB")


def _digits(classes: tuple[str, ...]) -> Data:
    """Every fifth digit is held out: 360 of 1,797."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = (bunch.images * 255 / 16).round().astype(numpy.uint8)
    labels = bunch.target.astype(numpy.int64) % len(classes)
    held_out = numpy.arange(len(labels)) % 5 == 0
    train, rest = (Digits(pixels[chosen], labels[chosen]) for chosen in (~held_out, held_out))
    return Data(classes, train, rest)


class Encoded(Protocol):
    """Images as they are stored: a layout of files."""

    @property
    def table(self) -> Table: ...
    def name(self, index: int) -> str: ...
    def open(self, index: int) -> BinaryIO: ...


@dataclass(frozen=True)
class Stored:
    """Image files or members of shards, decoded when they are asked for."""

    place: Encoded
    margin: float = 256 / 224

    @property
    def classes(self) -> tuple[str, ...]:
        return self.place.table.classes

    @property
    def labels(self) -> NDArray[numpy.int64]:
        return self.place.table.labels

    def read(self, index: int) -> Image.Image:
        return decoded(partial(self.place.open, index), self.place.name(index))


def decoded(opened: Callable[[], BinaryIO], name: str) -> Image.Image:
    """Return an image in RGB, at its own size, or raise Corrupt."""
    try:
        with opened() as file, Image.open(file, formats=_FORMATS) as picture:
            if picture.mode[0] in "IF":  # convert() would make white of nearly all values
                raise ValueError(f"mode {picture.mode}, expected 8 bits a channel")
            return picture.convert("RGB")
    except Exception as error:  # what a broken file does to its decoder is not foreseeable
        raise Corrupt(name, _reason(error)) from error


def _reason(error: Exception) -> str:
    """Say what is wrong with an image, without the object that PIL read it from."""
    if isinstance(error, UnidentifiedImageError):
        return f"expected one of {', '.join(_FORMATS)}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def stored(root: Path) -> tuple[Stored, Stored]:
    """Return the training and the held-out images in a directory."""
    train, held_out = _part(root, "train"), _part(root, "val")
    _refuse_missing(root, "train", {*held_out.classes} - {*train.classes})
    _refuse_missing(root, "val", {*train.classes} - {*held_out.classes})
    return train, held_out


def _part(root: Path, part: str) -> Stored:
    """Return `train` or `val` of a directory: its shards, if it has some."""
    return Stored((shards if has_shards(root) else files)(root, part))


def _refuse_missing(root: Path, part: str, classes: set[str]) -> None:
    if classes:
        raise UserError(
            f"{root}: {part} has no {few(sorted(classes))}; both parts must have the same classes"
        )
