"""What an evaluation has counted so far, in a file by which it goes on, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from netspec.text import files
from netspec.text.diagnostics import escape
from recipe.errors import UserError

_MOST_BYTES = 2**24


class Row(BaseModel):
    """Some networks with some crops, and how many images they had right."""

    model_config = ConfigDict(extra="forbid", strict=True)

    networks: str
    crops: int
    cost: int
    """How often an image passes through a network."""
    macs: int | None
    """The multiply-adds of that; unknown where a network is no spec's."""
    top1: int = 0
    top5: int = 0


class Tally(BaseModel):
    """The rows of a table, over the images done so far."""

    model_config = ConfigDict(extra="forbid", strict=True)

    question: dict[str, Any]
    """What is evaluated: plain data."""
    images: int
    rows: list[Row]
    done: int = 0
    unreadable: int = 0

    def add(self, done: int, counts: Tensor) -> None:
        """Take in what all processes counted up to an image: the unreadable, then by row."""
        unreadable, *right = counts.tolist()
        self.done, self.unreadable = done, self.unreadable + unreadable
        for row, top1, top5 in zip(self.rows, right[::2], right[1::2], strict=True):
            row.top1, row.top5 = row.top1 + top1, row.top5 + top5

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write({str(path): self.model_dump_json(indent=1).encode()})

    def table(self) -> str:
        """Return the errors in percent, and by how many points they are off the first row's."""
        errors = ("top-1 error", "change", "top-5 error", "change")
        head = ("networks", "crops", "cost", "MACs an image", *errors)
        lines = [head, *map(self._cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [_line(cells, widths) for cells in lines]
        unreadable = f"; {self.unreadable} unreadable" if self.unreadable else ""
        return "\n".join([*table, f"{self.done - self.unreadable} images{unreadable}"])

    def _cells(self, row: Row) -> tuple[str, ...]:
        macs = "unknown" if row.macs is None else f"{row.macs:,}"
        base, count = self.rows[0], max(1, self.done - self.unreadable)
        errors = (
            f"{100 * value / count:{sign}.2f}"
            for own, first in ((row.top1, base.top1), (row.top5, base.top5))
            for value, sign in ((count - own, ""), (first - own, "+"))
        )
        return escape(row.networks), str(row.crops), str(row.cost), macs, *errors


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Lay cells out: the first to the left, the numbers to the right."""
    first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([cells[0].ljust(len(first)), *others]).rstrip()


def begun(path: Path, asked: Tally) -> Tally:
    """Return what a file has counted for the same question; if there is none, nothing yet.

    Raises UserError if the file has another question, or is none.
    """
    if not path.exists():
        return asked
    cure = "name another --out, or start anew with --fresh"
    try:
        found = Tally.model_validate_json(files.read(str(path), _MOST_BYTES))
    except ValidationError:
        raise UserError(f"{path} is no evaluation: {cure}") from None
    for name, value in asked.question.items():
        if found.question.get(name) != value:
            raise UserError(f"{path} evaluates other {name}: {cure}")
    return found
