"""Where a cursor stands: the word that is being typed, and the keys and lists around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from netspec.editing.loose import read_loosely
from netspec.text.diagnostics import Source, Span
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

MARK = "\ue000"
"""Stands for the word that is being typed, so that there is one where nothing is typed yet."""
_WORD = re.compile(r"[\w.]*")
_COLON = re.compile(r"[ \t]*:(?:\s|\Z)")


class Step(NamedTuple):
    """One step from a collection down to an entry of it."""

    node: Mapping | Sequence
    at: int

    @property
    def key(self) -> str:
        """The key of the entry; empty for an item of a list."""
        return self.node.items[self.at][0].text if isinstance(self.node, Mapping) else ""


Trail = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A word in a text, and where it stands in the tree of the text with a mark in its place."""

    word: Span
    typed: str
    """What of the word stands before the cursor."""
    tree: Mapping | Sequence
    mark: Scalar
    """The text that holds the mark; it may be more than the word, as in an expression."""
    trail: Trail
    """From the root to the mark; the last step leads to it as a key, or as a value."""
    is_key: bool
    has_colon: bool
    """Whether a colon stands behind the word."""

    @property
    def is_alone(self) -> bool:
        """Tell whether the mark is a value on a line of its own, where a key could start."""
        source, start = self.mark.span.source, self.mark.span.start
        front = source.line(self.mark.span.line)[: self.mark.span.column - 1]
        return not self.is_key and not front.strip() and source.text[start] == MARK


def cursor_at(source: Source, offset: int) -> Cursor | None:
    """Return where an offset stands; None in comments, and where no key or value can be."""
    text = source.text
    start = _start(text, offset)
    found = _WORD.match(text, offset)
    end = found.end() if found else offset
    tree = _read(source.name, text[:start] + MARK + text[end:])
    if (reached := _descend(tree, start)) is None:
        return None
    mark, trail, is_key = reached
    has_colon = _COLON.match(text, end) is not None
    word = Span(source, start, end)
    return Cursor(word, text[start:offset], tree, mark, trail, is_key, has_colon)


@lru_cache(maxsize=1)
def _read(name: str, text: str) -> Mapping | Sequence:
    """Read a text with its mark, which stays as it is from one letter of a word to the next."""
    return read_loosely(Source(name, text))


def _start(text: str, offset: int) -> int:
    """Return where the word begins that an offset stands in or behind."""
    start = offset
    while start and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    return start - 1 if start and text[start - 1] == "$" else start


def _descend(tree: Tree, offset: int) -> tuple[Scalar, Trail, bool] | None:
    """Return the text at an offset, the steps that lead there, and whether it is a key."""
    trail: list[Step] = []
    while not isinstance(tree, Scalar):
        starts = [item.span.start for item in _first(tree)]
        index = sum(start <= offset for start in starts) - 1
        if index < 0:
            return None
        trail.append(Step(tree, index))
        if isinstance(tree, Mapping):
            key, tree = tree.items[index]
            if key.span.start <= offset < key.span.end:
                return key, tuple(trail), True
        else:
            tree = tree.items[index]
    is_there = tree.span.start <= offset < tree.span.end
    return (tree, tuple(trail), False) if is_there else None


def _first(tree: Mapping | Sequence) -> Iterator[Tree]:
    """Yield what stands first of each entry."""
    for item in tree.items:
        yield item[0] if isinstance(item, tuple) else item


def trail_to(tree: Tree, mark: Scalar) -> Trail | None:
    """Return the steps that lead to a value in a tree which is not in the order of one text."""
    if tree is mark:
        return ()
    items = () if isinstance(tree, Scalar) else tree.items
    for index, item in enumerate(items):
        rest = trail_to(item[1] if isinstance(item, tuple) else item, mark)
        if rest is not None and not isinstance(tree, Scalar):
            return (Step(tree, index), *rest)
    return None
