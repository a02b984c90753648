"""What of an older text still stands in a newer one: runs of equal text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Kept(NamedTuple):
    """A run of text that stood at one offset and stands at another."""

    before: int
    after: int
    length: int

    def now(self, start: int, end: int) -> int | None:
        """Return where a range of the older text starts in the newer one, if it lies inside."""
        is_inside = self.before <= start and end <= self.before + self.length
        return start - self.before + self.after if is_inside else None


def whole(text: str) -> tuple[Kept, ...]:
    """Return that all of a text stands where it stood."""
    return (Kept(0, 0, len(text)),)


def moved(kept: Sequence[Kept], old: str, new: str) -> tuple[Kept, ...]:
    """Return what is still kept when `old`, to which `kept` leads, becomes `new`."""
    front = _common(old, new)
    rest = min(len(old), len(new)) - front
    back = _common_end(old[len(old) - rest :], new[len(new) - rest :])
    shift = len(new) - len(old)
    return tuple(part for run in kept for part in _parts(run, front, len(old) - back, shift))


def _parts(run: Kept, start: int, end: int, shift: int) -> Iterator[Kept]:
    """Yield what an edit of a range leaves of a run, in front of it and behind it."""
    stop = run.after + run.length
    if run.after < start:
        yield Kept(run.before, run.after, min(stop, start) - run.after)
    if stop > end:
        first = max(run.after, end)
        yield Kept(run.before + first - run.after, first + shift, stop - first)


def _common(one: str, other: str) -> int:
    """Return the length of what two texts start with, in steps that halve."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: str, other: str) -> int:
    """Return the length of what two texts of the same length end with."""
    low, high = 0, len(one)
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(one) - middle : len(one) - low]:
            low = middle
        else:
            high = middle - 1
    return low
