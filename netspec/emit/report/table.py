"""A table as data: columns, rows of plain values, and totals; renderers only write it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

Cell = int | float | str | tuple[int, ...] | tuple[float, ...] | None
Row = tuple[Cell, ...]
RANGE = "–"
"""Glue between the ends of a range, which is one number where they are equal."""
Kind = Literal["text", "number", "percent", "shape", "axes"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` in JSON and CSV, `title` and `unit` for people, `kind` for the writing.

    `glue` writes the cell behind the one on its left in tables for people ("27–59/8"); `extra`
    columns are left out where a text would be too wide; a `summed` column's cells add
    up to its totals. `meaning` explains the title below the tables.
    """

    key: str
    title: str
    kind: Kind = "number"
    unit: str = ""
    glue: str = ""
    extra: bool = False
    summed: bool = False
    meaning: str = ""

    @property
    def heading(self) -> str:
        """The title with its unit in brackets."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def left(self) -> bool:
        """Whether the cells are aligned to the left."""
        return self.kind == "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `totals` are the last rows, set apart."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One value about the whole network; `column` says how it is written, and its unit.

    An aside stands in brackets behind the fact before it.
    """

    key: str
    title: str
    column: Column
    value: Cell
    aside: bool = False

    @property
    def text(self) -> str:
        """The value with its title and unit."""
        return f"{self.title} {show(self.column, self.value)} {self.column.unit}".strip()


@dataclass(frozen=True, slots=True)
class Content:
    """Tables, facts about the whole, and the rules by which they were counted.

    `further` tables are for programs, and for people who ask for them.
    """

    title: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    further: tuple[Table, ...] = ()

    def sentences(self) -> list[str]:
        """Return the facts for people, asides in brackets."""
        found: list[str] = []
        for fact in self.facts:
            if fact.aside and found:
                found[-1] += f" ({fact.text})"
            else:
                found.append(fact.text)
        return found

    def remarks(self) -> list[str]:
        """Return the rules, and what titles of columns mean that do not say it themselves."""
        columns = (column for table in self.tables for column in table.columns if column.meaning)
        meanings = dict.fromkeys(f"{column.title}: {column.meaning}." for column in columns)
        return [*self.notes, " ".join(meanings)] if meanings else [*self.notes]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as people read it: texts only, glued columns merged."""

    headings: tuple[str, ...]
    left: tuple[bool, ...]
    rows: Sequence[tuple[str, ...]]
    totals: Sequence[tuple[str, ...]]

    def columns(self) -> Iterator[tuple[str, ...]]:
        """Yield the texts of each column, from its heading to its last total."""
        return zip(self.headings, *self.rows, *self.totals, strict=True)

    def only(self, places: Sequence[int]) -> Grid:
        """Return some of the columns."""
        headings, *rows = [
            tuple(row[i] for i in places) for row in (self.headings, *self.rows, *self.totals)
        ]
        left, count = tuple(self.left[i] for i in places), len(self.rows)
        return Grid(headings, left, rows[:count], rows[count:])


def add_up(name: str, columns: Sequence[Column], rows: Sequence[Row]) -> Row:
    """Return a total row: the sums of the summed columns under a name."""
    return (name, *map(_sum, columns[1:], columnwise(columns, rows)[1:]))


def _sum(column: Column, cells: Sequence[Cell]) -> Cell:
    numbers = [cell for cell in cells if isinstance(cell, int | float)]
    # A sum over some of the rows only would say too little.
    if not column.summed or len(numbers) < max(1, len(cells)):
        return None
    # Shares are rounded each by itself, so that theirs may come to a little more or less.
    return percent(sum(numbers), sum(numbers)) if column.kind == "percent" else sum(numbers)


def percent(part: float, whole: float) -> float:
    """Return a percentage with one decimal, of nothing 0."""
    return (2000 * part + whole) // (2 * whole) / 10 if whole else 0.0


def show(column: Column, cell: Cell) -> str:
    """Write a cell as people read it; the digits are those of every other format."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case tuple():
            same = column.kind == "axes" and len(set(cell)) == 1
            return "×".join(f"{number:g}" for number in (cell[:1] if same else cell))
    return f"{cell:.1f}%" if column.kind == "percent" else f"{cell:,}"


def columnwise(columns: Sequence[Column], rows: Sequence[Row]) -> Sequence[Row]:
    """Return the cells of each column."""
    return list(zip(*rows, strict=True)) or [()] * len(columns)


def written(cells: Sequence[Cell], write: Callable[[Cell], str]) -> list[str]:
    """Write the cells of a column; what stands in many of them is written once."""
    kinds = set(map(type, cells))
    # Of different types equal cells may be written differently: 1 and 1.0.
    keys = cells if len(kinds) == 1 and tuple not in kinds else list(map(id, cells))
    distinct = dict(zip(keys, cells, strict=True))
    texts = {key: write(cell) for key, cell in distinct.items()}
    return [texts[key] for key in keys]


def grid(table: Table, escape: Callable[[str], str] = str, without_extra: bool = False) -> Grid:
    """Return a table as escaped texts; what stands in many cells is escaped once."""
    starts = [column for column in table.columns if not column.glue]
    kept, columns = [], []
    for column, cells in zip(starts, _columns(table), strict=True):
        if not (without_extra and column.extra):
            texts = [column.heading, *cells]
            known = {text: escape(text) for text in set(texts)}
            columns.append([known[text] for text in texts])
            kept.append(column)
    headings, *rows = zip(*columns, strict=True)
    count = len(table.rows)
    return Grid(headings, tuple(column.left for column in kept), rows[:count], rows[count:])


def _columns(table: Table) -> list[list[str]]:
    """Return the texts of each column, glued ones behind the one on their left."""
    columns: list[list[str]] = []
    last: list[str] = []
    cells = columnwise(table.columns, (*table.rows, *table.totals))
    for column, found in zip(table.columns, cells, strict=True):
        texts = written(found, partial(show, column))
        if not column.glue:
            columns.append(texts)
        else:
            # A range whose ends are equal is one number.
            is_range = column.glue == RANGE
            columns[-1] = [
                before + column.glue + text if text and not (is_range and text == left) else before
                for before, text, left in zip(columns[-1], texts, last, strict=True)
            ]
        last = texts
    return columns
