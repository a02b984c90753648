"""A picture as data: boxes, texts and lines in units that the page scales to points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.emit.figure.text import width
from netspec.emit.palette import Fill
from netspec.graph.model import NodeId

TEXT = 9.5
"""Size of the text in nodes and titles."""
SMALL = 9.0
"""Size of shapes, costs and the legend: the smallest text of a figure."""

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle. `bar` is how much of its width the cost bar takes, `time` the one above.

    `is_group` if it holds other boxes; `about` is what a reader sees who points at it.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    owner: NodeId
    is_head: bool = False
    is_group: bool = False
    bar: float = 0.0
    time: float = 0.0
    fill: Fill | None = None
    about: str = ""


class Text(NamedTuple):
    """A line of text; `x` is its left end, middle or right end, `y` its baseline."""

    x: float
    y: float
    text: str
    size: float = TEXT
    anchor: str = "middle"
    role: str = "node"
    bold: bool = False

    def upside_down(self, height: float) -> Text:
        """Return the text as far from the bottom as it was from the top."""
        _, top, _, bottom = self.bounds
        return self._replace(y=height - top - bottom + self.y)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the ink, as high as DejaVu Sans, the tallest, draws it."""
        wide = width(self.text, self.size, self.bold)
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return left, self.y - 0.76 * self.size, left + wide, self.y + 0.24 * self.size


class Line(NamedTuple):
    """A path of horizontal and vertical pieces; lines with the same node's output may touch."""

    points: tuple[Point, ...]
    net: NodeId
    is_arrow: bool = False
    is_head: bool = False


@dataclass(slots=True)
class Drawing:
    """What is drawn, in painting order within each list."""

    boxes: list[Box] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def include(self, other: Drawing, dx: float, dy: float) -> None:
        """Add everything of another drawing, moved."""
        self.boxes += [box._replace(x=box.x + dx, y=box.y + dy) for box in other.boxes]
        self.texts += [text._replace(x=text.x + dx, y=text.y + dy) for text in other.texts]
        for line in other.lines:
            moved = tuple((x + dx, y + dy) for x, y in line.points)
            self.lines.append(line._replace(points=moved))

    def upside_down(self, height: float) -> Drawing:
        """Return the same from the bottom up; texts stay upright."""
        lines = [
            line._replace(points=tuple((x, height - y) for x, y in line.points))
            for line in self.lines
        ]
        boxes = [box._replace(y=height - box.y - box.height) for box in self.boxes]
        return Drawing(boxes, [text.upside_down(height) for text in self.texts], lines)

    def line(
        self, points: list[Point], net: NodeId, is_arrow: bool = False, is_head: bool = False
    ) -> None:
        """Add a line; points in the middle of a straight piece are dropped."""
        kept: list[Point] = []
        for point in points:
            if kept and point == kept[-1]:
                continue
            if len(kept) > 1:
                xs, ys = zip(*kept[-2:], point, strict=True)
                if len(set(xs)) == 1 or len(set(ys)) == 1:
                    kept.pop()
            kept.append(point)
        if len(kept) > 1:
            self.lines.append(Line(tuple(kept), net, is_arrow, is_head))


@dataclass(slots=True)
class Tile:
    """A drawing around its spine (x = 0), from y = 0 down to `height`.

    `ports` are the places where a cluster's inputs enter, `beside` the y of those that enter from
    the left, `exits` the x of what leaves below.
    """

    left: float
    right: float
    height: float
    drawing: Drawing
    ports: dict[int, Point] = field(default_factory=dict)
    exits: dict[int, float] = field(default_factory=dict)
    beside: dict[int, float] = field(default_factory=dict)
