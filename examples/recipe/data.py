"""Images with labels: a directory in ILSVRC's layout, or scikit-learn's handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]


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

    def read(self, index: int) -> Image.Image:
        """Return an image in RGB, at its own size, or raise Corrupt."""

    @property
    def margin(self) -> float:
        """By how much an image is larger than what is evaluated of it."""

    def image(self, index: int, size: Size) -> Tensor:
        """Return floats in 0..1, (3, height, width): at `size` if that is free."""


@dataclass(frozen=True)
class Data:
    classes: tuple[str, ...]
    train: Images
    held_out: Images


def open_data(name: str) -> Data:
    """Return the data called `digits` or `parity` (even, odd), or those in a directory."""
    if name == "digits":
        return _digits(tuple("0123456789"))
    if name == "parity":
        return _digits(("even", "odd"))
    return _folder(Path(name))


@dataclass(frozen=True)
class Digits:
    """8x8 grey digits, enlarged to the size that is asked for."""

    pixels: Tensor
    labels: NDArray[numpy.int64]
    margin: float = 1.0

    def read(self, index: int) -> Image.Image:
        grey = (self.pixels[index] * 255).round().to(torch.uint8).numpy()
        return Image.fromarray(grey).convert("RGB")

    def image(self, index: int, size: Size) -> Tensor:
        enlarged = F.interpolate(self.pixels[index][None, None], size, mode="bilinear")
        return enlarged[0].expand(3, -1, -1)


def _digits(classes: tuple[str, ...]) -> Data:
    """Every fifth digit is held out: 360 of 1,797."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = torch.tensor(bunch.images, dtype=torch.float32) / 16
    labels = bunch.target.astype(numpy.int64) % len(classes)
    held_out = torch.arange(len(labels)) % 5 == 0
    parts = []
    for chosen in (~held_out, held_out):
        parts.append(Digits(pixels[chosen], labels[chosen.numpy()]))
    return Data(classes, *parts)


@dataclass(frozen=True)
class Folder:
    """Image files, read when they are asked for."""

    paths: Sequence[Path]
    labels: NDArray[numpy.int64]
    margin: float = 256 / 224

    def read(self, index: int) -> Image.Image:
        path = self.paths[index]
        try:
            with Image.open(path) as file:
                return file.convert("RGB")
        except Exception as error:  # what a broken file does to its decoder is not foreseeable
            raise Corrupt(str(path), str(error)) from error

    def image(self, index: int, size: Size) -> Tensor:
        with Image.open(self.paths[index]) as file:
            picture = file.convert("RGB")
        data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        return data.view(picture.height, picture.width, 3).permute(2, 0, 1) / 255


_SUFFIXES = frozenset(Image.registered_extensions())


def _folder(root: Path) -> Data:
    classes = tuple(sorted(entry.name for entry in (root / "train").iterdir() if entry.is_dir()))
    return Data(classes, *(_files(root / part, classes) for part in ("train", "val")))


def _files(root: Path, classes: Sequence[str]) -> Folder:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((root / name).rglob("*"))
        if path.suffix.lower() in _SUFFIXES
    ]
    if not found:
        raise SystemExit(f"no images in {root}/CLASS/")
    paths, labels = zip(*found, strict=True)
    return Folder(paths, numpy.array(labels, numpy.int64))
