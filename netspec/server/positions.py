"""Places in a text as the client counts them: lines from 0, columns in units of its encoding."""

from __future__ import annotations

from lsprotocol import types

from netspec.text.diagnostics import Source, Span

_WIDTHS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
"""Bytes in a unit of each encoding."""


class Positions:
    """Converts between offsets in code points and positions in one encoding."""

    def __init__(self, encoding: str = "utf-16") -> None:
        self._codec = "utf-8" if encoding == "utf-8" else f"{encoding}-le"
        self._width = _WIDTHS[encoding]

    def units(self, text: str) -> int:
        """Count the units that a text takes."""
        if text.isascii():
            return len(text)
        return len(text.encode(self._codec, "surrogatepass")) // self._width

    def position(self, source: Source, offset: int) -> types.Position:
        line, column = source.position(offset)
        return types.Position(line - 1, self.units(source.line(line)[: column - 1]))

    def range(self, span: Span) -> types.Range:
        source, start, end = span
        return types.Range(self.position(source, start), self.position(source, max(start, end)))

    def offset(self, source: Source, position: types.Position) -> int:
        """Return the offset of a position; one beyond a line or the text is its end."""
        line = position.line + 1
        if line > source.position(len(source.text))[0]:
            return len(source.text)
        return source.start_of_line(line) + self._column(source.line(line), position.character)

    def offsets(self, source: Source, place: types.Range) -> tuple[int, int]:
        return self.offset(source, place.start), self.offset(source, place.end)

    def _column(self, text: str, units: int) -> int:
        """Return how many code points the first units of a line are."""
        if text.isascii():
            return min(units, len(text))
        taken = 0
        for column, char in enumerate(text):
            taken += self.units(char)
            if taken > units:
                return column
        return len(text)
