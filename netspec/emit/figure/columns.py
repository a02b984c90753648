"""Where a long series breaks into columns so that a page prints it largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netspec.emit.figure.drawing import Piece
from netspec.emit.figure.flow import Fan
from netspec.emit.figure.place import Plan
from netspec.emit.figure.stack import Column

GUTTER = 8.0
TRACK = 12.0
SIDE_GAP = 10.0
_STEPS = 14
_TOLERANCE = 0.93
_OPENING = 80.0


class _Step(NamedTuple):
    """The best way to end a column at a part: what it costs, how wide it is, where it starts."""

    cost: float
    width: float
    start: int


class Wrapper:
    """Finds the breaks of one series from the sizes of its parts and of what hangs beside them."""

    def __init__(self, plan: Plan, whole: Column, hanging: Sequence[Piece]) -> None:
        parts, lanes = plan.flow.main.parts, plan.lanes[plan.flow.main].lanes
        self._parts, self._gaps = whole.parts, whole.gaps
        self._length = len(parts)
        self._hanging: dict[int, list[Piece]] = {}
        for side, piece in zip(plan.flow.sides, hanging, strict=True):
            self._hanging.setdefault(side.after, []).append(piece)
        beside = {i for lane in lanes for i in range(lane.skip.start, lane.skip.end)}
        self._may_end = [
            not isinstance(part, Fan) and i not in beside for i, part in enumerate(parts)
        ]
        self._may_end[-1] = True
        self._sizes: dict[tuple[int, int], tuple[float, float]] = {}

    def breaks(self, room: tuple[float, float], largest: float, least: float) -> list[int]:
        """Return the parts that end a column, but for the last; `room` in points.

        A figure may be a little smaller than it could be, though not below `least`, for the sake
        of fewer columns.
        """
        scale, best = self._largest(room, 0.0, largest, self._length)
        lower = max(min(least, scale), scale * _TOLERANCE)
        if lower < scale:
            fewer = self._fill(room, lower)
            if fewer is not None and len(fewer) < len(best):
                scale, best = self._largest(room, lower, scale, len(fewer))
        return self._balance(best, room[0] / scale, room[1] / scale)

    def _largest(
        self, room: tuple[float, float], low: float, high: float, most: int
    ) -> tuple[float, list[int]]:
        """Return the largest scale at which at most so many breaks fit everything, and them."""
        best: list[int] = []
        found = self._fill(room, high)
        if found is not None and len(found) <= most:
            return high, found
        for _ in range(2 * _STEPS):
            middle = (low + high) / 2
            found = self._fill(room, middle)
            if found is not None and len(found) <= most:
                low, best = middle, found
            else:
                high = middle
        return max(low, 1e-6), best

    def _balance(self, best: list[int], width: float, height: float) -> list[int]:
        """Return breaks into as many columns whose heights differ least."""
        low, high = 0.0, height
        for _ in range(_STEPS):
            middle = (low + high) / 2
            found = self._columns(middle)
            if found is not None and found[0] <= width and len(found[1]) <= len(best):
                best, high = found[1], middle
            else:
                low = middle
        return best

    def _fill(self, room: tuple[float, float], scale: float) -> list[int] | None:
        """Return the breaks that fit everything at a scale, or None."""
        found = self._columns(room[1] / scale)
        return found[1] if found is not None and found[0] <= room[0] / scale else None

    def _columns(self, height: float) -> tuple[float, list[int]] | None:
        """Return the least width at which no column is higher than `height`, and the breaks.

        Each column counts as a little wider than it is, so that none is opened without need.
        """
        best: list[_Step | None] = [None] * (self._length + 1)
        best[0] = _Step(0.0, 0.0, 0)
        for start in range(self._length):
            here = best[start]
            for stop in range(start + 1, self._length + 1) if here else ():
                wide, tall = self._size(start, stop)
                if tall + 2 * TRACK > height:
                    break
                assert here is not None
                wide += 2 * GUTTER if start else 0.0
                step = _Step(here.cost + wide + _OPENING, here.width + wide, start)
                known = best[stop]
                if self._may_end[stop - 1] and (known is None or step.cost < known.cost):
                    best[stop] = step
        return self._trace(best)

    def _trace(self, best: list[_Step | None]) -> tuple[float, list[int]] | None:
        """Return the width and the breaks of the best columns up to the last part."""
        last = step = best[self._length]
        breaks: list[int] = []
        while step is not None and step.start > 0:
            breaks.append(step.start - 1)
            step = best[step.start]
        return (last.width, breaks[::-1]) if last is not None else None

    def _size(self, start: int, stop: int) -> tuple[float, float]:
        """Return width and height of a column, what hangs beside it included."""
        if (start, stop) not in self._sizes:
            self._sizes[start, stop] = self._measure(start, stop)
        return self._sizes[start, stop]

    def _measure(self, start: int, stop: int) -> tuple[float, float]:
        y, low, left, right = 0.0, 0.0, 0.0, 0.0
        hanging: list[tuple[int, float, Piece]] = []
        ends: list[float] = []
        for i in range(start, stop):
            y += self._gaps[i].height + self._parts[i].height
            ends.append(y)
            left = max(left, self._parts[i].left)
            right = max(right, self._parts[i].right, self._gaps[i].right)
            hanging += [(i, y + 10, piece) for piece in self._hanging.get(i, [])]
        wide = right
        for i, top, piece in hanging:
            low = max(low, top + piece.height)
            beside = [
                max(self._parts[k].right, self._gaps[k].right)
                for k in range(i + 1, stop)
                if ends[k - start] - self._parts[k].height < top + piece.height
            ]
            reach = max(beside, default=self._gaps[stop].right)
            wide = max(wide, reach + SIDE_GAP + piece.left + piece.right)
        return left + wide, max(y + self._gaps[stop].height, low)
