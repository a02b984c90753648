"""What of a body is its structure, and which values stand in the places of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from netspec.importer.lines import PLACE, Body, Line
from netspec.language.terms import Condition, Maker, Value
from netspec.ops.arguments import Argument, ListOf
from netspec.ops.base import REGISTRY, Op


class Slot(NamedTuple):
    """A place of a value: the line by its numbers from the outside in, and the argument.

    `item` is the place in a list whose length counts dimensions. "@repeat" is the number of
    copies, "@call" the op, "@when" whether the line is there, "@first.stride" an argument of the
    first copy.
    """

    line: tuple[int, ...]
    key: str
    item: int = -1


Defaults = Mapping[str, Mapping[str, Value]]
"""The defaults of each block's parameters; None: it must be given."""


def structure(body: Body, known: Defaults) -> tuple[Hashable, dict[Slot, Value]]:
    """Return what two bodies must have in common to be uses of one block, and their values."""
    slots: dict[Slot, Value] = {}
    lines = _lines(body, (), known, slots)
    return (lines, body.inputs, body.outputs, body.is_named), slots


def _line(
    line: Line, place: tuple[int, ...], known: Defaults, slots: dict[Slot, Value]
) -> Hashable:
    slots.update(line_slots(line, place, known))
    inner: Hashable = None
    if line.body is not None:
        lines = _lines(line.body, place, known, slots)
        inner = (lines, line.body.outputs, line.body.is_named)
    return line.name, fixed_of(line, known), line.reads, inner


def _lines(
    body: Body, place: tuple[int, ...], known: Defaults, slots: dict[Slot, Value]
) -> tuple[Hashable, ...]:
    return tuple(_line(line, (*place, i), known, slots) for i, line in enumerate(body.lines))


def line_slots(line: Line, place: tuple[int, ...], known: Defaults) -> dict[Slot, Value]:
    """Return the values of a line that may differ, those of its own body left out."""
    slots: dict[Slot, Value] = {}
    for key, value in complete(line, known).items():
        if not _varies(line, key, value):
            continue
        if isinstance(value, tuple) and line.call in REGISTRY and variable(line.call)[key]:
            slots.update((Slot(place, key, i), item) for i, item in enumerate(value))
        else:
            slots[Slot(place, key)] = value
    for key, value in line.first.items():
        slots[Slot(place, f"@first.{key}")] = value
    if line.repeat is not None:
        slots[Slot(place, "@repeat")] = line.repeat
    if is_plain_activation(line):
        slots[Slot(place, "@call")] = Maker(line.call)
    return slots


def _varies(line: Line, key: str, value: Value) -> bool:
    """Tell whether an argument may be an expression."""
    return value is not None and (line.call not in REGISTRY or key in variable(line.call))


def fixed_of(line: Line, known: Defaults) -> Hashable:
    """Return what lines must have in common beside their names and what they read."""
    if is_plain_activation(line):
        return "@activation"
    fixed = []
    for key, value in complete(line, known).items():
        if not _varies(line, key, value):
            fixed.append((key, value))
        elif isinstance(value, tuple) and line.call in REGISTRY and variable(line.call)[key]:
            fixed.append((key, len(value)))
    also = (tuple(line.first), line.repeat is None, line.splice, line.copies, line.when)
    return line.call, tuple(fixed), line.share, also, repr(dict(line.init))


def complete(line: Line, known: Defaults) -> dict[str, Value]:
    """Return a line's arguments with those that it leaves out."""
    if line.call in REGISTRY:
        fields = REGISTRY[line.call].model_fields
        return {
            key: line.arguments.get(key, None if field.is_required() else field.default)
            for key, field in fields.items()
        }
    return {**known.get(line.call, {}), **line.arguments}


@cache
def variable(op: str) -> dict[str, bool]:
    """Return which arguments of an op may be expressions, and whether item by item only."""
    found = {}
    for key, field in REGISTRY[op].model_fields.items():
        kind = next((x for x in field.metadata if isinstance(x, Argument)), None)
        if isinstance(kind, ListOf) and not kind.single:
            found[key] = True
        elif kind is not None and kind.takes_expression:
            found[key] = False
    return found


def is_plain_activation(line: Line) -> bool:
    """Tell whether a line is an op that a parameter may name."""
    op = REGISTRY.get(line.call)
    return (
        op is not None
        and (op.style == "activation" or line.call == "identity")
        and op.is_module
        and op.weights is Op.weights
        and not {*line.arguments} - {"inplace"}
        and not any(field.is_required() for field in op.model_fields.values())
    )


def filled(
    body: Body, values: Mapping[Slot, Value], known: Defaults, place: tuple[int, ...] = ()
) -> Body:
    """Return a body with other values in some of its places; `place` is where it is a line."""
    lines = []
    for i, line in enumerate(body.lines):
        here = (*place, i)
        given = {slot: value for slot, value in values.items() if slot.line == here}
        inner = filled(line.body, values, known, here) if line.body else None
        lines.append(replace(_filled(line, given, known, body.is_named), body=inner))
    return replace(body, lines=tuple(lines))


def _filled(line: Line, given: Mapping[Slot, Value], known: Defaults, is_named: bool) -> Line:
    """Return a line with other values in some of its places."""
    arguments, first = dict(line.arguments), dict(line.first)
    for (_, key, item), value in given.items():
        match key:
            case "@repeat":
                line = replace(line, repeat=value)
            case "@call":
                line = replace(line, call=value.name if isinstance(value, Maker) else str(value))
            case "@when":
                left, right = value if isinstance(value, tuple) else (value, False)
                when = Condition(left, "!=", right, PLACE)
                line = replace(line, when=when, is_nothing=not is_named)
            case str() if key.startswith("@first."):
                first[key.removeprefix("@first.")] = value
            case _:
                arguments[key] = _put(arguments.get(key), item, value)
    defaults = complete(replace(line, arguments={}), known)
    said = {k: x for k, x in arguments.items() if x is None or not same(x, defaults.get(k))}
    return replace(line, arguments=said, first=first)


def _put(old: Value, item: int, value: Value) -> Value:
    """Return a value, or a list with it as one of its items."""
    if item < 0:
        return value
    assert isinstance(old, tuple)
    return (*old[:item], value, *old[item + 1 :])


def same(one: Value, two: Value) -> bool:
    """Tell whether values are equal and of one type: 1 is not true."""
    return type(one) is type(two) and one == two
