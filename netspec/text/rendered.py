"""A mistake as it is shown to people, with its lines and carets below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netspec.text.diagnostics import MAX_NOTES, Diagnostic, Label, brief, display_width, escape

_MAX_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, where they are wanted."""

    colour: bool = False

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour and text else text


_BOLD, _RED, _YELLOW, _BLUE = "1", "1;31", "1;33", "1;34"


def render(item: Diagnostic, paint: Paint | None = None) -> str:
    """Return a mistake as rustc shows it: message, underlined source, notes and help."""
    paint = paint or Paint()
    tag = paint(f"{item.severity}[{item.code}]", _RED if item.severity == "error" else _YELLOW)
    margin = " " * max((len(str(span.line)) for span in item.spans), default=1)
    lines = [f"{tag}: {paint(brief(item.message), _BOLD)}", *_snippets(item, margin, paint)]
    tail = [("note", text) for text in item.details] + [("help", item.help)] * bool(item.help)
    lines += [f"{margin} {paint('=', _BLUE)} {kind}: {brief(text)}" for kind, text in tail]
    return "\n".join(lines)


def _snippets(item: Diagnostic, margin: str, paint: Paint) -> Iterator[str]:
    """Yield one snippet per source, that of the primary span first."""
    if item.span is None:
        return
    main = Label(item.span, item.label)
    labels = (main, *item.notes[:MAX_NOTES])
    for source in dict.fromkeys(label.span.source for label in labels):
        here = [label for label in labels if label.span.source is source]
        arrow = paint("-->" if source is item.span.source else ":::", _BLUE)
        yield f"{margin}{arrow} {here[0].span}"
        if not source.secret:
            yield f"{margin} {paint('|', _BLUE)}"
            yield from _lines(here, main, margin, paint)


def _lines(labels: Sequence[Label], main: Label, margin: str, paint: Paint) -> Iterator[str]:
    """Yield the lines that labels point into, each with a row of carets per label."""
    numbers = sorted({label.span.line for label in labels})
    for previous, number in zip([0, *numbers], numbers, strict=False):
        if previous and number > previous + 1:
            yield paint("...", _BLUE)
        here = [label for label in labels if label.span.line == number]
        here.sort(key=lambda label: (label is not main, label.span.start))
        text, shift = _clip(here[0].span.source.line(number), here[0].span.column)
        yield f"{paint(f'{number:>{len(margin)}} |', _BLUE)} {_printed(text)}"
        for label in here:
            carets = _carets(label, label is main, text, shift, paint)
            yield f"{margin} {paint('|', _BLUE)} {carets}"


def _clip(line: str, column: int) -> tuple[str, int]:
    """Cut a long line to a window around a column; return it and how much was cut in front."""
    if len(line) <= _MAX_WIDTH:
        return line, 0
    start = max(0, min(column - 1 - _MAX_WIDTH // 3, len(line) - _MAX_WIDTH))
    return line[start : start + _MAX_WIDTH], start


def _printed(text: str) -> str:
    return escape(text.replace("\t", " "))


def _carets(label: Label, main: bool, text: str, shift: int, paint: Paint) -> str:
    first = label.span.column - 1 - shift
    last = max(first + 1, min(first + label.span.end - label.span.start, len(text)))
    if first < 0 or first > len(text):
        return brief(f"(column {label.span.column}) {label.text}")
    gap = " " * display_width(_printed(text[:first]))
    mark = ("^" if main else "-") * max(1, display_width(_printed(text[first:last])))
    words = f" {brief(label.text)}" if label.text else ""
    return gap + paint(mark + words, _RED if main else _BLUE)
