"""What the names of a text are, for editors that colour by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from netspec.editing.places import Kind, places
from netspec.editing.workspace import Document
from netspec.text.diagnostics import Span

TokenType = Literal[
    "variable", "class", "parameter", "function", "property", "keyword", "namespace"
]
"""The types that are used, of those that the protocol knows."""
_TYPES: dict[Kind, TokenType] = {
    "layer": "variable",
    "output": "variable",
    "block": "class",
    "param": "parameter",
    "input": "parameter",
    "op": "function",
    "argument": "property",
    "key": "keyword",
    "path": "namespace",
}


class Token(NamedTuple):
    """A name, its type, and whether it is defined here."""

    span: Span
    type: TokenType
    is_definition: bool


def tokens(document: Document) -> Sequence[Token]:
    """Return the names of a document in the order of its text."""
    return [Token(x.span, _TYPES[x.kind], x.span == x.target) for x in places(document)]
