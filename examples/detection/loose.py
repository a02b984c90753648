"""Image files without boxes, as pictures like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from recipe.data import Corrupt, decoded
from recipe.errors import UserError
from torch import Tensor


@dataclass(frozen=True)
class Loose:
    """Image files, in which objects of some classes are looked for."""

    paths: Sequence[Path]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[int, ...]:
        return tuple(range(1, 1 + len(self.classes)))

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def identity(self, index: int) -> int:
        return 1 + index

    def size(self, index: int) -> tuple[int, int]:
        return self.read(index).size

    def read(self, index: int) -> Image.Image:
        path = self.paths[index]
        try:
            return decoded(lambda: path.open("rb"), str(path))
        except Corrupt as error:
            raise UserError(str(error)) from None

    def boxes(self, index: int) -> Tensor:
        return torch.empty(0, 4)

    def labels(self, index: int) -> Tensor:
        return torch.empty(0, dtype=torch.int64)

    def difficult(self, index: int) -> Tensor:
        return torch.empty(0, dtype=torch.bool)
