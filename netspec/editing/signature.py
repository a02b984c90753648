"""Which argument stands at an offset, and what the op or block takes, while it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from netspec.editing.accepted import Accepted, parameters
from netspec.editing.cursor import Cursor, cursor_at
from netspec.editing.facts import Facts
from netspec.editing.known import Known
from netspec.editing.workspace import Document
from netspec.emit.opsdoc import argument
from netspec.emit.report.markup import md
from netspec.language.fmt.order import operator
from netspec.language.schema.ops import describe
from netspec.ops.arguments import bare
from netspec.ops.base import REGISTRY, Op
from netspec.text.syntax import Mapping as Table
from netspec.text.syntax import Scalar, Tree
from netspec.text.syntax import Sequence as List

_FEW = 8


class Parameter(NamedTuple):
    """An argument: where it stands in the label, and a text about it in Markdown."""

    start: int
    end: int
    text: str


class Signature(NamedTuple):
    """A call as it is written, a text about it in Markdown, and which argument is at the cursor.

    `active` is None behind the last one.
    """

    label: str
    text: str
    parameters: Sequence[Parameter]
    active: int | None


class _Argument(NamedTuple):
    """An argument as it is declared, with its default, and a text about it."""

    declared: str
    text: str


def signature(document: Document, offset: int) -> Signature | None:
    """Return what the call around an offset takes; the text need not be YAML yet."""
    cursor = cursor_at(document.source, offset)
    if cursor is None or cursor.is_key:
        return None
    known = Known(document, cursor)
    level, name = _call(cursor, known.blocks)
    if not name:
        return None
    block, cls = known.blocks.get(name), REGISTRY.get(name)
    if block is not None:
        found, text = _of_block(name, block, document.facts), _doc(block)
    else:
        assert cls
        found, text = _of_op(cls), describe(cls)
    active = _active(cursor, level, name, [*found])
    return None if active is None else _written(name, text, found, active)


def _call(cursor: Cursor, blocks: Mapping[str, Tree]) -> tuple[int, str]:
    """Return how deep the innermost layer around a cursor is that calls something, and what."""
    accepted = Accepted(blocks)
    for level in range(len(cursor.trail) - 1, -1, -1):
        node = cursor.trail[level].node
        name = operator(node, blocks) if isinstance(node, Table) else None
        here = replace(cursor, trail=cursor.trail[: level + 1], is_key=True)
        for schema in accepted.at(here) if name else ():
            if name and accepted.is_call(name, schema.get("properties", {}).get(name, {})):
                return level, name
    return 0, ""


def _active(cursor: Cursor, level: int, name: str, known: Sequence[str]) -> int | None:
    """Return the number of the argument at a cursor, None where there is none."""
    key, below = cursor.trail[level].key, cursor.trail[level + 1 :]
    if key == name:
        return below[0].at if below and isinstance(below[0].node, List) else 0
    key = below[0].key if key == "first" and below else key
    return known.index(key) if key in known else None


# ------------------------------------------------------------------ what is called


def _of_op(cls: type[Op]) -> dict[str, _Argument]:
    return {
        key: _Argument(
            key if field.is_required() else f"{key}={bare(field.default)}", argument(field)
        )
        for key, field in cls.model_fields.items()
    }


def _of_block(name: str, block: Tree, facts: Facts | None) -> dict[str, _Argument]:
    """Return the parameters of a block, with their values in the uses that there are."""
    found = {}
    for param, default in parameters(block).items():
        text = f"default {default}" if default else "required"
        values = [*facts.values(name, param)] if facts else []
        some = ", ".join(values[:_FEW] + ["…"] * (len(values) > _FEW))
        declared = f"{param}={default}" if default else param
        found[param] = _Argument(declared, md(f"{text}; {some} in its uses" if some else text))
    return found


def _doc(block: Tree) -> str:
    doc = block.get("doc") if isinstance(block, Table) else None
    return md(" ".join(doc.text.split())) if isinstance(doc, Scalar) else ""


def _written(name: str, text: str, arguments: Mapping[str, _Argument], active: int) -> Signature:
    """Return the label of a call with the place of each argument in it."""
    label = f"{name}: ["
    found: list[Parameter] = []
    for declared, about in arguments.values():
        label += ", " * bool(found)
        found.append(Parameter(len(label), len(label) + len(declared), about))
        label += declared
    return Signature(f"{label}]", text, found, active if active < len(found) else None)
