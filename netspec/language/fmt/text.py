"""Tree and comments → the text of a spec in its canonical form.

The form: keys in the order of the language page, two spaces a level, one space inside, values of a
chain in a column, `shape:` in another, arguments of three or more calls of a block in columns, at
most one blank line. Brackets or lines, the order of names, quotes and comments stay the author's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import dropwhile

from netspec.language.fmt.flow import NO_COLUMNS, Columns, Flow
from netspec.language.fmt.order import child, ordered, signatures
from netspec.language.fmt.trivia import BLANK, Comment, Trivia, collect, dashes, is_flow
from netspec.language.keys import Role
from netspec.text.diagnostics import Source
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries, parse

Lines = list[str]


def formatted(source: Source) -> str:
    """Return a spec in its canonical form, whose tree is the same. Raises SpecError.

    Lines end in CRLF where the first one does: git checks a file out so on Windows.
    """
    tree = parse(source)
    text = _Writer(collect(source, tree), signatures(tree)).write(tree)
    # Whatever is wrong here must not reach a file of the author's.
    assert meaning(parse(Source(source.name, text))) == meaning(tree), "a changed meaning"
    return text.replace("\n", "\r\n") if source.line_end == "\r\n" else text


def meaning(tree: Tree) -> object:
    """Return what a tree says, without places, to be compared; the order of keys does not count."""
    match tree:
        case Scalar():
            return type(tree.value), tree.value, tree.quoted  # 1, 1.0 and true are equal in Python
        case Sequence():
            return [meaning(item) for item in tree.items]
    return {key.text: meaning(value) for key, value in tree.items}


class _Writer:
    """Writes block collections; what stands on one line or in brackets is Flow's."""

    def __init__(self, trivia: Trivia, blocks: dict[str, list[str]]) -> None:
        self._trivia = trivia
        self._flow = Flow(trivia, blocks)

    def write(self, tree: Tree) -> str:
        lines: Lines = []
        if isinstance(tree, Mapping) and tree.items:  # what stands on top of the file stays there
            _append(lines, self._trivia.above.pop(tree.items[0][0].span.start, []), 0)
        if _is_inline(tree):
            lines += self._flow.value(tree, "spec", 0, NO_COLUMNS)
        else:
            lines += self._block(tree, "spec", 0, NO_COLUMNS)
        _append(lines, self._trivia.tail, 0)
        return "\n".join(lines).rstrip("\n") + "\n"

    def _block(self, tree: Tree, role: Role, indent: int, columns: Columns) -> Lines:
        if isinstance(tree, Mapping):
            return self._mapping(tree, role, indent, columns)
        assert isinstance(tree, Sequence)
        return self._sequence(tree, role, indent)

    def _columns(self, parts: Iterable[Tree], indent: int) -> Columns:
        """Return the columns of mappings that stand at one indentation."""
        items = [item for part in parts for item in entries(part)]
        inline = [(key, value) for key, value in items if _is_inline(value) and value.span.text]
        width = max((len(key.text) + 2 for key, _ in inline), default=0)
        return self._flow.columns([value for _, value in inline], indent + width)

    def _mapping(self, tree: Mapping, role: Role, indent: int, columns: Columns) -> Lines:
        # The layers of `change` and `insert` share their columns: they are read side by side.
        patches = [v for k, v in tree.items if k.text in ("change", "insert") and not _is_inline(v)]
        shared = self._columns(patches, indent + 2)
        lines: Lines = []
        for key, value in ordered(tree, role, self._flow.blocks):
            inner = child(role, key.text)
            _append(lines, self._trivia.above.get(key.span.start, ()), indent)
            if _is_inline(value):
                lines += self._line(key, value, inner, indent, columns)
            else:
                own = self._columns([value], indent + 2) if inner == "chain" else NO_COLUMNS
                below = shared if inner == "patch" else own
                lines.append(self._commented(key.span.start, " " * indent + key.text + ":"))
                lines += self._block(value, inner, indent + 2, below)
            _append(lines, self._trivia.below.get(key.span.start, ()), indent)
        return lines

    def _line(self, key: Scalar, value: Tree, role: Role, indent: int, columns: Columns) -> Lines:
        """Return a key with a value that starts on the key's line."""
        head = " " * indent + key.text + ":"
        if _is_literal(value):
            lines = _literal(value, key.span.column - 1, indent)
            lines[0] = f"{head} {lines[0]}"
        elif not value.span.text:
            lines = [head]
        else:
            start = columns.start or indent + len(key.text) + 2
            lines = self._flow.value(value, role, start, columns)
            lines[0] = head.ljust(start) + lines[0]
        return [*lines[:-1], self._commented(key.span.start, lines[-1])]

    def _sequence(self, tree: Sequence, role: Role, indent: int) -> Lines:
        blocks = [item for item in tree.items if not _is_inline(item)]
        shared = self._columns(blocks, indent + 2) if role == "branches" else NO_COLUMNS
        rows = [item for item in tree.items if _is_inline(item)]
        columns = self._flow.columns(rows, indent + 2) if role == "chain" else NO_COLUMNS
        lines: Lines = []
        for place, item in zip(dashes(tree), tree.items, strict=True):
            _append(lines, self._trivia.above.get(place, ()), indent)
            if _is_inline(item):
                lines += self._item(item, place, child(role, ""), indent, columns)
            else:
                _append(lines, [self._trivia.beside.get(place, BLANK)], indent, blank=False)
                lines += _dashed(self._block(item, child(role, ""), indent + 2, shared), indent)
            _append(lines, self._trivia.below.get(place, ()), indent)
        return lines

    def _item(self, item: Tree, place: int, role: Role, indent: int, columns: Columns) -> Lines:
        """Return an item of a list that starts on the line of its dash."""
        if _is_literal(item):
            lines = _literal(item, item.span.source.position(place)[1] - 1, indent)
        else:
            lines = self._flow.value(item, role, indent + 2, columns)
        lines[0] = f"{' ' * indent}- {lines[0]}".rstrip()
        return [*lines[:-1], self._commented(place, lines[-1])]

    def _commented(self, anchor: int, line: str) -> str:
        """Add the comment that stands at the end of a line, where it stands if there is room."""
        comment = self._trivia.beside.get(anchor)
        return f"{line.ljust(comment.column - 2)}  {comment.text}" if comment else line


def _append(lines: Lines, comments: Iterable[Comment], indent: int, blank: bool = True) -> None:
    """Add comments and blank lines, of these never one at the start nor two in a row."""
    for comment in comments:
        if comment.text:
            lines.append(" " * indent + comment.text)
        elif blank and lines and lines[-1]:
            lines.append("")


def _dashed(lines: Lines, indent: int) -> Lines:
    """Put a dash before the first line that is no comment."""
    first = next(i for i, line in enumerate(lines) if line.strip() and line.strip()[0] != "#")
    above = [line[2:] for line in lines[:first]]
    return [*above, f"{' ' * indent}- {lines[first][indent + 2 :]}", *lines[first + 1 :]]


def _is_inline(tree: Tree) -> bool:
    """Tell whether a value starts on the line of its key or dash."""
    return isinstance(tree, Scalar) or is_flow(tree)


def _is_literal(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.span.text[:1] in ("|", ">")


def _literal(tree: Tree, outer: int, indent: int) -> Lines:
    """Return a block scalar, moved from below the column `outer` to below `indent`."""
    header, *lines = re.split(r"\r\n|\n|\r", tree.span.text)
    if "+" not in header:
        lines = list(reversed([*dropwhile(lambda line: not line.strip(), reversed(lines))]))
    digit = next((int(char) for char in header.partition("#")[0] if char.isdigit()), 0)
    depths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    depth = outer + digit if digit else min(depths, default=0)
    space = " " * (indent + (digit or 2))
    return [header.rstrip(), *(space + line[depth:] if line.strip() else "" for line in lines)]
