"""Collections in brackets, on one line where they fit, and in columns where they form a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from netspec.language.fmt.order import child, operator, ordered
from netspec.language.fmt.trivia import Trivia
from netspec.language.keys import Role
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, scalars

WIDTH = 100
_TABLE = 3  # rows and columns from which on arguments stand in columns


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What the lines of a chain share: where values start, and columns in them."""

    start: int = 0
    tables: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    shape: int = 0


NO_COLUMNS = Columns()


class Flow:
    """Writes values that stand behind a key or a dash."""

    def __init__(self, trivia: Trivia, blocks: dict[str, list[str]]) -> None:
        self._trivia = trivia
        self.blocks = blocks

    def columns(self, layers: Iterable[Tree], start: int) -> Columns:
        """Return the columns of the layers of a chain, whose values start at a column."""
        rows = [x for x in layers if isinstance(x, Mapping) and self._fits(x, "layer", start)]
        tables: dict[tuple[str, int], list[list[int]]] = {}
        for row in rows:
            name = operator(row, self.blocks) or ""
            arguments = row.get(name)
            if name[:1].isupper() and isinstance(arguments, Sequence):
                cells = [len(self.inline(cell, "plain")) for cell in arguments.items]
                tables.setdefault((name, len(cells)), []).append(cells)
        widths = {
            key: [max(cells) + 1 for cells in zip(*lengths, strict=True)]
            for key, lengths in tables.items()
            if len(lengths) >= _TABLE and key[1] >= _TABLE
        }
        plain = Columns(start, widths)
        before = [len(self._before_shape(row, plain)) for row in rows if row.find("shape")]
        return Columns(start, widths, max(before)) if len(before) > 1 else plain

    def _before_shape(self, row: Mapping, columns: Columns) -> str:
        entries = ordered(row, "layer", self.blocks)
        before = takewhile(lambda entry: entry[0].text != "shape", entries)
        return "{" + "".join(f"{self._pair(*entry, 'layer', columns)}, " for entry in before)

    def value(self, tree: Tree, role: Role, start: int, columns: Columns) -> list[str]:
        """Return the lines of a scalar or a flow collection; `start` is its column."""
        if isinstance(tree, Scalar):
            return [_spelt(tree)] if "\n" not in tree.span.text else _shifted(tree, start)
        if self._is_bound(tree):
            return _shifted(tree, start)
        if self._fits(tree, role, start):
            return [self.inline(tree, role, columns)]
        return self._filled(tree, role, start)

    def _is_bound(self, tree: Tree) -> bool:
        """Tell whether a collection keeps its lines, because comments or long texts stand in it."""
        comments = self._trivia.within(tree.span.start, tree.span.end)
        return bool(comments) or any("\n" in scalar.span.text for scalar in scalars(tree))

    def _fits(self, tree: Tree, role: Role, start: int) -> bool:
        return not self._is_bound(tree) and start + len(self.inline(tree, role)) <= WIDTH

    def _filled(self, tree: Mapping | Sequence, role: Role, start: int) -> list[str]:
        """Fill lines with the items of a collection that is too long for one."""
        is_list = isinstance(tree, Sequence)
        if isinstance(tree, Mapping):
            entries = ordered(tree, role, self.blocks)
            items = [self._pair(key, value, role, NO_COLUMNS) for key, value in entries]
        else:
            items = [self.inline(item, child(role, "")) for item in tree.items]
        lines = ["[" if is_list else "{"]
        for i, item in enumerate(items):
            end = "," if i + 1 < len(items) else "]" if is_list else "}"
            if i and start + len(lines[-1]) + len(item) + 2 > WIDTH:
                lines.append(" " * (start + 1))
            elif i:
                lines[-1] += " "
            lines[-1] += item + end
        return lines

    def inline(self, tree: Tree, role: Role, columns: Columns = NO_COLUMNS) -> str:
        """Write a value on one line."""
        match tree:
            case Scalar():
                return _spelt(tree)
            case Sequence():
                inner = child(role, "")
                return f"[{', '.join(self.inline(item, inner) for item in tree.items)}]"
        parts: list[str] = []
        for key, value in ordered(tree, role, self.blocks):
            text = self._pair(key, value, role, columns)
            if key.text == "shape" and columns.shape:
                text = " " * (columns.shape - 1 - sum(len(part) + 2 for part in parts)) + text
            parts.append(text)
        return "{" + ", ".join(parts) + "}"

    def _pair(self, key: Scalar, value: Tree, role: Role, columns: Columns) -> str:
        if isinstance(value, Scalar) and not value.span.text:
            return key.span.text
        text = self.inline(value, child(role, key.text))
        if isinstance(value, Sequence):
            widths = columns.tables.get((key.text, len(value.items)))
            cells = [self.inline(item, "plain") for item in value.items]
            text = f"[{', '.join(map(str.rjust, cells, widths))}]" if widths else text
        return f"{key.span.text}: {text}"


_POWER = re.compile(r"(-?[0-9]*)(\.[0-9]*)?[eE]([-+]?)([0-9]+)")


def _spelt(tree: Scalar) -> str:
    """Return a scalar as written, but `1e-4` as `1.0e-4`: YAML 1.1 takes the first for a text."""
    text = tree.span.text
    found = _POWER.fullmatch(text) if isinstance(tree.value, float) else None
    if found is None:
        return text
    whole, part, sign, power = found.groups()
    return f"{whole}{part or '.0'}e{sign or '+'}{power}"


def _shifted(tree: Tree, start: int) -> list[str]:
    """Return the lines of the source, moved with their first one."""
    shift = start - (tree.span.column - 1)
    least = start + (not isinstance(tree, Scalar))
    first, *lines = re.split(r"\r\n|\n|\r", tree.span.text)
    moved = [
        " " * max(least, len(line) - len(line.lstrip()) + shift) + line.strip() for line in lines
    ]
    return [first.rstrip(), *(line.rstrip() for line in moved)]
