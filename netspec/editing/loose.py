"""YAML text → tree, whatever the text: brackets may be open, colons and values may be missing.

Of a text that `parse` reads it is the same tree. Lines and their indentation go before brackets:
one that is not closed ends where a line starts no deeper than the entry that it belongs to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from netspec import limits
from netspec.text.diagnostics import Source, Span
from netspec.text.plain import number
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree


def read_loosely(source: Source) -> Mapping | Sequence:
    """Return the tree of a text; what belongs nowhere is left out."""
    return _Reader(source).read()


# ------------------------------------------------------------------ tokens

_QUOTED = r"""(?P<quoted>"(?:[^"\\]|\\[\s\S])*"|'(?:[^']|'')*')"""
_LINE = r"(?P<comment>\#[^\r\n]*)|(?P<line>\r\n|\n|\r)"


def _text(ends: str) -> str:
    """Return the pattern of words with blanks between, which end at some characters."""
    one = rf"(?:[^\s:\#{ends}]|:(?![\s{ends}]|\Z)|(?<=\S)\#)+"
    return rf"(?P<text>{one}(?:[ \t]+{one})*)"


_ENDS = r",\[\]{}"
_IN_FLOW = re.compile(
    rf"[ \t]*(?:{_LINE}|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<comma>,)|{_QUOTED}"
    rf"|{_text(_ENDS)}|(?P<colon>:))"
)
_IN_BLOCK = re.compile(
    rf"[ \t]*(?:{_LINE}|(?P<dash>-(?=\s|\Z))|(?P<open>[\[{{])"
    r"|(?P<stray>[\]}},]|(?:---|\.\.\.)(?=\s|\Z))"
    rf"|(?P<folded>[>|][-+0-9]*[ \t]*(?:\#[^\r\n]*)?(?=[\r\n]|\Z))|{_QUOTED}|{_text('')}"
    r"|(?P<colon>:))"
)
_COLON = re.compile(r"[ \t]*:(?=\s|\Z)")
_REST = re.compile(r"[^\r\n]*")
_CONSTANTS = {"true": True, "false": False, "null": None}
_NUMERIC = frozenset("0123456789-.")
_OPENERS = {"]": "[", "}": "{"}


# ------------------------------------------------------------------ collections


@dataclass(slots=True)
class _Open:
    """A collection that is being read; `key` (in a list, the dash) waits for its value."""

    start: int
    column: int
    """Where entries start; of brackets, where the entry starts that they belong to."""
    bracket: str = ""
    is_mapping: bool = True
    items: list[Entry] = field(default_factory=list)
    values: list[Tree] = field(default_factory=list)
    key: Scalar | None = None
    word: Scalar | None = None
    """A text on a line of its own: a value, or a key whose colon is missing."""
    indent: int = 0
    """Where the word starts."""

    def put(self, value: Tree) -> None:
        """Take a value, or (a mapping that awaits none) a key without one."""
        if not self.is_mapping:
            self.values.append(value)
        elif self.key is not None:
            self.items.append((self.key, value))
        elif isinstance(value, Scalar):
            self.items.append((value, _empty(value.span)))
        self.key = None

    def flush(self) -> None:
        """Give what awaits a value the word that was read, or nothing."""
        word, self.word = self.word, None
        if word is not None:
            self.put(word)
        elif (key := self.key) is not None:
            self.put(_empty(key.span))

    def lengthen(self, more: Span) -> None:
        """Let the text that was read last go on to the next line."""
        place = self.items[-1][1] if self.items else self.values[-1] if self.values else None
        if self.word is not None:
            self.word = _joined(self.word, more)
        elif isinstance(place, Scalar) and self.is_mapping:
            self.items[-1] = self.items[-1][0], _joined(place, more)
        elif isinstance(place, Scalar):
            self.values[-1] = _joined(place, more)

    def tree(self, source: Source, end: int) -> Mapping | Sequence:
        self.flush()
        span = Span(source, self.start, end)
        if self.is_mapping:
            return Mapping(tuple(self.items), span)
        return Sequence(tuple(self.values), span)


def _empty(place: Span) -> Scalar:
    return Scalar(None, place._replace(start=place.end))


def _joined(text: Scalar, more: Span) -> Scalar:
    span = text.span._replace(end=more.end)
    return Scalar(span.text, span)


class _Reader:
    """Reads tokens with an explicit stack, whose first frame holds the document."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self.line = 0
        self.end = 0
        """Where the last token that counts ends."""
        start = Scalar(None, Span(source, 0, 0))
        self.stack = [_Open(0, -1, is_mapping=False, key=start)]
        self.state: Literal["entry", "value", "done"] = "entry"
        """In a block: whether an entry, its value, or nothing more may stand on the line."""
        self.is_fresh = True

    @property
    def top(self) -> _Open:
        return self.stack[-1]

    def read(self) -> Mapping | Sequence:
        while self.at < len(self.source.text):
            self.step()
        while len(self.stack) > 1:
            self.close()
        self.top.flush()
        root = next(iter(self.top.values), None)
        if isinstance(root, Mapping | Sequence):
            return root
        items = ((root, _empty(root.span)),) if root and root.span.text else ()
        return Mapping(items, Span(self.source, 0, len(self.source.text)))

    def step(self) -> None:
        """Read one token."""
        pattern = _IN_FLOW if self.top.bracket else _IN_BLOCK
        found = pattern.match(self.source.text, self.at)
        kind = found.lastgroup if found else None
        if found is None or kind is None:  # no more than a safeguard
            self.at += 1
        elif kind == "line":
            self.at = self.line = found.end()
            self.state, self.is_fresh = "entry", True
        elif kind == "comment":
            self.at = found.end()
        elif self.is_fresh and self.leaves(found[kind], found.start(kind) - self.line):
            while self.top.bracket:
                self.close()
        else:
            self.is_fresh = False
            self.at = found.end()
            span = Span(self.source, found.start(kind), self.at)
            self.in_flow(kind, span) if self.top.bracket else self.in_block(kind, span)
            self.end = max(self.end, self.at)

    def leaves(self, token: str, column: int) -> bool:
        """Tell whether a line that starts inside brackets cannot belong to them."""
        return bool(self.top.bracket) and token not in "]}," and column <= self.top.column

    def scalar(self, kind: str, span: Span) -> Scalar:
        text = span.text
        if kind == "quoted":
            return Scalar(text[1:-1], self.within(span), quoted=True)
        if text in _CONSTANTS:
            return Scalar(_CONSTANTS[text], span)
        value = number(text) if text[0] in _NUMERIC else None
        return Scalar(text if value is None else value, span)

    def within(self, span: Span) -> Span:
        """Return a quoted text; one that goes on at lines that cannot belong to it ends before."""
        column = max(self.top.column, 0)
        if not re.search(rf"[\r\n] {{0,{column}}}[^\s]", span.text):
            return span
        rest = _REST.match(self.source.text, span.start)
        self.at = rest.end() if rest else span.end
        return span._replace(end=self.at)

    # -------------------------------------------------------------- brackets

    def in_flow(self, kind: str, span: Span) -> None:
        top = self.top
        match kind:
            case "open":
                self.push(span)
            case "close":
                self.close_bracket(span.text)
            case "comma":
                top.flush()
            case "colon" if top.is_mapping and top.word is not None:
                top.key, top.word = top.word, None
            case "quoted" | "text":
                if top.word is not None:
                    top.flush()
                if top.is_mapping and top.key is None:
                    top.word = self.scalar(kind, span)
                else:
                    top.put(self.scalar(kind, span))

    def push(self, span: Span) -> None:
        self.top.key = self.top.key or self.top.word  # its colon may be missing
        self.nest(_Open(span.start, self.top.column, span.text, span.text == "{"))

    def close_bracket(self, text: str) -> None:
        """Close the innermost bracket of a kind, and those inside it; nothing if there is none."""
        depth = len(self.stack)
        while depth and self.stack[depth - 1].bracket not in ("", _OPENERS[text]):
            depth -= 1
        if depth and self.stack[depth - 1].bracket:
            while len(self.stack) >= depth:
                self.close(self.at)
            self.state = "done"

    # -------------------------------------------------------------- lines

    def in_block(self, kind: str, span: Span) -> None:
        column = span.start - self.line
        if kind == "dash" and self.state == "entry":
            self.dash(span.start, column)
        elif kind == "open" and self.state != "done":
            if self.state == "entry":
                self.settle(column)
            self.push(span)
        elif kind == "folded" and self.state != "done":
            self.folded(span)
        elif kind in ("quoted", "text") and self.state == "entry":
            self.entry(self.scalar(kind, span), column)
        elif kind in ("quoted", "text") and self.state == "value":
            self.top.put(self.scalar(kind, span))
            self.state = "done"

    def settle(self, column: int) -> None:
        """Close what cannot go on at a column."""
        while self.top.column > column:
            self.close()

    def dash(self, start: int, column: int) -> None:
        self.settle(column)
        if self.top.is_mapping or self.top.column < column:
            self.nest(_Open(start, column, is_mapping=False))
        self.top.flush()
        self.top.key = Scalar("-", Span(self.source, start, start + 1))

    def nest(self, inner: _Open) -> None:
        if len(self.stack) <= limits.DEPTH:
            self.top.word = None
            self.stack.append(inner)

    def entry(self, scalar: Scalar, column: int) -> None:
        """Take the first text of a line, or behind a dash."""
        self.settle(column)
        if not self.top.is_mapping and self.top.column == column:
            self.close()
        if colon := _COLON.match(self.source.text, self.at):
            self.key(scalar, column)
            self.at, self.state = colon.end(), "value"
        else:
            self.word(scalar, column)
            self.state = "done"

    def key(self, scalar: Scalar, column: int) -> None:
        top = self.top
        if (first := top.word) is not None and top.indent == column:
            items: list[Entry] = [(first, _empty(first.span))]  # its colon is missing
            self.nest(_Open(first.span.start, column, items=items))
        elif top.column < column and (top.key or not top.is_mapping):
            self.nest(_Open(scalar.span.start, column))
        self.top.flush()
        self.top.key = scalar

    def word(self, scalar: Scalar, column: int) -> None:
        top = self.top
        if top.is_mapping and top.column == column:
            top.flush()
            top.put(scalar)
        elif top.key is not None and top.word is None:
            top.word, top.indent = scalar, column
        else:
            top.lengthen(scalar.span)

    def folded(self, span: Span) -> None:
        """Read a text of several lines behind `>` or `|`."""
        deeper = (
            rf"(?:[ \t]*(?:\r\n|\n|\r)|[ ]{{{self.top.column + 1},}}[^\r\n]*(?:\r\n|\n|\r|\Z))*"
        )
        lines = re.compile(rf"[^\r\n]*(?:\r\n|\n|\r)?{deeper}").match(self.source.text, span.start)
        end = lines.end() if lines else span.end
        text = Span(self.source, span.start, end)
        self.top.put(Scalar(text.text, text))
        self.at = self.line = end
        self.state, self.is_fresh = "entry", True

    def close(self, end: int | None = None) -> None:
        """Put the innermost collection into the one around it."""
        tree = self.stack.pop().tree(self.source, self.end if end is None else end)
        self.top.put(tree)
