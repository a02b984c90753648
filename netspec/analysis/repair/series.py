"""Names that go on: `conv1`, `conv2`; `inception_4a`, `inception_4b`. A gap is a line left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from netspec.analysis.repair.lines import Entry, body, entries, rows
from netspec.text.diagnostics import Source, Span

_SERIES = re.compile(r"((?:.*(?:[^\dx]|(?<!\d)x))?)\d{1,5}|(.*\d)[a-z]", re.ASCII)
"""What a series begins with; the numbers of `conv3x3` are a size."""
_FEW = 2
"""So few numbered names are no series."""


def following(name: str) -> str:
    """Return the next name of a series: `conv2` behind `conv1`; nothing if it is none."""
    return "" if _split(name)[1] == "z" else _moved(name, 1)


def before(name: str) -> str:
    """Return the name in front of another in a series, or nothing."""
    return "" if _split(name)[1] in ("0", "1", "a") else _moved(name, -1)


def _moved(name: str, step: int) -> str:
    stem, end = _split(name)
    if not end:
        return ""
    return stem + (str(int(end) + step) if end.isdecimal() else chr(ord(end) + step))


def _split(name: str) -> tuple[str, str]:
    """Return what the names of a series begin with and what goes on; of no series the whole."""
    found = _SERIES.fullmatch(name)
    stem = name if found is None else found[1] or found[2] or ""
    return stem, name[len(stem) :]


def missing(entries: Sequence[Entry]) -> Iterator[tuple[Span, str]]:
    """Yield lines in front of which a name of a series is left out, with that name."""
    names = {entry[1]: i for i, (_, entry) in enumerate(entries)}
    for name, i in names.items():
        absent = before(name)
        if absent and absent not in names and _is_whole(absent, names):
            start, number = names.get(before(absent), i - 1), _split(absent)[1]
            # Lines of several series take turns: `conv2, bn2` stand in front of `conv3, bn3`.
            mates = (k for k in range(start + 1, i) if entries[k][1][1].endswith(number))
            yield entries[next(mates, i)][0], absent


def _is_whole(absent: str, names: Iterable[str]) -> bool:
    """Tell whether a series has all names from the first to the last but for one."""
    stem, end = _split(absent)
    series = {name for name in names if _split(name)[0] == stem != name} | {absent}
    firsts = [name for name in series if before(name) not in series]
    few = 1 if end.isalpha() else _FEW
    return len(series) > few and [_split(name)[1] for name in firsts] in (["0"], ["1"], ["a"])


def left_out(source: Source) -> Iterator[tuple[Span, str]]:
    """Yield names in front of which a name of a series is left out, with that name."""
    for row, name in missing(entries(rows(source))):
        start = row.start + len(row.text) - len(row.text.lstrip(" -"))
        said = body(row.text).lstrip("- ").partition(":")[0]
        yield Span(source, start, start + len(said)), name
