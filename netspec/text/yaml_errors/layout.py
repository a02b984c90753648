"""How a text that YAML refuses is laid out: its entries, as far as lines and columns tell.

An entry is a line that starts with `key:` or `-`, and the lines that continue it. Brackets that are
open where another entry must start are taken for forgotten ones.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Edit, Label, Source, Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_HEAD = re.compile(
    r"(\s*)((?:-(?:\s+|$))*)([^\s\[\]{},#\"':-][^\[\]{},#\"':]*:(?=\s|$)|-(?=[^\s\d]))?\s*"
)
_TOKEN = re.compile(r"(?<![^\s,:\[{(])[\"']|[\[\]{}]|(?:^|(?<=[\s\[\]{},]))#[^\r\n]*")
VALUE = r"\[[^\[\]{}\r\n]{,40}\]|\{[^\[\]{}\r\n]{,40}\}|[\[{]?[^\s,\[\]{}]*"
"""A value to show: a short list or mapping, or the start of a longer one."""
_CLOSING = {'"': re.compile(r'(?:\\.|[^"\\])*"', re.DOTALL), "'": re.compile(r"(?:''|[^'])*'")}
_BEFORE = 20_000  # characters that are laid out: of longer texts no more than this
_BEHIND = 20_000
_NEAR = 100  # characters in which the partner of a bracket is looked for
PAIRS = {"[": "]", "{": "}"}
OPENERS = {closer: opener for opener, closer in PAIRS.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A key or an item of a list. `dash` and `column` count from 0; `key` is "" if there is none.

    `value` is where the value starts, `end` where the text of the entry's last line ends.
    """

    start: int
    dash: int
    column: int
    key: str
    value: int
    end: int

    @property
    def first(self) -> int:
        """Where the text of the entry starts, dashes included."""
        return self.start + self.dash

    @property
    def word(self) -> int:
        """Where the key starts, or the value of an item."""
        return self.start + self.column

    @property
    def is_item(self) -> bool:
        return self.dash != self.column

    @property
    def holds(self) -> bool:
        """Whether it has a value, so that nothing may be indented below it."""
        return self.value < self.end


@dataclass(frozen=True, slots=True)
class Failure:
    """Where YAML stopped, what it then said, and where what it was reading began."""

    source: Source
    entries: list[Entry]
    place: int
    began: int
    problem: str
    context: str

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def index(self) -> int:
        """The number of the entry in which YAML stopped."""
        return self._number(self.place)

    @property
    def entry(self) -> Entry:
        return self.entries[self.index]

    def near(self) -> list[Entry]:
        """Return the entries in which YAML stopped and began, and the one before."""
        last = self.index
        numbers = dict.fromkeys([last, self._number(self.began), last - 1])
        return [self.entries[number] for number in numbers if number >= 0]

    def span(self, start: int, end: int) -> Span:
        """Return a range, at least one character wide."""
        return Span(self.source, start, max(end, start + 1))

    def line(self, place: int) -> int:
        return self.source.position(place)[0]

    def match(self, pattern: str, start: int, end: int | None = None) -> re.Match[str] | None:
        """Match a pattern at a place of the text."""
        return re.compile(pattern).match(self.text, start, len(self.text) if end is None else end)

    def word_at(self, place: int, pattern: str = r"[^\s,\[\]{}]*") -> str:
        found = self.match(pattern, place)
        return found[0].rstrip() if found else ""

    def word_before(self, place: int, ends: str = " \t\r\n[]{},") -> str:
        """Return the word that ends at a place."""
        start = place
        while start and self.text[start - 1] not in ends:
            start -= 1
        return self.text[start:place]

    def _number(self, place: int) -> int:
        return max(bisect_right(self.entries, place, key=lambda entry: entry.start) - 1, 0)


Recogniser = Callable[[Failure], Diagnostic | None]
"""Says what is wrong, or nothing."""


def failure_at(source: Source, place: int, began: int, problem: str, context: str) -> Failure:
    """Lay out the part of a text that a failure concerns, however long the text is."""
    text = source.text
    start = max(0, began - _BEFORE)
    # Entries are told by their columns, so that the part must begin where a line does.
    while start and text[start - 1] not in "\r\n":
        start -= 1
    end = min(len(text), place + _BEHIND, began + _BEHIND * 2)
    found = list(entries(text, start, end))
    return Failure(source, found, place, began, problem, context)


def of_an_entry(recognise: Callable[[Failure, Entry], Diagnostic | None]) -> Recogniser:
    """Let what looks at one entry look at those near the place, until one is recognised."""

    def first(failure: Failure) -> Diagnostic | None:
        found = (recognise(failure, entry) for entry in failure.near())
        return next(filter(None, found), None)

    return first


def said(message: str, span: Span, help: str, *notes: Label) -> Diagnostic:
    return Diagnostic(Code.NOT_YAML, message, span, notes=notes, help=help)


def starting(failure: Failure, place: int, head: str = "") -> list[Edit]:
    """Start a new line in front of what stands behind a place, at the column of its entry."""
    gap = failure.match(r"[ \t]*", place)
    assert gap is not None
    indent = failure.source.line_end + " " * failure.entry.dash
    return [Edit(Span(failure.source, *gap.span()), indent + head)]


def entries(text: str, start: int, stop: int) -> Iterator[Entry]:
    """Yield the entries of a part of a text, in order."""
    entry: Entry | None = None
    opened, literal = "", False
    for line in _LINE.finditer(text, start, stop):
        content = line[0].rstrip()
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        head = _HEAD.match(content)
        assert head is not None
        end = line.start() + _code_end(content)
        is_open = bool(opened) or literal
        if entry is not None and _continues(entry, content, head, is_open, text):
            value = entry.value if entry.holds else line.start() + len(head[1])
            entry = replace(entry, value=value, end=end)
            opened = opened if literal else _still_open(opened, content)
            continue
        if entry is not None:
            yield entry
        dash, key = len(head[1]), (head[3] or "").rstrip(": -")
        value = line.start() + (head.end() if head[3] != "-" else dash)
        entry = Entry(line.start(), dash, dash + len(head[2]), key, value, max(end, line.start()))
        rest = text[entry.value : end]
        literal = rest[:1] in ("|", ">")
        opened = _still_open("", rest) if rest[:1] in PAIRS else ""
    if entry is not None:
        yield entry


# An entry ends where another one starts, even in open brackets: a bracket that was never closed
# must not swallow the rest of the file.
def _continues(entry: Entry, content: str, head: re.Match[str], is_open: bool, text: str) -> bool:
    """Tell whether a line belongs to the entry above, whose brackets or text may be open."""
    # A closer may stand at the column of its key, as it does in Python.
    if is_open and content[len(head[1])] in OPENERS:
        return True
    if len(head[1]) <= entry.dash:
        return False
    has_ended = text[entry.value : entry.value + 1] in PAIRS
    return is_open or not (head[2] or head[3] or has_ended)


def _still_open(opened: str, text: str) -> str:
    """Return the brackets that are open behind a text; one that closes nothing is passed over."""
    for place in tokens(text, 0, len(text)):
        char = text[place]
        if char in PAIRS:
            opened += char
        elif char in OPENERS and OPENERS[char] in opened:
            opened = _closed(opened, text, place)
    return opened


def _closed(opened: str, text: str, place: int) -> str:
    """Return what of the open brackets a closer leaves open, be it the last one's or not."""
    last = opened.rindex(OPENERS[text[place]])
    # Something opened since is still open. Either this closer is a slip (`{a: 1]}`), or the bracket
    # that opened last was closed by the wrong kind, or one in between was forgotten.
    if last < len(opened) - 1:
        if text[place] == "]" and opened[-1] == "{" and _next_closer(text, place + 1) == "}":
            return opened
        if not last and text[place + 1 :].strip(" \t,"):
            return opened[:-1]
    return opened[:last]


def _next_closer(text: str, start: int) -> str:
    """Return the first bracket from a place on that closes one opened in front of it."""
    depth = 0
    for place in tokens(text, start, min(start + _NEAR, len(text))):
        depth += (text[place] in PAIRS) - (text[place] in OPENERS)
        if depth < 0:
            return text[place]
    return ""


def _code_end(content: str) -> int:
    """Return where a line ends without its comment."""
    for mark in tokens(content, 0, len(content)):
        if content[mark] == "#":
            return len(content[:mark].rstrip())
    return len(content)


def tokens(text: str, start: int, end: int) -> Iterator[int]:
    """Yield the places of brackets, comments, and quotes that do not close; skip closed texts."""
    place = start
    # An apostrophe inside a word opens no text; nor does a `#` without a space start a comment.
    while match := _TOKEN.search(text, place, end):
        char, place = match[0][0], match.end()
        if char in _CLOSING and (closing := _CLOSING[char].match(text, place, end)):
            place = closing.end()
            continue
        yield match.start()
