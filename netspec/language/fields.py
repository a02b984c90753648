"""Mappings with known keys: unknown and missing ones are reported where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from types import MappingProxyType

from netspec.language.strays import gathered, key_meant
from netspec.text.diagnostics import Diagnostic, Sink, Span, nearest, suggest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


def kind(tree: Tree) -> str:
    """Name a tree in the YAML's words."""
    match tree:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    match tree.value:
        case None:
            return "nothing"
        case bool():
            return f"`{tree.span.text}`"
        case str():
            return f'the text "{tree.text[:40]}"'
    return f"the number {tree.span.text[:40]}"


MAX_TEXT = 10_000


def corrected(
    tree: Mapping,
    sink: Sink,
    what: str,
    known: tuple[str, ...],
    cures: Table[str, str] = MappingProxyType({}),
) -> Mapping:
    """Report unknown keys, and return the mapping as it was meant where that is likely.

    `cures` say what to write in place of keys that somebody may expect to be there.
    """
    tree = gathered(tree, known, sink)
    written = {key.text for key, _ in tree.items}
    absent = [key for key in known if key not in written]
    items = []
    for key, value in tree.items:
        if key.text not in known:
            meant = nearest(key.text, absent) if key.text not in cures else []
            help = cures.get(key.text) or suggest(key.text, meant or known)
            if not nearest(key.text, absent) and (found := key_meant(value, absent)):
                meant, help = [found], f"did you mean `{found}`?"
            help = help or "known: " + ", ".join(known)
            message = f"`{key.text}` is not a key of {what}"
            guesses = tuple(name for name in absent if name != "doc" and key.text not in cures)
            sink.add(Diagnostic("NS011", message, key.span, help=help, guesses=guesses))
            if meant:
                absent.remove(meant[0])
                key = Scalar(meant[0], key.span)
        items.append((key, value))
    return Mapping(tuple(items), tree.span)


class Fields:
    """The entries of a mapping, taken one by one; `finish` reports what nobody took."""

    def __init__(
        self,
        tree: Mapping,
        sink: Sink,
        what: str,
        known: Iterable[str],
        cures: Table[str, str] = MappingProxyType({}),
    ) -> None:
        self._tree = corrected(tree, sink, what, tuple(known), cures)
        self._sink = sink
        self._what = what

    @property
    def place(self) -> Span:
        """Where the mapping stands."""
        return self._tree.span

    def get(self, key: str) -> Tree | None:
        """Return the value of an optional key."""
        found = self._tree.find(key)
        return found[1] if found else None

    def need(self, key: str, help: str = "") -> Tree | None:
        """Return the value of a key that must be there, or None after reporting it missing."""
        value = self.get(key)
        if value is None:
            first = self._tree.items[0][0].span if self._tree.items else self._tree.span
            self._sink.error("NS010", f"{self._what} needs `{key}:`", first, help=help)
        return value

    def mapping(self, key: str, help: str = "") -> Mapping | None:
        """Return an optional mapping, or None if it is absent or something else (reported)."""
        return as_mapping(self.get(key), self._sink, f"`{key}`", help)

    def text(self, key: str) -> str:
        """Return an optional text."""
        value = self.get(key)
        if value is None:
            return ""
        if isinstance(value, Scalar) and isinstance(value.value, str):
            if len(value.value) > MAX_TEXT:
                message = f"`{key}` has more than {MAX_TEXT:,} characters"
                self._sink.error("NS001", message, value.span)
            return value.value[:MAX_TEXT]
        self._sink.error("NS012", f"`{key}` expects a text, found {kind(value)}", value.span)
        return ""


def as_mapping(tree: Tree | None, sink: Sink, what: str, help: str = "") -> Mapping | None:
    """Return a tree that must be a mapping, or None (reported unless absent)."""
    if tree is None or isinstance(tree, Mapping):
        return tree
    message = f"{what} expects a mapping, found {kind(tree)}"
    sink.error("NS012", message, tree.span, help=help)
    return None
