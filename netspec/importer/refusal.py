"""What a source holds that no spec can say: all of it at once, with what comes nearest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from netspec.importer import flat
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError

_SHOWN = 8


class Unliftable(NamedTuple):
    """A call that no op of netspec does."""

    op: str
    path: flat.Path
    place: str
    """`FILE:LINE`, or a name."""
    nearest: str


def refused(missing: Iterable[Unliftable]) -> SpecError:
    """Return the error that names every kind of call once, with the modules that it stands in."""
    groups: dict[tuple[str, str, str], list[Unliftable]] = {}
    for one in missing:
        groups.setdefault((one.op, one.place, one.nearest), []).append(one)
    return SpecError([_diagnostic(found) for found in groups.values()])


def _diagnostic(found: Sequence[Unliftable]) -> Diagnostic:
    first, *others = found
    where = ".".join(first.path) or "the network itself"
    message = f"`{first.op}` in `{where}` has no counterpart"
    also = dict.fromkeys(".".join(one.path) for one in others)
    details = [f"also in {path}" for path in [*also][:_SHOWN]]
    details += [f"and in {len(also) - _SHOWN} more"] if len(also) > _SHOWN else []
    span = _span(first.place)
    if span is None:
        details.insert(0, f"at {first.place}")
    help = f"nearest: {first.nearest}" if first.nearest else ""
    return Diagnostic(Code.NOT_LIFTED, message, span, details=tuple(details), help=help)


def _span(place: str) -> Span | None:
    """Return a line of a source that can be read."""
    name, _, line = place.rpartition(":")
    try:
        source = Source(name, Path(name).read_text(encoding="utf-8"))
        start = source.text.index(source.line(int(line)))
    except (OSError, ValueError, IndexError):
        return None
    lines = source.text.splitlines(keepends=True)
    start = sum(map(len, lines[: int(line) - 1]))
    text = lines[int(line) - 1]
    inner = start + len(text) - len(text.lstrip())
    return Span(source, inner, start + len(text.rstrip()))
