"""Bodies of one kind that differ in what is there: lines of the longest one that some leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.importer.lines import Body, Line, Local
from netspec.importer.slots import (
    Defaults,
    Slot,
    fixed_of,
    is_plain_activation,
    line_slots,
    same,
)
from netspec.language.terms import Maker

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """How a body is part of a longer one: its values at the places of that, and what it lacks."""

    values: Mapping[Slot, object]
    absent: frozenset[Place]


def merged(bodies: Sequence[Body], known: Defaults) -> list[tuple[Body, list[tuple[int, Part]]]]:
    """Return bodies of which the others are parts: each with the numbers of those, and how."""
    left = sorted(range(len(bodies)), key=lambda i: (-_count(bodies[i]), i))
    found: list[tuple[Body, list[tuple[int, Part]]]] = []
    while left:
        chosen: tuple[Body, list[tuple[int, Part]]] = bodies[left[0]], []
        for whole in _variants(bodies[left[0]]):
            parts = [(i, part) for i in left if (part := _part(whole, bodies[i], known))]
            if len(parts) > len(chosen[1]):
                chosen = whole, parts
        found.append(chosen)
        taken = {i for i, _ in chosen[1]}
        left = [i for i in left if i not in taken]
    return found


def _count(body: Body) -> int:
    return sum(1 + (_count(line.body) if line.body else 0) for line in body.lines)


def _variants(body: Body) -> Iterator[Body]:
    """Yield a body, and it with the sums and products that read the input reading it last."""
    yield body
    lines = tuple(
        replace(line, reads=line.reads[::-1])
        if len(line.reads) == 2 and line.call in ("add", "mul")
        else line
        for line in body.lines
    )
    if lines != body.lines:
        yield replace(body, lines=lines)


_MOST = 4
"""Lines that may be left out: beyond, two blocks are easier to read."""


def _part(whole: Body, part: Body, known: Defaults) -> Part | None:
    values: dict[Slot, object] = {}
    absent: set[Place] = set()
    if not _embed(whole, part, (), (values, absent, known)):
        return None
    return Part(values, frozenset(absent)) if len(absent) <= _MOST else None


_Found = tuple[dict[Slot, object], set[Place], Defaults]


def _embed(whole: Body, part: Body, place: Place, found: _Found) -> bool:
    """Note where the lines of a part stand in the whole; tell whether it is one."""
    if (whole.is_named, whole.inputs) != (part.is_named, part.inputs):
        return False
    pairs = _matched(whole, part, found[2])
    if pairs is None:
        return False
    names = {name: name for name in whole.inputs}
    names |= {part.lines[j].name: whole.lines[i].name for i, j in pairs.items()}
    for i, line in enumerate(whole.lines):
        is_end = whole.is_named or i + 1 == len(whole.lines)
        if i in pairs or _neutral(line, (*place, i), found, is_end):
            continue
        if line.reads:
            found[1].add((*place, i))
        elif line.call != "constant" or line.arguments.get("persistent"):
            return False  # no input can stand for it, and its weights must not be there
    gone = {
        line.name: line.reads[0]
        for i, line in enumerate(whole.lines)
        if i not in pairs and line.reads
    }
    for i, j in pairs.items():
        one, two = whole.lines[i], part.lines[j]
        if not _same_reads(one.reads, two.reads, gone, names):
            return False
        found[0].update(line_slots(two, (*place, i), found[2]))
        if one.body and two.body and not _embed(one.body, two.body, (*place, i), found):
            return False
    return _same_reads(whole.outputs, part.outputs, gone, names)


def _neutral(line: Line, place: Place, found: _Found, is_end: bool) -> bool:
    """Note the value with which a line that is left out does nothing; tell whether it has one."""
    if is_plain_activation(line) and is_end:
        found[0][Slot(place, "@call")] = Maker("identity")
        return True
    if line.call != "stochastic_depth":
        return False
    found[0][Slot(place, "p")] = 0.0
    return True


def _same_reads(
    one: Sequence[Local],
    two: Sequence[Local],
    gone: Mapping[str, Local],
    names: Mapping[str, str],
) -> bool:
    """Tell whether lines read the same, where what is left out passes on its first input."""
    found = []
    for read in one:
        while read.name in gone:
            read = gone[read.name]
        found.append(read)
    wanted = [Local(names.get(read.name, read.name), read.port) for read in two]
    return found == wanted


def _matched(whole: Body, part: Body, known: Defaults) -> dict[int, int] | None:
    """Return which line of the whole each line of a part is: in order, as alike as can be."""
    if whole.is_named:
        at = {line.name: i for i, line in enumerate(whole.lines)}
        pairs = {at.get(line.name, -1): j for j, line in enumerate(part.lines)}
        in_order = [*pairs] == sorted(pairs) and len(pairs) == len(part.lines)
        fits = in_order and -1 not in pairs
        fits = fits and all(_alike(whole.lines[i], part.lines[j], known) for i, j in pairs.items())
        return pairs if fits else None
    return _best(whole.lines, part.lines, known)


def _best(whole: Sequence[Line], part: Sequence[Line], known: Defaults) -> dict[int, int] | None:
    """Return the match of lines without names whose arguments agree most."""
    best: dict[tuple[int, int], tuple[float, dict[int, int]] | None] = {}
    for i in range(len(whole), -1, -1):
        for j in range(len(part), -1, -1):
            if j == len(part):
                best[i, j] = 0.0, {}
                continue
            if i == len(whole):
                best[i, j] = None
                continue
            skip, take = best[i + 1, j], best[i + 1, j + 1]
            score = _alike(whole[i], part[j], known)
            if take is not None and score:
                taken = take[0] + score, {i: j, **take[1]}
                skip = taken if skip is None or taken[0] > skip[0] else skip
            best[i, j] = skip
    found = best[0, 0]
    return found[1] if found else None


def _alike(one: Line, two: Line, known: Defaults) -> float:
    """Return how many values of two lines agree, 0 for lines that are different calls."""
    if fixed_of(one, known) != fixed_of(two, known) or len(one.reads) != len(two.reads):
        return 0
    if (one.body is None) != (two.body is None):
        return 0
    ours, theirs = line_slots(one, (), known), line_slots(two, (), known)
    if ours.keys() != theirs.keys():
        return 0
    agree = sum(same(ours[slot], theirs[slot]) for slot in ours)
    return 1 + agree / (1 + len(ours))
