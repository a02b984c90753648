"""The lines of a text that hold something: what stands on them, and how deep."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.text.diagnostics import Source, Span

_LINE = re.compile(r"[^\n]*\n?")
_ENTRY = re.compile(r"\s+(?:- )?([A-Za-z_]\w*):(?=\s)")
Entry = tuple[Span, re.Match[str]]
"""A line that gives a name to something, and the match whose first group is the name."""


def rows(source: Source) -> list[Span]:
    """Return the lines that hold something, their ends included."""
    found = [Span(source, *match.span()) for match in _LINE.finditer(source.text)]
    return [row for row in found if row.text.strip() and not row.text.lstrip().startswith("#")]


def row_at(place: Span) -> Span:
    """Return the line of a place, or the place itself where that holds nothing."""
    found = (row for row in rows(place.source) if row.start <= place.start < row.end)
    return next(found, place)


def depth(row: Span) -> int:
    """Return how far a line is indented."""
    return len(row.text) - len(row.text.lstrip(" "))


def body(text: str) -> str:
    """Return what a line says, without its comment."""
    return text.partition(" #")[0].strip()


def entry(row: Span) -> re.Match[str] | None:
    """Return the match of a line that gives a name to something."""
    return _ENTRY.match(row.text)


def entries(rows: Iterable[Span]) -> list[Entry]:
    """Return the lines that give a name to something."""
    return [(row, found) for row in rows if (found := entry(row))]


def renamed(entry: re.Match[str], name: str) -> str:
    """Return a line with another name."""
    return entry.string[: entry.start(1)] + name + entry.string[entry.end(1) :]
