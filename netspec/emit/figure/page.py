"""Columns on a page: where the figure breaks, how large it is printed, how much of it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.flow import Fan
from netspec.emit.diagram.routes import broken, route
from netspec.emit.diagram.runs import details, size
from netspec.emit.diagram.tree import Cluster
from netspec.emit.figure.boxes import Boxes
from netspec.emit.figure.columns import GUTTER, SIDE_GAP, TRACK, Wrapper
from netspec.emit.figure.drawing import SMALL, TEXT, Drawing, Point
from netspec.emit.figure.legend import legend
from netspec.emit.figure.stack import PageColumn, PlacedCluster, SeriesLayout, place

MARGIN = 4.0
LARGEST_TEXT = 9.0
LEGEND_ROOM = 30.0
WRAP = 4.0
"""The y of the lines that enter a column from the one before it."""


class FigureError(ValueError):
    """A network that no page can show, however little of it; the text says what to do."""


class Page(NamedTuple):
    """The room for a figure in points, and the smallest text that may be printed."""

    width: float
    height: float
    floor: float


PAGES = {
    "letter": (612.0, 792.0, 36.0),
    "a4": (595.28, 841.89, 36.0),
    "slide": (540.0, 960.0, 18.0),
}
"""The short side, the long side and the margin of each."""
ORIENTATIONS = ("landscape", "portrait")


def page_size(page: str, orientation: str) -> Page | None:
    """Return the room on a page; None for `none`. Raises ValueError for an unknown name."""
    if orientation not in ORIENTATIONS:
        raise ValueError(f"orientation {orientation!r}: expected one of {', '.join(ORIENTATIONS)}")
    if page == "none":
        return None
    if page not in PAGES:
        raise ValueError(f"page {page!r}: expected one of {', '.join(PAGES)}, none")
    *sides, margin = PAGES[page]
    short, long = (side - 2 * margin for side in sides)
    floor = 8.0 if page == "slide" else 6.5 if orientation == "landscape" else 5.0
    return Page(long, short, floor) if orientation == "landscape" else Page(short, long, floor)


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A finished figure in units; one unit is `scale` points."""

    drawing: Drawing
    width: float
    height: float
    scale: float
    root: Cluster

    @property
    def smallest_text(self) -> float:
        """The size of the smallest text in points."""
        return SMALL * self.scale


def lay_out(
    network: Network, page: Page | None, depth: int | None = None, has_names: bool = False
) -> Figure:
    """Return the most detailed figure whose text is large enough, or else the one with the largest.

    Detail goes in this order: equal blocks in a row become one, norms and activations join the op
    before them, inner blocks are closed, and then closed copies of a layer are one. At each step
    the frame of a body that is nearly the whole network goes first. Raises FigureError.
    """
    best: Figure | None = None
    boxes = 0
    for root in details(network, depth):
        boxes = size(root)
        if boxes > limits.PAGE_BOXES:
            continue
        figure = _Sheet(network, root, page, has_names).figure()
        # Less detail for text that is hardly larger would be a loss.
        if best is None or figure.scale > best.scale * 1.02:
            best = figure
        if page is None or figure.smallest_text >= page.floor:
            break
    if best is None:
        raise FigureError(
            f"{network.graph.name} has {boxes:,} boxes that no page can show legibly; put layers "
            "into blocks and close them with --depth, or write .html, which zooms"
        )
    return best


class _Sheet:
    """Wraps one network into columns."""

    def __init__(self, network: Network, root: Cluster, page: Page | None, has_names: bool) -> None:
        self._network = network
        self._root = root
        self._page = page
        self._cluster = place(Boxes(network, root, has_names), route(root))
        flow = self._cluster.routes.flow
        self._sides = flow.sides
        whole = self._column(self._cluster, 0, len(flow.main.parts))
        hanging = [SeriesLayout(self._cluster, side.series).tile() for side in self._sides]
        self._wrapper = Wrapper(self._cluster.routes, whole, hanging)

    def _column(
        self, cluster: PlacedCluster, start: int, stop: int, has_tail: bool = True
    ) -> PageColumn:
        after = [side.after for side in self._sides]
        main = cluster.routes.flow.main
        return SeriesLayout(cluster, main, (start, stop), after).column(has_tail)

    def figure(self) -> Figure:
        """Return the figure with the columns that print the largest text."""
        if self._page is None:
            # Without a page the proportions are those of a landscape page.
            return self._draw(self._wrapper.breaks((1.4, 1.0), 1.0, 0.0))
        room = self._page.width - 2 * MARGIN, self._page.height - LEGEND_ROOM
        least = self._page.floor / SMALL
        return self._draw(self._wrapper.breaks(room, LARGEST_TEXT / TEXT, least))

    # ------------------------------------------------------------------ drawing

    def _draw(self, breaks: Sequence[int]) -> Figure:
        cluster = replace(self._cluster, routes=broken(self._cluster.routes, breaks))
        main = cluster.routes.flow.main
        edges = [0, *(i + 1 for i in breaks), len(main.parts)]
        drawing = Drawing()
        x, bottom = 0.0, 0.0
        track: list[Point] = []
        for start, stop in pairwise(edges):
            is_last = stop == len(main.parts)
            column = self._column(cluster, start, stop, has_tail=not is_last)
            right, low = self._hang(column, cluster, range(start, stop))
            x += column.tile.left
            top = TRACK if breaks else 0.0
            drawing.include(column.tile.drawing, x, top)
            source = cluster.routes.before(main, start)
            is_read = main.linked[start] or isinstance(main.parts[start], Fan)
            if track and source is not None and is_read:
                drawing.line([*track, (x, WRAP), (x, top)], cluster.routes.output(source))
            # A line to the next column goes below this one, then up in the gutter between the two.
            end, gutter = top + low + TRACK / 2, x + right + GUTTER
            track = [(x, top + column.tail), (x, end), (gutter, end), (gutter, WRAP)]
            bottom = max(bottom, top + low + (0 if is_last else TRACK))
            x += right + 2 * GUTTER
        return self._finish(drawing, x - 2 * GUTTER, bottom)

    def _hang(
        self, column: PageColumn, cluster: PlacedCluster, parts: range
    ) -> tuple[float, float]:
        """Add what hangs beside a column; return how far right and down everything reaches."""
        drawing = column.tile.drawing
        right, low = column.tile.right, column.tile.height
        placed: list[tuple[float, float, float]] = []
        # From the bottom up: the line to a higher one passes above all that hangs further in.
        for side in reversed([side for side in self._sides if side.after in parts]):
            tile = SeriesLayout(cluster, side.series).tile()
            tap = column.taps.get(side.after, column.tile.height)
            top = tap + 6
            beside = [x for x, y, end in placed if end > tap - 6 and y < top + tile.height]
            x = max([_reach(drawing, tap, top + tile.height), *beside])
            x += SIDE_GAP + tile.left
            if side.is_tap:
                is_head = cluster.routes.is_head(side.link.target)
                points = [(0.0, tap - 4), (0.0, tap), (x, tap), (x, top)]
                drawing.line(points, side.link.node, False, is_head)
            drawing.include(tile.drawing, x, top)
            placed.append((x + tile.right, tap, top + tile.height))
            right, low = max(right, x + tile.right), max(low, top + tile.height)
        return right, low

    def _finish(self, drawing: Drawing, width: float, height: float) -> Figure:
        """Add the legend and the totals below."""
        has_tags = self._cluster.routes.has_tags
        key = legend(self._network, self._root, self._cluster.boxes, max(width, 240.0), has_tags)
        result = Drawing()
        result.include(drawing, max(0.0, (key.right - width) / 2), 0)
        result.include(key.drawing, 0, height + 8)
        width, height = max(width, key.right), height + 8 + key.height
        scale = LARGEST_TEXT / TEXT
        if self._page is not None:
            wide, tall = width + 2 * MARGIN, height + 2 * MARGIN
            scale = min(scale, self._page.width / wide, self._page.height / tall)
        return Figure(result, width, height, scale, self._root)


def _reach(drawing: Drawing, top: float, bottom: float) -> float:
    """Return how far right anything reaches between two heights."""
    found = [
        box.x + box.width for box in drawing.boxes if box.y < bottom and box.y + box.height > top
    ]
    bounds = [text.bounds for text in drawing.texts]
    found += [right for _, high, right, low in bounds if high < bottom and low > top]
    for line in drawing.lines:
        ys = [y for _, y in line.points]
        if min(ys) < bottom and max(ys) > top:
            found.append(max(x for x, _ in line.points))
    return max(found, default=0.0)
