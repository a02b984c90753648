"""Places in a source text, mistakes as data, and the one way to show them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple

from netspec import limits
from netspec.text.codes import Code

Severity = Literal["error", "warning"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_MAX_CANDIDATES = 500
_MAX_NAME = 64
_SHORT = 4
_MAX_TEXT = 400
MAX_NOTES = 8


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name under which people know it (a path, or `<stdin>`).

    `secret` marks a text that must not be quoted: a file outside the project's root.
    """

    name: str
    text: str = field(repr=False)
    secret: bool = False

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column (in code points) of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start_of(self, offset: int) -> int:
        """Return where the line of an offset starts."""
        return self.start_of_line(self.position(offset)[0])

    def start_of_line(self, number: int) -> int:
        """Return where a 1-based line starts."""
        return self._starts[number - 1]

    @property
    def line_end(self) -> str:
        """What ends the first line, and so what a new line is to end with."""
        found = _LINE_END.search(self.text)
        return found[0] if found else "\n"

    def line(self, number: int) -> str:
        """Return the 1-based line without its line end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class Span(NamedTuple):
    """A half-open range of code points in a source; `str()` is `file:line:column` of its start.

    `start` and `end` are offsets from the start of the text.
    """

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line in which it starts, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column at which it starts, from 1, in code points."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """What stands there."""
        return self.source.text[self.start : self.end]

    def items(self, count: int) -> list[Span]:
        """Return the places of the items of a list in brackets; none if they are not plain."""
        texts = self.text[1:-1].split(",") if self.text.startswith("[") else []
        if len(texts) != count or any("#" in text for text in texts):
            return []
        found, at = [], self.start + 1
        for text in texts:
            start = at + len(text) - len(text.lstrip())
            found.append(Span(self.source, start, start + len(text.strip())))
            at += len(text) + 1
        return found

    def __str__(self) -> str:
        return f"{escape(self.source.name)}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Label:
    """A place with a few words about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text in place of what stands at a place."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A cure that is an edit of the text; its edits are made together, and none overlaps another.

    `title` says it as a command. It is safe where what is meant is certain; where the author might
    have meant something else, it is not.
    """

    title: str
    edits: tuple[Edit, ...]
    is_safe: bool = False


class Cure(str):
    """The words of a help, with what of them can be applied, the likeliest first."""

    fixes: tuple[Fix, ...]

    def __new__(cls, words: str, *fixes: Fix) -> Cure:
        """Return words that have fixes."""
        cure = super().__new__(cls, words)
        cure.fixes = fixes
        return cure


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: what is wrong, where, what else matters, and what to type.

    `code` is stable (`netspec explain CODE`); `span` is the cause, None where no place is;
    `label` stands under it; `notes` are secondary places; `details` are facts without a place;
    `help` is the cure, a `Cure` where that can be applied; `severity` is "error" or "warning".
    `str()` is it in one line: `file:line:column: severity[CODE]: message (help)`.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Label, ...] = ()
    details: tuple[str, ...] = ()
    help: str = ""
    severity: Severity = "error"
    guesses: tuple[str, ...] = ()
    """Words that may have been meant at `span`; of an open mistake, words to use elsewhere."""
    is_open: bool = False
    """Whether the cause may stand elsewhere in the text."""

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """What of the help can be applied, the likeliest first; never to a secret text."""
        given = self.help.fixes if isinstance(self.help, Cure) else ()
        return tuple(x for x in given if not any(e.span.source.secret for e in x.edits))

    @property
    def spans(self) -> list[Span]:
        """Every place that it names, the cause first."""
        return [*([self.span] if self.span else []), *(note.span for note in self.notes)]

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        cure = f" ({brief(self.help)})" if self.help else ""
        return f"{place}{self.severity}[{self.code}]: {brief(self.message)}{cure}"


class SpecError(Exception):
    """A spec that cannot be compiled.

    `diagnostics` are all mistakes of the stage that refused it, in the order of the text; `str()`
    has them as lines, `file:line:column: error[CODE]: message (help)`.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))

    def telling(self, diagnostics: Iterable[Diagnostic]) -> SpecError:
        """Return the same refusal with these diagnostics."""
        return SpecError(diagnostics)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.diagnostics,)


@dataclass(slots=True)
class Sink:
    """Collects the diagnostics of a stage; `stop` ends the stage if there was an error.

    Errors are told without the warnings, which may follow from them. After 200 items the next
    error ends the stage, and no more warnings are kept.
    """

    items: list[Diagnostic] = field(default_factory=list)

    def error(
        self, code: str, message: str, span: Span | None, label: str = "", help: str = ""
    ) -> None:
        """Collect a mistake. Raises SpecError as `add` does."""
        self.add(Diagnostic(code, message, span, label, help=help))

    def add(self, diagnostic: Diagnostic) -> None:
        """Collect a diagnostic. Raises SpecError for an error beyond the most that are kept."""
        if len(self.items) < limits.DIAGNOSTICS:
            self.items.append(diagnostic)
        elif diagnostic.severity == "error":
            self.items.append(diagnostic)
            self.stop()

    @property
    def failed(self) -> bool:
        """Whether anything collected is an error."""
        return any(item.severity == "error" for item in self.items)

    def stop(self) -> None:
        """Raise SpecError with everything collected if anything collected is an error."""
        if self.failed:
            raise SpecError(in_order(item for item in self.items if item.severity == "error"))


_LOOKUPS = (
    Code.UNKNOWN_PARAM,
    Code.UNKNOWN_LAYER,
    Code.UNKNOWN_OP,
    Code.UNKNOWN_BLOCK,
    Code.UNKNOWN_ARG,
)
"""What is looked up by name: the same name missed again is the same mistake."""


def in_order(items: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort diagnostics by file and place, one for each code and place; those without come last."""
    # A mistake in a block is found at each of its uses; it is told once.
    groups: dict[object, list[Diagnostic]] = {}
    for item in items:
        same = (item.code, item.message if item.code in _LOOKUPS else item.span)
        groups.setdefault(same, []).append(item)
    found = map(_grouped, groups.values())
    return sorted(
        found, key=lambda x: (0, x.span.source.name, x.span.start) if x.span else (1, "", 0)
    )


def _grouped(items: list[Diagnostic]) -> Diagnostic:
    """Return the first of diagnostics that say the same, with the other places."""
    first, *others = items
    if not others:
        return first
    places = dict.fromkeys(item.span for item in others if item.span and item.span != first.span)
    notes = (*first.notes, *(Label(span, "and here") for span in places))
    also = dict.fromkeys(item.message for item in others if item.message != first.message)
    more = list(also)[:MAX_NOTES] or [f"the same at {len(places) + 1} places"] * (len(places) > 0)
    help = Cure(first.help, *(_everywhere(fix, items) for fix in first.fixes))
    return replace(first, notes=notes, details=(*first.details, *more), help=help)


def _everywhere(fix: Fix, items: Sequence[Diagnostic]) -> Fix:
    """Return a fix with the edits of those that some diagnostics have by the same title."""
    same = (other for item in items for other in item.fixes if other.title == fix.title)
    return replace(fix, edits=tuple(dict.fromkeys(edit for each in same for edit in each.edits)))


def suggest(name: str, candidates: Iterable[str], place: Span | None = None) -> str:
    """Return "did you mean `x`?" for the candidates nearest to `name`, or nothing.

    Where the name stands at a place, each can be written there.
    """
    return meant(likely(name, candidates), name, place)


def meant(words: Sequence[str], name: str = "", place: Span | None = None) -> str:
    """Return "did you mean `x` or `y`?", or nothing; `name` is what of the place they replace."""
    if not words:
        return ""
    fixes = [_spelling(word, name, place) for word in words] if place else []
    shown = " or ".join(f"`{word}`" for word in words)
    return Cure(f"did you mean {shown}?", *filter(None, fixes))


def _spelling(word: str, name: str, place: Span) -> Fix | None:
    """Return the fix that writes a word for a name at a place, if it stands there as it is."""
    start = place.start + place.text.find(name)
    if start < place.start:
        return None
    span = Span(place.source, start, start + len(name) if name else place.end)
    return Fix(f"write `{word}` in place of `{span.text}`", (Edit(span, word),))


def likely(name: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates nearest to `name`: one, or up to five that are equally near."""
    found = nearest(name, candidates, 5)
    slips = [_slips(name.lower(), text.lower()) for text in found]
    return [text for text, count in zip(found, slips, strict=True) if count == slips[0]]


def nearest(name: str, candidates: Iterable[str], count: int = 1) -> list[str]:
    """Return up to `count` candidates similar to `name`, the most similar first.

    Bounded: the first 500 candidates, names of at most 64 characters.
    """
    if len(name) > _MAX_NAME:
        return []
    pool = [text for text, _ in zip(candidates, range(_MAX_CANDIDATES), strict=False)]
    folded = {text.lower(): text for text in reversed(pool)}
    lower = name.lower()
    close = difflib.get_close_matches(lower, folded, count + 4, 0.55)
    if len(name) < _SHORT:
        close = [text for text in folded if 0 < _slips(lower, text) < min(len(lower), 2)] or close
    return [folded[text] for text in sorted(close, key=lambda text: _slips(lower, text))[:count]]


def _slips(left: str, right: str) -> int:
    """Count the characters lost, added, wrong or swapped between two words."""
    above: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left):
        before, above, row = above, row, [i + 1]
        for j, b in enumerate(right):
            row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + (a != b)))
            if i and j and a == right[j - 1] and b == left[i - 1]:
                row[-1] = min(row[-1], before[j - 1] + 1)
    return row[-1]


def listed(names: Iterable[str], most: int = 12) -> str:
    """Write the first of some names: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in islice(names, most))


def counted(number: int, noun: str) -> str:
    """Write a number of things: 1 layer, 2 layers, no arguments."""
    return f"{f'{number:,}' if number else 'no'} {noun}{'s' * (number != 1)}"


def article(noun: str) -> str:
    """Write a noun with its article: a layer, an input."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def escape(text: str) -> str:
    """Show text so that no control, bidi or invisible character reaches a terminal."""
    if text.isprintable():
        return text
    return "".join(char if _is_visible(char) else _code_point(char) for char in text)


def brief(text: str) -> str:
    """Show text escaped, and cut if it is very long."""
    return escape(text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}...")


def _is_visible(char: str) -> bool:
    return char == " " or (char.isprintable() and unicodedata.category(char) != "Cf")


def _code_point(char: str) -> str:
    if char.isascii():
        return f"\\x{ord(char):02x}"
    return char.encode("ascii", "backslashreplace").decode()


def display_width(text: str) -> int:
    """Return how many terminal cells a text takes (wide East Asian characters and emoji take 2)."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
