"""Protocol buffers' text format → messages whose fields know their places, without a schema.

Forks of Caffe have fields of their own, so whoever reads a field says what it expects there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypeVar

from netspec import limits
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError, brief

T = TypeVar("T")


class Token(NamedTuple):
    """A piece of the text: a string in quotes, a scalar, or a mark; without a kind the end."""

    kind: str
    text: str
    span: Span


class Field(NamedTuple):
    """A name and what stands behind it; the span is the name's."""

    name: str
    value: Token | Message
    span: Span


@dataclass(eq=False, slots=True)
class Message:
    """The fields between two braces in their order; `asked` are the names that were asked for."""

    span: Span
    fields: list[Field] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def all(self, *names: str) -> list[Field]:
        """Return every field with one of the names."""
        self.asked.update(names)
        return [item for item in self.fields if item.name in names]

    def unasked(self) -> list[Field]:
        """Return the fields that nobody has asked for."""
        return [item for item in self.fields if item.name not in self.asked]

    def messages(self, *names: str) -> list[Message]:
        return [_message(item) for item in self.all(*names)]

    def message(self, name: str) -> Message:
        """Return the last message of that name, or an empty one."""
        return [Message(self.span), *self.messages(name)][-1]

    def texts(self, *names: str) -> list[str]:
        return [_read(item, "a text", _text) for item in self.all(*names)]

    def text(self, name: str, default: str = "") -> str:
        return [default, *self.texts(name)][-1]

    def word(self, name: str, known: Sequence[str], default: str) -> str:
        """Return one of the words of an enum, which its number can stand for."""
        meant = {word: word for word in known} | {str(i): word for i, word in enumerate(known)}
        wanted = ", ".join(f"`{word}`" for word in known)
        return [default, *(_read(x, wanted, lambda t: meant[t.text]) for x in self.all(name))][-1]

    def integers(self, *names: str) -> list[int]:
        return [_read(item, "an integer", _integer) for item in self.all(*names)]

    def integer(self, name: str, default: int) -> int:
        return [default, *self.integers(name)][-1]

    def numbers(self, *names: str) -> list[float]:
        return [_read(item, "a number", _number) for item in self.all(*names)]

    def number(self, name: str, default: float) -> float:
        return [default, *self.numbers(name)][-1]

    def flag(self, name: str, default: bool) -> bool:
        found = [_read(x, "true or false", lambda t: _FLAGS[t.text]) for x in self.all(name)]
        return [default, *found][-1]


_FLAGS = {"true": True, "false": False, "True": True, "False": False, "1": True, "0": False}
_INTEGER = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?f?", re.ASCII)
_LARGEST = 3.4028235e38


def _message(item: Field) -> Message:
    if isinstance(item.value, Token):
        refuse(f"`{item.name}` expects fields in braces", item.value.span)
    return item.value


def _read(item: Field, wanted: str, value: Callable[[Token], T]) -> T:
    """Return the value of a field, or refuse what stands there."""
    if isinstance(item.value, Message):
        refuse(f"`{item.name}` expects {wanted}, found fields in braces", item.value.span)
    try:
        return value(item.value)
    except (KeyError, ValueError):
        message = f"`{item.name}` expects {wanted}, found `{brief(item.value.text)}`"
        refuse(message, item.value.span)


def _text(token: Token) -> str:
    return token.text


def _integer(token: Token) -> int:
    if not _INTEGER.fullmatch(token.text):
        raise ValueError
    return int(token.text)


def _number(token: Token) -> float:
    if not _NUMBER.fullmatch(token.text) or abs(float(token.text.rstrip("f"))) > _LARGEST:
        raise ValueError
    return float(token.text.rstrip("f"))


def refuse(message: str, span: Span, help: str = "", code: str = Code.NOT_PROTOTXT) -> NoReturn:
    """Refuse a prototxt for one mistake, at its place."""
    raise SpecError([Diagnostic(code, message, span, help=help)])


# ------------------------------------------------------------------ text → messages

_TOKEN = re.compile(
    r"""(?P<skip>(?:\s|\#[^\n]*)+)|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"|(?P<scalar>[-+.\w]+)|(?P<mark>[][{}<>:;,])|(?P<other>.)"
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CLOSING = {"{": "}", "<": ">"}


def decode(data: bytes, name: str) -> Source:
    """Return the text of a file; its comments may be in any encoding. Raises SpecError."""
    if len(data) > limits.BYTES:
        start = Span(Source(name, ""), 0, 0)
        refuse(f"the file has more than {limits.BYTES // 1024**2} MiB", start, code=Code.LIMIT)
    return Source(name, data.decode("utf-8", "replace").removeprefix("\ufeff"))


def parse(source: Source) -> Message:
    """Read a prototxt. Raises SpecError at the first mistake."""
    root = Message(Span(source, 0, 0))
    _Reader(_tokens(source)).fields(root, "", 0)
    return root


def _tokens(source: Source) -> Iterator[Token]:
    """Yield the tokens of a text, and then one without a kind again and again."""
    for match in _TOKEN.finditer(source.text):
        kind, text = match.lastgroup or "", match[0]
        span = Span(source, match.start(), match.end())
        if kind == "other":
            refuse(f"`{text}` means nothing here", span, "a text stands in quotes, on one line")
        elif kind == "string":
            yield Token(kind, re.sub(r"\\(.)", r"\1", text[1:-1]), span)
        elif kind != "skip":
            yield Token(kind, text, span)
    end = len(source.text)
    while True:
        yield Token("", "", Span(source, end, end))


class _Reader:
    """Walks through the tokens; `next` is the one that comes next."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self.tokens = tokens
        self.next = next(tokens)
        self.count = 0

    def take(self, *marks: str) -> Token | None:
        """Return the next token if it is one of the marks, and go on to the one behind it."""
        token = self.next
        if marks and (token.kind == "string" or token.text not in marks):
            return None
        self.next = next(self.tokens)
        return token

    def fields(self, message: Message, closing: str, depth: int) -> Message:
        """Read fields up to a closing mark; for the whole text up to its end."""
        if depth > limits.DEPTH:
            refuse(f"messages nest deeper than {limits.DEPTH}", message.span, code=Code.LIMIT)
        while not self.take(closing):
            if not self.next.kind:
                refuse(f"nothing closes this message; `{closing}` is missing", message.span)
            name = self.next
            if name.kind != "scalar" or not _NAME.fullmatch(name.text):
                refuse(f"expected the name of a field, found `{brief(name.text)}`", name.span)
            self.take()
            message.fields += [Field(name.text, x, name.span) for x in self.values(name, depth)]
            self.take(";", ",")
        return message

    def values(self, name: Token, depth: int) -> Iterator[Token | Message]:
        """Yield what stands behind a name: one value, or those of a list in brackets."""
        has_colon = bool(self.take(":"))
        if not self.take("["):
            yield self.value(name, has_colon, depth)
            return
        while not self.take("]"):
            yield self.value(name, True, depth)
            if not self.take(",") and self.next.text != "]":
                refuse("expected `,` or `]` in a list", self.next.span)

    def value(self, name: Token, has_colon: bool, depth: int) -> Token | Message:
        self.count += 1
        if self.count > limits.FIELDS:
            refuse(f"more than {limits.FIELDS:,} fields", name.span, code=Code.LIMIT)
        if mark := self.take("{", "<"):
            return self.fields(Message(mark.span), _CLOSING[mark.text], depth + 1)
        token = self.next
        if not has_colon or token.kind not in ("string", "scalar"):
            wanted = "a value" if has_colon else "`:` or `{`"
            found = f"`{brief(token.text)}`" if token.kind else "the end of the file"
            refuse(f"expected {wanted} behind `{name.text}`, found {found}", token.span)
        self.take()
        while token.kind == "string" and self.next.kind == "string":
            token = token._replace(text=token.text + self.next.text)
            self.take()
        return token
