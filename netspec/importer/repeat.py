"""Equal neighbours: `repeat` where they are all of a module, else `splice`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from netspec.importer.lines import Body, Line, Local
from netspec.importer.slots import Defaults, complete, same
from netspec.language.names import NAME
from netspec.language.terms import NUMBERS, Series, Value
from netspec.ops.base import REGISTRY


def repeated(body: Body, known: Defaults) -> Line | None:
    """Return the line that stands for a module whose parts are copies of one block."""
    line = _run(body.lines, known)
    if line is None or line.reads != (Local(body.inputs[0]),):
        return None
    is_end = body.outputs == (Local(body.lines[-1].name),)
    must = not re.fullmatch(NAME, body.lines[0].name) and body.is_named
    return line if is_end and (len(body.lines) > 1 or must) else None


def spliced(body: Body, known: Defaults) -> Body:
    """Return a body in which neighbours that are copies of one block are one line."""
    lines: list[Line] = []
    todo = [
        replace(line, body=spliced(line.body, known)) if line.body else line for line in body.lines
    ]
    while todo:
        line, count = None, 1
        for count in range(_reach(todo, known), 1, -1):
            line = _run(todo[:count], known)
            if line is not None and count > (2 if body.is_named or line.first else 1):
                break
            line, count = None, 1
        if line is None:
            lines.append(todo[0])
        else:
            taken = {one.name for one in (*lines, *todo[count:])}
            lines.append(_splice(line, body.is_named, count, taken))
        todo = todo[count:]
    return replace(body, lines=tuple(lines))


def _reach(lines: Sequence[Line], known: Defaults) -> int:
    """Return how many lines could be copies, so that no more need be tried."""
    head, after = lines[0], [complete(line, known) for line in lines[1:2]]
    series = _series([head.name])
    if head.call in REGISTRY or series is None:
        return 1
    for count, (above, line) in enumerate(pairwise(lines), 1):
        is_next = line.call == head.call and line.reads == (Local(above.name),)
        if not is_next or line.name != series.name(count):
            return count
        if not _equal(after[0], complete(line, known)):
            return count
    return len(lines)


def _splice(line: Line, is_named: bool, count: int, taken: set[str]) -> Line:
    line = replace(line, repeat=None, splice=count)
    if not is_named:
        return replace(line, copies=NUMBERS)
    name = line.copies.stem.rstrip("_") or "copies"
    while name in taken:
        name += "_copies"
    return replace(line, name=name)


def _run(lines: Sequence[Line], known: Defaults) -> Line | None:
    """Return the line of copies that some lines are, if each reads the one before."""
    head, *others = lines
    series = _series([line.name for line in lines])
    is_block = bool(head.call) and head.call not in REGISTRY and not head.call.startswith("$")
    if series is None or not is_block or len(head.reads) != 1:
        return None
    if any(line.repeat is not None or line.splice or line.when for line in lines):
        return None
    for above, line in zip(lines, others, strict=False):
        if line.call != head.call or line.reads != (Local(above.name),):
            return None
    given = [complete(line, known) for line in lines]
    rest = given[1] if others else given[0]
    if any(not _equal(rest, one) for one in given[2:]):
        return None
    first = {key: x for key, x in given[0].items() if not same(x, rest[key])}
    defaults = known[head.call]
    if any(defaults[key] is None for key in first):
        return None  # what every use must give says what the block is there for
    arguments = {key: x for key, x in rest.items() if not same(x, defaults[key])}
    return replace(head, arguments=arguments, first=first, repeat=len(lines), copies=series)


def _equal(one: Mapping[str, Value], two: Mapping[str, Value]) -> bool:
    return all(same(one[key], two[key]) for key in one)


def _series(names: Sequence[str]) -> Series | None:
    """Return how names count on."""
    stem = names[0].rstrip("0123456789")
    digits = names[0][len(stem) :]
    if not digits or (digits != "0" and digits.startswith("0")):
        return None
    series = Series(stem, int(digits))
    counted = all(name == series.name(i) for i, name in enumerate(names))
    return series if counted and (stem or series.start == 0 or len(names)) else None
