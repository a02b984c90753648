"""Reports as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from netspec.diagnostics import display_width, escape
from netspec.emit.report.table import Grid, Report, Table, grid

WIDTH = 100


def text(report: Report) -> str:
    """Return a report as lines of at most 100 columns, unless a name makes them longer."""
    lines = [escape(report.title), *_facts(report)]
    for table in report.tables:
        lines += _lines(_fitting(table))
    for note in report.notes:
        lines += textwrap.wrap(escape(note), WIDTH, subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _facts(report: Report) -> list[str]:
    words = ", ".join(f"{fact.title} {fact.text}".strip() for fact in report.facts)
    return textwrap.wrap(escape(words), WIDTH)


def _fitting(table: Table) -> Grid:
    """Return all columns where they fit, otherwise without the extra ones."""
    complete = grid(table)
    return complete if sum(_widths(complete)) + 2 * len(complete.left) - 2 <= WIDTH else grid(table, False)


def _widths(table: Grid) -> list[int]:
    columns = zip(table.headings, *table.rows, *table.totals, strict=True)
    return [max(display_width(escape(text)) for text in column) for column in columns]


def _lines(table: Grid) -> Iterator[str]:
    widths = _widths(table)

    def line(cells: tuple[str, ...]) -> str:
        return "  ".join(map(_pad, cells, widths, table.left)).rstrip()

    rule = "  ".join("─" * width for width in widths)
    yield from (line(table.headings), rule, *map(line, table.rows))
    if table.totals:
        yield from (rule, *map(line, table.totals))


def _pad(cell: str, width: int, left: bool) -> str:
    cell = escape(cell)
    space = " " * (width - display_width(cell))
    return cell + space if left else space + cell
