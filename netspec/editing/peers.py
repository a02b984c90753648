"""What the names in a chain mean: its layers, and the copies that `splice:` makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec import limits
from netspec.language.grammar import LayerKeys
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import Span
from netspec.text.syntax import Entry, Scalar, Tree, entries
from netspec.text.syntax import Mapping as Table

_DIGITS = "0123456789"
_MOST_DIGITS = 6


class Peer(NamedTuple):
    """A layer as others of its chain may name it: where its name stands, and what it is."""

    span: Span
    tree: Tree


@dataclass(frozen=True, slots=True)
class Peers:
    """The layers of a chain. There may be more copies than fit into a table."""

    named: Mapping[str, Peer] = field(default_factory=dict)
    copies: Mapping[str, Sequence[tuple[range, Peer]]] = field(default_factory=dict)
    """What copies are, by what stands in front of their numbers."""

    def find(self, name: str) -> Peer | None:
        """Return the layer of a name."""
        if name in self.named:
            return self.named[name]
        stem, number = _parted(name)
        return next((peer for found, peer in self.copies.get(stem, ()) if number in found), None)


def peers_of(chain: Tree) -> Peers:
    """Return the layers of a chain."""
    named: dict[str, Peer] = {}
    copies: dict[str, list[tuple[range, Peer]]] = {}
    for key, value in entries(chain):
        said = {word.text: item for word, item in entries(value)}
        first, count = said.get("copies"), said.get("splice")
        if isinstance(first, Scalar) and isinstance(count, Scalar) and type(count.value) is int:
            stem, start = _parted(first.text)
            found = range(start, start + count.value)
            copies.setdefault(stem, []).append((found, Peer(unquoted(first), value)))
        else:
            named[key.text] = Peer(key.span, value)
    return Peers(named, copies)


def series(first: str, count: int) -> Iterator[str]:
    """Yield the names of copies, which count on from the first one's."""
    stem, start = _parted(first)
    for number in range(start, start + min(count, limits.LAYERS)):
        yield f"{stem}{number}"


def _parted(name: str) -> tuple[str, int]:
    """Part a name into what stands in front of its number, and that number."""
    stem = name.rstrip(_DIGITS)
    digits = name[len(stem) :]
    return stem, int(digits) if 0 < len(digits) <= _MOST_DIGITS else -1


def callee(tree: Table, blocks: Mapping[str, Entry]) -> Entry | None:
    """Return the entry of a layer that names its op: one that is known, else the first."""
    items = [item for item in tree.items if item[0].text not in LayerKeys.kinds()]
    known = (item for item in items if item[0].text in blocks or item[0].text in REGISTRY)
    return next(known, items[0] if items else None)


def unquoted(word: Scalar) -> Span:
    """Return the place of a word without its quotes."""
    span = word.span
    return Span(span.source, span.start + word.quoted, span.end - word.quoted)
