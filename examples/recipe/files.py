"""Recipe files: options in YAML, read by the rules of specs, with the place of each value."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from netspec.text import files
from netspec.text.diagnostics import Span, suggest
from netspec.text.syntax import Mapping, Scalar, Tree, decode, entries, parse
from recipe.errors import UserError

_BESIDE = ("spec", "module")
"""Whose paths stand relative to the file, as in `extends`."""


class Entry(NamedTuple):
    """A value, and where it stands."""

    value: Any
    span: Span


def read(path: str, known: Collection[str]) -> dict[str, Entry]:
    """Return a file's options by name. Raises UserError and SpecError with every mistake."""
    tree = parse(decode(files.read(path), path))
    if not isinstance(tree, Mapping):
        raise UserError(f"{tree.span}: expected options with their values, such as `lr: 0.1`")
    found = {key.text: Entry(_value(value), value.span) for key, value in entries(tree)}
    unknown = [key for key, _ in entries(tree) if key.text not in known]
    if unknown:
        raise UserError(*(_unknown(key, known) for key in unknown))
    for name in {*_BESIDE} & {*found}:
        value, span = found[name]
        if isinstance(value, str) and value:
            found[name] = Entry(str(Path(path).parent / value), span)
    return found


def _value(tree: Tree) -> Any:
    """Return what stands in a file as plain data."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Mapping):
        return {key.text: _value(value) for key, value in tree.items}
    return tuple(map(_value, tree.items))


def _unknown(key: Scalar, known: Collection[str]) -> str:
    cure = suggest(key.text, known) or "train.py --help lists the options"
    return f"{key.span}: a recipe has no option `{key.text[:80]}`; {cure}"
