"""Reports as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import cache

from netspec.emit.report.table import Content, Grid, Table, grid
from netspec.text.diagnostics import display_width, escape

WIDTH = 100
_SHORT = 3  # rows whose total needs no rule above it


def text(report: Content) -> str:
    """Return a report as lines of at most 100 columns, unless names make them longer."""
    lines = _flow([escape(text) for text in (report.title, *report.sentences())])
    for i, table in enumerate(report.tables):
        lines += [""] * bool(i)
        lines += _lines(_fitting(table))
    for note in report.notes:
        lines += textwrap.wrap(escape(note), WIDTH)
    return "\n".join(lines) + "\n"


def _flow(phrases: list[str]) -> list[str]:
    """Join phrases by semicolons into lines that break only between phrases."""
    lines = [phrases[0]]
    for phrase in phrases[1:]:
        if display_width(lines[-1]) + display_width(phrase) + 3 > WIDTH:
            lines.append(phrase)
        else:
            lines[-1] += f"; {phrase}"
    return lines


def _fitting(table: Table) -> Grid:
    """Return all columns where they fit, otherwise without the extra ones."""
    complete = grid(table)
    width = sum(_widths(complete)) + 2 * len(complete.left) - 2
    return complete if width <= WIDTH else grid(table, every_column=False)


def _widths(table: Grid) -> list[int]:
    columns = zip(table.headings, *table.rows, *table.totals, strict=True)
    return [max(display_width(escape(text)) for text in set(column)) for column in columns]


def _lines(table: Grid) -> Iterator[str]:
    widths = _widths(table)
    pad = cache(_pad)

    def line(cells: tuple[str, ...]) -> str:
        return "  ".join(map(pad, cells, widths, table.left)).rstrip()

    yield from (line(table.headings), *map(line, table.rows))
    if table.totals and len(table.rows) > _SHORT:
        yield "─" * (sum(widths) + 2 * len(widths) - 2)
    yield from map(line, table.totals)


def _pad(cell: str, width: int, left: bool) -> str:
    cell = escape(cell)
    space = " " * (width - display_width(cell))
    return cell + space if left else space + cell
