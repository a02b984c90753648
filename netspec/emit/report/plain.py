"""Reports as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

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
    for note in report.remarks():
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
    return [part for line in lines for part in textwrap.wrap(line, WIDTH) or [line]]


def _fitting(table: Table) -> Grid:
    """Return all columns where they fit, otherwise without the extra ones."""
    complete = grid(table, escape)
    width = sum(map(_width, complete.columns())) + 2 * len(complete.left) - 2
    return complete if width <= WIDTH else grid(table, escape, without_extra=True)


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
