"""Values that differ between the uses of a block → parameters, and what follows from others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.importer.lines import PLACE, Body, Line
from netspec.importer.slots import Slot, same
from netspec.language.names import check_name
from netspec.language.terms import Maker, Param, Value
from netspec.ops.dim import Expr, name, substitute
from netspec.text.diagnostics import Sink

UNKNOWN = object()
"""The value of a place that a use does not have."""

Vector = Sequence[object]
"""A value for each use of a block."""

_SHORT = {
    "out_channels": "out",
    "out_features": "out",
    "kernel_size": "kernel",
    "num_heads": "heads",
    "p": "drop",
    "size": "side",
    "@call": "act",
    "@repeat": "count",
}
"""What parameters are called after arguments."""


@dataclass(frozen=True, slots=True)
class Solved:
    """The parameters of a block, what stands in its places, and what each use gives."""

    params: dict[str, Param]
    values: dict[Slot, Value]
    given: list[dict[str, Value]]
    names: dict[str, Vector] = field(default_factory=dict)


@dataclass(slots=True)
class _Made:
    """A parameter: the place that it was made for, and its values."""

    slot: Slot
    vector: list[object]


def solved(
    body: Body, slots: Mapping[Slot, Vector], widths: Mapping[str, Vector], taken: Sequence[str]
) -> Solved:
    """Return parameters for all places of a body whose values differ."""
    made: dict[str, _Made] = {}
    values: dict[Slot, Value] = {}
    for slot, vector in slots.items():
        known = [value for value in vector if value is not UNKNOWN]
        if all(same(known[0], value) for value in known):  # type: ignore[arg-type]
            if slot.key == "@call":
                continue
            values[slot] = known[0]  # type: ignore[assignment]
            continue
        if slot.key == "@when" and (flag := _flag(slot, vector, made)):
            values[slot] = (name(flag), 0)
            continue
        found = _follows(slot, vector, widths, made)
        if found is None:
            key = f"@{len(made)}"
            made[key] = _Made(slot, list(vector))
            found = name(key)
        values[slot] = f"${found}" if slot.key == "@call" else found
    return _named(body, made, values, taken)


def _flag(slot: Slot, vector: Vector, made: dict[str, _Made]) -> str | None:
    """Return a size that only a line has which is not always there: 0 where it is not."""
    for key, one in made.items():
        is_inside = one.slot.line[: len(slot.line)] == slot.line
        known = [value is not UNKNOWN for value in one.vector]
        sizes = [value for value in one.vector if value is not UNKNOWN]
        if is_inside and known == [*vector] and all(type(x) is int and x > 0 for x in sizes):
            one.vector = [0 if value is UNKNOWN else value for value in one.vector]
            return key
    return None


def _follows(
    slot: Slot, vector: Vector, widths: Mapping[str, Vector], made: dict[str, _Made]
) -> Value:
    """Return what has these values in every use: a parameter, or a width or a multiple of it."""
    for key, one in made.items():
        pairs = zip(vector, one.vector, strict=True)
        if (slot.key == "@call") == (one.slot.key == "@call") and all(
            a is UNKNOWN or b is UNKNOWN or same(a, b)  # type: ignore[arg-type]
            for a, b in pairs
        ):
            merged = zip(vector, one.vector, strict=True)
            one.vector = [b if a is UNKNOWN else a for a, b in merged]
            return name(key)
    if slot.key.startswith("@") or not all(x is UNKNOWN or type(x) is int for x in vector):
        return None
    others = {key: one.vector for key, one in made.items()}
    for key, known in {**widths, **others}.items():
        if (expr := _multiple(vector, known, name(key))) is not None:
            return expr
    return None


def _multiple(vector: Vector, known: Vector, expr: Expr) -> Value:
    """Return a multiple or a whole part of what is known, if that gives a vector."""
    pairs = [
        (a, b)
        for a, b in zip(vector, known, strict=True)
        if type(a) is int and type(b) is int and b > 0
    ]
    if len(pairs) < sum(value is not UNKNOWN for value in vector):
        return None
    a, b = max(pairs, key=lambda pair: pair[1])
    if a % b == 0 and a and all(x == y * (a // b) for x, y in pairs):
        return expr * (a // b)
    part = b // a if a else 0
    for factor in (part, part - 1):
        if factor > 1 and all(x == y // factor for x, y in pairs):
            return expr // factor
    return None


def _named(
    body: Body, made: dict[str, _Made], values: dict[Slot, Value], taken: Sequence[str]
) -> Solved:
    """Give parameters their names and defaults; those with a default stand last."""
    texts = _texts(body, made, taken)
    default = {key: _default(one) for key, one in made.items()}
    order = sorted(made, key=lambda key: default[key] is not None)
    params = {texts[key]: Param(texts[key], default[key], PLACE) for key in order}
    to = {key: name(text) for key, text in texts.items()}
    count = len(next(iter(made.values())).vector) if made else 0
    given: list[dict[str, Value]] = []
    for use in range(count):
        held = {texts[key]: _filler(made[key].vector, use, default[key]) for key in order}
        given.append(held)
    written = {slot: _put(value, to) for slot, value in values.items()}
    return Solved(params, written, given)


def _put(value: Value, to: Mapping[str, Expr]) -> Value:
    if isinstance(value, str) and value.startswith("$@"):
        return f"${to[value[1:]]}"
    return substitute(value, to)  # type: ignore[return-value]  # names for names


def _filler(vector: Vector, use: int, default: Value) -> Value:
    """Return a use's value, or where it has none the default, or what another use has."""
    known = [value for value in vector if value is not UNKNOWN]
    value = vector[use] if vector[use] is not UNKNOWN else default
    return known[0] if value is None else value  # type: ignore[return-value]


def _default(made: _Made) -> int | float | bool | str | None:
    """Return the value that most uses have, if it is one that a parameter can begin with.

    A width has none: it is what tables of networks are made of.
    """
    vector = made.vector
    if _SHORT.get(made.slot.key, made.slot.key) == "out":
        return None
    known = [value for value in vector if value is not UNKNOWN]
    value, times = Counter((type(x), x) for x in known).most_common(1)[0]
    if times * 2 <= len(vector) or not isinstance(value[1], int | float | bool | str | Maker):
        return None
    return value[1].name if isinstance(value[1], Maker) else value[1]


def _texts(body: Body, made: Mapping[str, _Made], taken: Sequence[str]) -> dict[str, str]:
    """Return a name for each parameter: what it is, with whose where several are that."""
    short = {key: _word(body, one.slot) for key, one in made.items()}
    times = Counter(short.values())
    texts: dict[str, str] = {}
    for key, one in made.items():
        text = short[key]
        if times[text] > 1:
            path = _path(body, one.slot.line)
            text = path if text == "out" else f"{path}_{text}"
        texts[key] = _free(text, {*texts.values(), *taken})
    return texts


def _word(body: Body, slot: Slot) -> str:
    """Return what a parameter is called if no other one is."""
    if slot.key == "@when":
        line = line_at(body, slot.line)
        named = line.call if line.name.isdecimal() else line.name
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", named).lower()
    return _SHORT.get(slot.key, slot.key.removeprefix("@first.").removeprefix("@"))


def line_at(body: Body, place: Sequence[int]) -> Line:
    """Return the line at a place."""
    line = body.lines[place[0]]
    if not place[1:]:
        return line
    assert line.body is not None
    return line_at(line.body, place[1:])


def _path(body: Body, place: Sequence[int]) -> str:
    """Return a line's name, and those of the lines around it that a number needs."""
    words: list[str] = []
    inner: Body | None = body
    for number in place:
        assert inner is not None
        line = inner.lines[number]
        words.append(line.name)
        inner = line.body
    start = len(words) - 1
    while start > 0 and words[start].isdecimal():
        start -= 1
    return "_".join(words[start:])


def _free(text: str, taken: set[str]) -> str:
    """Return a name that a parameter may have and none has yet."""
    if not text[:1].isalpha():
        text = f"n{text}"
    if not check_name(Sink(), text, PLACE, "parameter"):
        text = f"{text}_given"
    return next(x for x in _numbered(text) if x not in taken)


def _numbered(text: str) -> Iterator[str]:
    yield text
    number = 2
    while True:
        yield f"{text}_{number}"
        number += 1
