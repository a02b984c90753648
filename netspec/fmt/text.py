"""Tree and comments → the text of a spec in its canonical form.

The form: keys in the order of the language page, two spaces a level, one space inside, values of a
chain in a column, `shape:` in another, arguments of three or more calls of a block in columns, at
most one blank line. Brackets or lines, the order of names, quotes and comments stay the author's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, dropwhile, groupby

from netspec.diagnostics import Source
from netspec.fmt.flow import NO_COLUMNS, Columns, Flow
from netspec.fmt.order import Role, child, ordered, signatures
from netspec.fmt.trivia import BLANK, Comment, Trivia, collect, dashes, is_flow
from netspec.syntax import Mapping, Scalar, Sequence, Tree, parse

Lines = list[str]


def formatted(source: Source) -> str:
    """Return a spec in its canonical form, whose tree is the same. Raises SpecError."""
    tree = parse(source)
    text = _Writer(collect(source, tree), signatures(tree)).write(tree)
    assert equal(parse(Source(source.name, text)), tree), "a changed meaning"
    return text


def equal(one: Tree, other: Tree) -> bool:
    """Tell whether two trees say the same; the order of keys does not count."""
    match one, other:
        case Scalar(), Scalar():
            same = type(one.value) is type(other.value) and one.quoted == other.quoted
            return same and one.value == other.value
        case Sequence(), Sequence():
            pairs = zip(one.items, other.items, strict=False)
            return len(one.items) == len(other.items) and all(equal(a, b) for a, b in pairs)
        case Mapping(), Mapping():
            found = {key.text: value for key, value in other.items}
            same = [key.text in found and equal(v, found[key.text]) for key, v in one.items]
            return len(found) == len(one.items) and all(same)
    return False


class _Writer:
    """Writes block collections; what stands in one line or in brackets is Flow's."""

    def __init__(self, trivia: Trivia, blocks: dict[str, list[str]]) -> None:
        self._trivia = trivia
        self._flow = Flow(trivia, blocks)
        self._blocks = blocks

    def write(self, tree: Tree) -> str:
        lines = self._head(tree)
        if isinstance(tree, Mapping) and not is_flow(tree):
            lines += self._mapping(tree, "spec", 0)
        else:
            lines += self._flow.value(tree, "spec", 0, NO_COLUMNS)
        lines += _comments(self._trivia.tail, 0)
        return "\n".join(_without_extra_blanks(lines)) + "\n"

    def _head(self, tree: Tree) -> Lines:
        """Take the comments above the first key: they belong to the file and stay on top."""
        first = tree.items[0][0].span.start if isinstance(tree, Mapping) and tree.items else -1
        return _comments(self._trivia.above.pop(first, []), 0)

    def _block(self, tree: Mapping | Sequence, role: Role, indent: int, columns: Columns) -> Lines:
        if isinstance(tree, Mapping):
            return self._mapping(tree, role, indent, columns)
        return self._sequence(tree, role, indent)

    # -------------------------------------------------------------- mappings

    def _mapping(
        self, tree: Mapping, role: Role, indent: int, columns: Columns | None = None
    ) -> Lines:
        width = self._key_width(tree, role)
        columns = columns or self._columns([tree], role, indent + width)
        width = max(width, columns.key - indent)
        lines: Lines = []
        for key, value in ordered(tree, role, self._blocks):
            anchor = key.span.start
            above = self._trivia.above.get(anchor, [])
            lines += _comments(above if lines or role == "spec" else _trimmed(above), indent)
            lines += self._entry(key, value, role, indent, width, columns)
            lines += _comments(self._trivia.below.get(anchor, []), indent)
        return lines

    def _entry(
        self, key: Scalar, value: Tree, role: Role, indent: int, width: int, columns: Columns
    ) -> Lines:
        head = " " * indent + key.text + ":"
        inner = child(role, key.text)
        if isinstance(value, Scalar) and not value.span.text:
            return self._beside(key, [head])
        if isinstance(value, Scalar) and value.span.text[0] in "|>":
            return self._beside(key, [f"{head} {value.span.text.rstrip()}"])
        if isinstance(value, Scalar) or _is_inline(value):
            start = indent + width
            lines = self._flow.value(value, inner, start, columns)
            return self._beside(key, [head.ljust(start) + lines[0], *lines[1:]], last=True)
        return [*self._beside(key, [head]), *self._block(value, inner, indent + 2, NO_COLUMNS)]
