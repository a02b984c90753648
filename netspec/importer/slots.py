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


def filled(body: Body, values: Mapping[Slot, Value], known: Defaults) -> Body:
    """Return a body with other values in some of its places."""

    def lines(of: Body, place: tuple[int, ...]) -> tuple[Line, ...]:
        return tuple(line(part, (*place, i), of.is_named) for i, part in enumerate(of.lines))

    def line(old: Line, place: tuple[int, ...], is_named: bool) -> Line:
        given = {slot: value for slot, value in values.items() if slot.line == place}
        arguments = dict(old.arguments)
        first = dict(old.first)
        new: dict[str, object] = {}
        for slot, value in given.items():
            if slot.key == "@repeat":
                new["repeat"] = value
            elif slot.key == "@call":
                new["call"] = value.name if isinstance(value, Maker) else value
            elif slot.key == "@when":
                left, right = value if isinstance(value, tuple) else (value, False)
                new["when"] = Condition(left, "!=", right, PLACE)
                new["is_nothing"] = not is_named
            elif slot.key.startswith("@first."):
                first[slot.key.removeprefix("@first.")] = value
            elif slot.item >= 0:
                items = [*arguments[slot.key]]  # type: ignore[misc]  # a list, as the slot says
                items[slot.item] = value
                arguments[slot.key] = tuple(items)
            else:
                arguments[slot.key] = value
        defaults = complete(replace(old, arguments={}), known)
        left = {k: x for k, x in arguments.items() if x is None or not same(x, defaults.get(k))}
        inner = old.body
        if inner is not None:
            new["body"] = replace(inner, lines=lines(inner, place))
        return replace(old, arguments=left, first=first, **new)  # type: ignore[arg-type]

    return replace(body, lines=lines(body, ()))


def same(one: Value, two: Value) -> bool:
    """Tell whether values are equal and of one type: 1 is not true."""
    return type(one) is type(two) and one == two
