"""Frames around what a column has of a block that goes on in the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from netspec.emit.diagram.stretches import Stretch
from netspec.emit.figure.boxes import FOOT, Boxes
from netspec.emit.figure.drawing import Box, Drawing, Line, Point, Tile
from netspec.emit.figure.placed import TEXT_ROOM, Gap

Sides = tuple[float, float]
"""How far something reaches to the left and to the right."""
Reach = Callable[[int, int], Sides]
"""The same of what lies between two parts of a series, the second one not included."""
_BELOW_TEXT = 2.0


class Pieces:
    """The frames of one column, which has the parts `start` to `stop` of a series."""

    def __init__(self, boxes: Boxes, stretches: Sequence[Stretch], span: tuple[int, int]) -> None:
        self._boxes = boxes
        self._start, self._stop = span
        self._here = [x for x in stretches if x.first < self._stop and x.last >= self._start]

    def headers(self, i: int, reach: Reach) -> float:
        """Return the height of the titles above a part."""
        begun = [x for x in self._here if max(x.first, self._start) == i]
        tall = sum(self._frame(x, reach(*self._span(x))).height - FOOT for x in begun)
        return tall + _BELOW_TEXT if begun else 0.0

    def feet(self, i: int) -> float:
        """Return the height of the ends of frames above a part."""
        return FOOT * sum(self._span(x)[1] == i for x in self._here)

    def around(self, i: int, sides: Sides) -> Sides:
        """Return how far the frames around a part reach if they hold only that."""
        for stretch in reversed(self._here):
            if stretch.first <= i <= stretch.last:
                frame = self._frame(stretch, sides)
                sides = frame.left, frame.right
        return sides

    def longer(self, i: int) -> Sides:
        """Return what a column is longer by that starts at a part, or that ends above it."""
        cut = [x for x in self._here if x.first < i <= x.last]
        return sum(self._frame(x, (0.0, 0.0)).height - FOOT for x in cut), FOOT * len(cut)

    def frames(self, gaps: Mapping[int, Gap], reach: Reach) -> Iterator[tuple[Tile, float]]:
        """Yield the frames and their tops, inner ones first."""
        tops: list[float] = []
        lids: dict[int, float] = {}
        for stretch in self._here:
            first, stop = self._span(stretch)
            text = TEXT_ROOM + _BELOW_TEXT if gaps[first].text else 0.0
            tops.append(lids.get(first, gaps[first].top + gaps[first].out + text))
            lids[first] = tops[-1] + self._frame(stretch, reach(first, stop)).height - FOOT
        ends: dict[int, float] = {}
        placed: list[tuple[int, int, Sides]] = []
        for stretch, top in zip(reversed(self._here), reversed(tops), strict=True):
            first, stop = self._span(stretch)
            ends[stop] = ends.get(stop, gaps[stop].top) + FOOT
            inside = [x for start, end, x in placed if first <= start and end <= stop]
            left, right = map(max, zip(reach(first, stop), *inside, strict=True))
            empty = self._frame(stretch, (left, right)).height
            inner = Tile(left, right, ends[stop] - top - empty, Drawing())
            frame = self._boxes.frame(stretch.block, inner, stretch.first < self._start)
            # Its lines are those of the series.
            frame.drawing.lines = []
            placed.append((first, stop, (frame.left, frame.right)))
            yield frame, top

    def _span(self, stretch: Stretch) -> tuple[int, int]:
        """Return the parts of a block in this column, the last one not included."""
        return max(stretch.first, self._start), min(stretch.last + 1, self._stop)

    def _frame(self, stretch: Stretch, sides: Sides) -> Tile:
        inner = Tile(*sides, 0.0, Drawing())
        return self._boxes.frame(stretch.block, inner, stretch.first < self._start)


def cut(drawing: Drawing, boxes: Sequence[Box]) -> None:
    """Cut lines where they cross the border of a box."""
    for box in boxes:
        drawing.lines = [piece for line in drawing.lines for piece in _cut(line, box)]


def _cut(line: Line, box: Box) -> list[Line]:
    pieces: list[list[Point]] = [[line.points[0]]]
    for start, end in pairwise(line.points):
        for point in _crossings(start, end, box):
            pieces[-1].append(point)
            pieces.append([point])
        pieces[-1].append(end)
    *others, last = pieces
    return [
        *(line._replace(points=tuple(piece), is_arrow=False) for piece in others),
        line._replace(points=tuple(last)),
    ]


def _crossings(start: Point, end: Point, box: Box) -> list[Point]:
    """Return where a level or plumb piece crosses the border of a box, in its direction."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1:
        is_beside = not box.x < x0 < box.x + box.width
        edges = [] if is_beside else [box.y, box.y + box.height]
        found = [(x0, y) for y in edges if min(y0, y1) < y < max(y0, y1)]
    else:
        is_beside = not box.y < y0 < box.y + box.height
        edges = [] if is_beside else [box.x, box.x + box.width]
        found = [(x, y0) for x in edges if min(x0, x1) < x < max(x0, x1)]
    return sorted(found, reverse=start > end)
