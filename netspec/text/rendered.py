"""A mistake as it is shown to people, with its lines and carets below them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netspec.text.diagnostics import (
    MAX_NOTES,
    Diagnostic,
    Label,
    Span,
    brief,
    display_width,
    escape,
)

WIDTH = 100
"""The columns of a text of which nobody knows where it is shown."""
_ROOM = 40
"""The columns that words have at least, wherever they begin."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a mistake is shown on: whether it has colours, and how many columns; None for any."""

    has_colour: bool = False
    width: int | None = None

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.has_colour and text else text

    def wrapped(self, text: str, start: int) -> list[str]:
        """Return a text in lines of the room that is left behind a column, where they begin."""
        if self.width is None:
            return [text]
        return wrap(text, max(self.width - start, _ROOM)) or [text]


def wrap(text: str, width: int) -> list[str]:
    """Return a text in lines that break at spaces alone, so that a path or a name stays whole."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


_BOLD, _RED, _YELLOW, _BLUE = "1", "1;31", "1;33", "1;34"


def render(item: Diagnostic, screen: Screen | None = None) -> str:
    """Return a mistake as rustc shows it: message, underlined source, notes and help."""
    screen = screen or Screen()
    tag = f"{item.severity}[{item.code}]: "
    first, *rest = screen.wrapped(brief(item.message), len(tag))
    colour = _RED if item.severity == "error" else _YELLOW
    lines = [f"{screen.paint(tag[:-2], colour)}: {screen.paint(first, _BOLD)}"]
    lines += [" " * len(tag) + screen.paint(line, _BOLD) for line in rest]
    margin = " " * max((len(str(span.line)) for span in item.spans), default=1)
    lines += _snippets(item, margin, screen)
    for kind, text in [*(("note", text) for text in item.details), ("help", item.help)]:
        lines += _remark(kind, brief(text), margin, screen) if text else []
    return "\n".join(lines)


def _remark(kind: str, text: str, margin: str, screen: Screen) -> Iterator[str]:
    """Yield the lines of a note or of help."""
    start = f"{margin} = {kind}: "
    first, *rest = screen.wrapped(text, len(start))
    yield f"{margin} {screen.paint('=', _BLUE)} {kind}: {first}"
    yield from (" " * len(start) + line for line in rest)


def _snippets(item: Diagnostic, margin: str, screen: Screen) -> Iterator[str]:
    """Yield one snippet per source, that of the primary span first."""
    if item.span is None:
        return
    main = Label(item.span, item.label)
    labels = (main, *item.notes[:MAX_NOTES])
    for source in dict.fromkeys(label.span.source for label in labels):
        here = [label for label in labels if label.span.source is source]
        arrow = screen.paint("-->" if source is item.span.source else ":::", _BLUE)
        yield f"{margin}{arrow} {here[0].span}"
        if not source.secret:
            yield f"{margin} {screen.paint('|', _BLUE)}"
            yield from _lines(here, main, margin, screen)


def _lines(labels: Sequence[Label], main: Label, margin: str, screen: Screen) -> Iterator[str]:
    """Yield the lines that labels point into, each with a row of carets per label."""
    width = screen.width - len(f"{margin} | ") if screen.width else WIDTH
    numbers = sorted({label.span.line for label in labels})
    for previous, number in zip([0, *numbers], numbers, strict=False):
        if previous and number > previous + 1:
            yield screen.paint("...", _BLUE)
        here = [label for label in labels if label.span.line == number]
        here.sort(key=lambda label: (label is not main, label.span.start))
        window = _clip(here[0].span, width)
        yield f"{screen.paint(f'{number:>{len(margin)}} |', _BLUE)} {_printed(window.text)}"
        for label in here:
            for carets in _carets(label, label is main, window, screen):
                yield f"{margin} {screen.paint('|', _BLUE)} {carets}"


class _Window(NamedTuple):
    """What is shown of a line: `shift` characters are cut in front; of `width` cells at most."""

    text: str
    shift: int
    width: int


def _clip(span: Span, width: int) -> _Window:
    """Cut a long line to a window around a place."""
    line = span.source.line(span.line)
    start = max(0, min(span.column - 1 - width // 3, len(line) - width))
    return _Window(line[start : start + width], start, width)


def _printed(text: str) -> str:
    return escape(text.replace("\t", " "))


def _carets(label: Label, main: bool, window: _Window, screen: Screen) -> Iterator[str]:
    """Yield the carets of a place with its words behind them, or below where there is no room."""
    first = label.span.column - 1 - window.shift
    last = max(first + 1, min(first + label.span.end - label.span.start, len(window.text)))
    if first < 0 or first > len(window.text):
        yield brief(f"(column {label.span.column}) {label.text}")
        return
    gap = display_width(_printed(window.text[:first]))
    mark = ("^" if main else "-") * max(1, display_width(_printed(window.text[first:last])))
    behind = gap + len(mark) + 1
    is_narrow = screen.width is not None and window.width - behind < _ROOM
    start = max(0, min(gap, window.width - _ROOM)) if is_narrow else behind
    words = brief(label.text)
    lines = [words]
    if screen.width is not None and behind + display_width(words) > window.width:
        lines = wrap(words, window.width - start)
        lines = ["", *lines] if is_narrow else lines
    colour = _RED if main else _BLUE
    yield " " * gap + screen.paint(f"{mark} {lines[0]}".rstrip(), colour)
    yield from (" " * start + screen.paint(line, colour) for line in lines[1:])
