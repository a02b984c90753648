"""Where a long series breaks into columns so that a page prints it largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netspec.emit.diagram.flow import Fan
from netspec.emit.diagram.routes import Routes
from netspec.emit.figure.drawing import Tile
from netspec.emit.figure.placed import Gap, PageColumn

GUTTER = 7.0
TRACK = 12.0
SIDE_GAP = 7.0
_STEPS = 14
"""Halvings of a scale or height: closer than 1/16,000 nobody sees a difference."""
_LARGEST = 4.0
"""Where the search for a scale begins; what is printed may be smaller."""
_SPARE = 1.25
"""How much larger than the largest it might be printed: a short network has columns, too."""
_TOLERANCE = 0.93
"""How much smaller a figure may be for the sake of fewer columns."""
_OPENING = 80.0
"""The width that a further column must save elsewhere to be worth a reader's jump."""


Bounds = Callable[[float], tuple[float, float]]
"""The width and the height that there are at a scale."""


@dataclass(slots=True)
class _Growing:
    """A column that takes in one part after the other, and its size where it may end.

    `ends` are the top of each part and how far right it reaches, `sizes` a stop, width and height.
    """

    y: float = 0.0
    left: float = 0.0
    right: float = 0.0
    ends: list[tuple[float, float]] = field(default_factory=list)
    hanging: list[tuple[int, float, Tile]] = field(default_factory=list)
    sizes: list[tuple[int, float, float]] = field(default_factory=list)


class Wrapper:
    """Finds the breaks of one series from the sizes of its parts and of what hangs beside them."""

    def __init__(self, routes: Routes, whole: PageColumn, hanging: Sequence[Tile]) -> None:
        parts, lanes = routes.flow.main.parts, routes.lanes[routes.flow.main].lanes
        self._parts, self._gaps, self._longer = whole.parts, whole.gaps, whole.longer
        self._length = len(parts)
        self._hanging: dict[int, list[Tile]] = {}
        for side, tile in zip(routes.flow.sides, hanging, strict=True):
            self._hanging.setdefault(side.after, []).append(tile)
        # The line to the next column leaves from a single box, and a lane cannot follow it there.
        beside = {i for lane in lanes for i in range(lane.skip.start, lane.skip.end)}
        # An input stays above what it feeds, an output below what gives it.
        ends = [
            isinstance(part, int) and routes.cluster.children[part].kind == "input"
            for part in parts
        ]
        beside |= {i for i, is_end in enumerate(ends) if is_end or any(ends[i + 1 : i + 2])}
        self._may_end = [
            not isinstance(part, Fan) and i not in beside for i, part in enumerate(parts)
        ]
        self._may_end[-1] = True
        self._grown: dict[int, _Growing] = {}

    def breaks(
        self, room: Bounds, least: float, largest: float = _LARGEST, is_exact: bool = False
    ) -> list[int]:
        """Return the parts that end a column, but for the last.

        They print everything at the `largest` scale or the next that fits, as low as the width
        allows. Unless it `is_exact`, a figure may be a little smaller than it could be, though not
        below `least`, for the sake of fewer columns.
        """
        most = self._length
        scale, best = self._largest(room, (0.0, largest * (1.0 if is_exact else _SPARE)), most)
        if not is_exact:
            lower = max(min(least, scale), scale * _TOLERANCE)
            fewer = self._fill(room(lower), len(best) - 1)
            if fewer is not None:
                scale, best = self._largest(room, (lower, scale), len(fewer))
            most = len(best)
        width, height = room(scale)
        # As low as they can be, their heights differ least.
        return _halved((height, 0.0), _STEPS, best, lambda y: self._fill((width, y), most))[1]

    def _largest(
        self, room: Bounds, scales: tuple[float, float], most: int
    ) -> tuple[float, list[int]]:
        """Return the largest scale at which at most so many breaks fit everything, and them."""
        low, high = scales
        if (found := self._fill(room(high), most)) is not None:
            return high, found
        # What fits at a scale fits at every smaller one, so the largest is found by halving.
        scale, best = _halved((low, high), 2 * _STEPS, [], lambda x: self._fill(room(x), most))
        return max(scale, 1e-6), best

    def _fill(self, room: tuple[float, float], most: int) -> list[int] | None:
        """Return the breaks, at most so many, that fit everything into a room, or None."""
        found = self._columns(room[1])
        fits = found is not None and found[0] <= room[0] and len(found[1]) <= most
        return found[1] if found is not None and fits else None

    def _columns(self, height: float) -> tuple[float, list[int]] | None:
        """Return the least width at which no column is higher than `height`, and the breaks.

        Each column counts as a little wider than it is, so that none is opened without need.
        """
        # `costs[stop]` is the least width of columns that hold all parts before `stop`: the best
        # ones of a longer stretch end with a column behind the best ones of a shorter.
        costs = [float("inf")] * (self._length + 1)
        costs[0] = 0.0
        starts = [0] * (self._length + 1)
        for start in range(self._length):
            if costs[start] == float("inf"):
                continue
            here = costs[start] + _OPENING + 2 * GUTTER
            for stop, wide, tall in self._column(start, height - 2 * TRACK):
                if tall > height - 2 * TRACK:
                    break
                if here + wide < costs[stop]:
                    costs[stop], starts[stop] = here + wide, start
        if costs[-1] == float("inf"):
            return None
        breaks: list[int] = []
        stop = starts[-1]
        while stop > 0:
            breaks.insert(0, stop - 1)
            stop = starts[stop]
        count = len(breaks) + 1
        return costs[-1] - count * (_OPENING + 2 * GUTTER) + (count - 1) * 2 * GUTTER, breaks

    def _column(self, start: int, height: float) -> list[tuple[int, float, float]]:
        """Return stop, width and height of the columns from a part on, up to one too high."""
        # The sizes of columns that begin here hold for every height, so they grow only once.
        column = self._grown.setdefault(start, _Growing(self._longer[start][0]))
        while column.y <= height and start + len(column.ends) < self._length:
            i = start + len(column.ends)
            part, gap = self._parts[i], self._gaps[i]
            column.y += gap.height + part.height
            column.ends.append((column.y - part.height, max(part.right, gap.right)))
            column.left = max(column.left, part.left)
            column.right = max(column.right, part.right, gap.right)
            # 10 is what a column leaves above a tap, and `hang` below it.
            column.hanging += [(i - start, column.y + 10, x) for x in self._hanging.get(i, [])]
            if self._may_end[i]:
                wide, tall = self._measure(column, self._gaps[i + 1])
                column.sizes.append((i + 1, wide, tall + self._longer[i + 1][1]))
        return column.sizes

    def _measure(self, column: _Growing, tail: Gap) -> tuple[float, float]:
        wide, low = column.right, 0.0
        for i, top, tile in column.hanging:
            low = max(low, top + tile.height)
            beside = [right for y, right in column.ends[i + 1 :] if y < top + tile.height]
            reach = max(beside, default=tail.right)
            wide = max(wide, reach + SIDE_GAP + tile.left + tile.right)
        return column.left + wide, max(column.y + tail.height, low)


def _halved(
    ends: tuple[float, float],
    steps: int,
    best: list[int],
    fill: Callable[[float], list[int] | None],
) -> tuple[float, list[int]]:
    """Return the value nearest to a bad one that is still good, and the breaks at it."""
    good, bad = ends
    for _ in range(steps):
        middle = (good + bad) / 2
        found = fill(middle)
        if found is None:
            bad = middle
        else:
            good, best = middle, found
    return good, best
