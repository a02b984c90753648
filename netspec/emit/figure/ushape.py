"""A network that leads down and up again as a U: rungs between equal levels are level lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from netspec.emit.diagram.bend import Bend
from netspec.emit.figure.columns import GUTTER, TRACK
from netspec.emit.figure.drawing import Drawing, Point
from netspec.emit.figure.hanging import hang
from netspec.emit.figure.placed import PageColumn, PlacedCluster
from netspec.emit.figure.stack import SeriesLayout, place
from netspec.emit.figure.widths import equally_wide

_Extra = Mapping[int, float]
_WIDEST = 1.5
"""How much wider than it has to be it may become to fill a page."""


class Bent:
    """The drawing of a series that turns."""

    def __init__(self, cluster: PlacedCluster, bend: Bend) -> None:
        self._routes, self._bend = cluster.routes, bend
        self._main = cluster.routes.flow.main
        self._down = cluster
        # Its blocks are placed again, for a column that is turned.
        turned = place(cluster.boxes, cluster.routes, is_up=True)
        self._up = replace(turned, stretches=cluster.stretches)
        left, right, _ = self._columns({}, {})
        extra, tops = _levelled(bend, left, right)
        self._left, self._right, self._middle = self._columns(*extra)
        parts = range(bend.down, bend.up), range(bend.up, len(self._main.parts))
        self._hung = hang(self._middle, self._down, parts[0]), hang(self._right, self._up, parts[1])
        # What hangs beside the last part stands above it once all is turned.
        above = max(0.0, self._hung[1][1] - self._right.tile.height - tops[1])
        self._tops = tops[0] + above, tops[1] + above

    @property
    def width(self) -> float:
        wide = self._left.tile.left + self._left.tile.right + 4 * GUTTER
        wide += self._middle.tile.left + self._hung[0][0]
        return wide + self._right.tile.left + self._hung[1][0]

    @property
    def height(self) -> float:
        return self._turn + TRACK

    def drawing(self, most: float) -> tuple[Drawing, float]:
        """Return everything but the legend, and its width, which is at most so much if it can."""
        width = max(self.width, min(most, _WIDEST * self.width))
        gap = 2 * GUTTER + (width - self.width) / 2
        x0 = self._left.tile.left
        x1 = x0 + self._left.tile.right + gap + self._middle.tile.left
        x2 = x1 + self._hung[0][0] + gap + self._right.tile.left
        found = Drawing()
        found.include(self._left.tile.drawing, x0, self._tops[0])
        found.include(self._middle.tile.drawing, x1, self._low)
        right = self._right.tile
        found.include(right.drawing.upside_down(right.height), x2, self._tops[1])
        for rung in self._bend.rungs:
            y = self._tops[0] + self._left.taps[rung.start]
            found.line([(x0, y - 4), (x0, y), (x2 - right.left, y)], rung.link.node)
        down, up = self._tops[0] + self._left.tail, self._tops[1] + right.height
        self._join(found, self._bend.down, [(x0, down), (x1, self._low)], self._low - TRACK / 2)
        ends = [(x1, self._low + self._middle.tail), (x2, up)]
        self._join(found, self._bend.up, ends, self._turn + TRACK / 2)
        return found, width

    def _join(self, found: Drawing, part: int, ends: list[Point], y: float) -> None:
        """Draw the line from a column to the next, if that reads it, by a level piece at a y."""
        node = self._routes.fed(part)
        if node is not None:
            (start, top), (end, bottom) = ends
            found.line([(start, top), (start, y), (end, y), (end, bottom)], node)

    @property
    def _low(self) -> float:
        """Where the part between the columns begins."""
        return self._tops[0] + self._left.tile.height + TRACK

    @property
    def _turn(self) -> float:
        """Where all columns have ended."""
        return max(self._low + self._hung[0][1], self._tops[1] + self._right.tile.height)

    def _columns(self, down: _Extra, up: _Extra) -> tuple[PageColumn, PageColumn, PageColumn]:
        """Return the columns that lead down and, before it is turned, up; and what is between."""
        bend, main = self._bend, self._main
        rungs = [rung.start for rung in bend.rungs]
        taps = [side.after for side in self._routes.flow.sides]
        below, between, above = (0, bend.down), (bend.down, bend.up), (bend.up, len(main.parts))
        left = SeriesLayout(equally_wide(self._down, *below), main, below, rungs, down)
        right = SeriesLayout(equally_wide(self._up, *above), main, above, taps, up)
        middle = SeriesLayout(equally_wide(self._down, *between), main, between, taps)
        return left.column(), right.column(has_tail=False), middle.column()


def _levelled(
    bend: Bend, left: PageColumn, right: PageColumn
) -> tuple[tuple[_Extra, _Extra], tuple[float, float]]:
    """Return what gaps have to be higher by, and the columns' tops, that each rung is level."""
    starts = [left.taps[rung.start] for rung in bend.rungs]
    ends = [right.tile.height - right.arrivals[rung.end] for rung in bend.rungs]
    down: dict[int, float] = {}
    up: dict[int, float] = {}
    for i, (rung, _) in enumerate(pairwise(bend.rungs)):
        more = (ends[i + 1] - ends[i]) - (starts[i + 1] - starts[i])
        down[rung.start + 1] = max(0.0, more)
        up[rung.end] = max(0.0, -more)
    lower = max(starts[0], ends[0])
    return (down, up), (lower - starts[0], lower - ends[0])
