"""Reports as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from netspec.emit.report.table import Content, Grid, Table, grid
from netspec.text.diagnostics import display_width, escape
from netspec.text.rendered import WIDTH

_SHORT = 3  # rows whose total needs no rule above it


def text(report: Content, columns: int | None = None) -> str:
    """Return a report as lines of so many columns at most, unless names make them longer.

    Where it is not known how many are shown, a table that is too wide is not cut.
    """
    width = columns or WIDTH
    lines = _flow([escape(text) for text in (report.title, *report.sentences())], width)
    parts = [part for table in report.tables for part in _fitting(table, width, bool(columns))]
    for i, part in enumerate(parts):
        lines += [""] * bool(i)
        lines += _lines(part)
    for note in report.remarks():
        lines += textwrap.wrap(escape(note), width)
    return "\n".join(lines) + "\n"


def _flow(phrases: list[str], width: int) -> list[str]:
    """Join phrases by semicolons into lines that break only between phrases."""
    lines = [phrases[0]]
    for phrase in phrases[1:]:
        if display_width(lines[-1]) + display_width(phrase) + 3 > width:
            lines.append(phrase)
        else:
            lines[-1] += f"; {phrase}"
    return [part for line in lines for part in textwrap.wrap(line, width) or [line]]


def _fitting(table: Table, width: int, is_cut: bool) -> list[Grid]:
    """Return all columns where they fit, otherwise without the extra ones, or in several parts."""
    complete = grid(table, escape)
    if _width_of(complete) <= width:
        return [complete]
    least = grid(table, escape, without_extra=True)
    return [*_split(least, width)] if is_cut else [least]


def _width_of(table: Grid) -> int:
    return sum(map(_width, table.columns())) + 2 * len(table.left) - 2


def _split(table: Grid, width: int) -> Iterator[Grid]:
    """Yield parts that fit, each with the first column."""
    widths = [_width(column) + 2 for column in table.columns()]
    parts = [[0]]
    for i in range(1, len(widths)):
        if len(parts[-1]) > 1 and sum(widths[j] for j in parts[-1]) + widths[i] - 2 > width:
            parts.append([0])
        parts[-1].append(i)
    yield from (table.only(part) for part in parts)


def _width(column: Iterable[str]) -> int:
    return max(map(display_width, set(column)))


def _lines(table: Grid) -> list[str]:
    columns = list(map(_aligned, table.columns(), table.left))
    lines = [line.rstrip() for line in map("  ".join, zip(*columns, strict=True))]
    if table.totals and len(table.rows) > _SHORT:
        rule = "─" * (sum(map(_width, table.columns())) + 2 * len(columns) - 2)
        lines.insert(1 + len(table.rows), rule)
    return lines


def _aligned(column: Sequence[str], left: bool) -> list[str]:
    """Return the texts of a column in its width; what stands in many cells is padded once."""
    widths = {text: display_width(text) for text in set(column)}
    widest = max(widths.values())
    spaces = {text: " " * (widest - width) for text, width in widths.items()}
    if left:
        return [text + spaces[text] for text in column]
    return [spaces[text] + text for text in column]
