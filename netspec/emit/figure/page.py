"""Columns on a page: where the figure breaks, how large it is printed, how much of it is shown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.bend import bend
from netspec.emit.diagram.routes import Routes, bent, broken, route
from netspec.emit.diagram.runs import Details, size
from netspec.emit.diagram.stretches import spread
from netspec.emit.diagram.tree import Cluster
from netspec.emit.figure.boxes import Boxes
from netspec.emit.figure.columns import GUTTER, TRACK, Wrapper
from netspec.emit.figure.drawing import SMALL, TEXT, Drawing, Point, Tile
from netspec.emit.figure.hanging import hang
from netspec.emit.figure.legend import legend
from netspec.emit.figure.pieces import cut
from netspec.emit.figure.placed import PageColumn, PlacedCluster
from netspec.emit.figure.room import Room
from netspec.emit.figure.stack import SeriesLayout, place
from netspec.emit.figure.ushape import Bent
from netspec.emit.figure.widths import equally_wide
from netspec.emit.look import LookError

MARGIN = 4.0
LARGEST_TEXT = 9.0
"""Without bounds."""
LEGEND_GAP = 6.0
WRAP = 4.0
"""The y of the lines that enter a column from the one before it."""
LEGIBLE = 5.0
"""Points: what is smaller nobody reads in print."""


class FigureError(LookError):
    """A network that the room cannot show, however little of it; the text says what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A finished figure in units; one unit is `scale` points."""

    drawing: Drawing
    width: float
    height: float
    scale: float
    root: Cluster
    is_bent: bool = False

    @property
    def smallest_text(self) -> float:
        """The size of the smallest text in points."""
        return SMALL * self.scale


def lay_out(
    network: Network,
    room: Room | None,
    depth: int | None = None,
    opened: Sequence[str] = (),
    has_names: bool = False,
) -> Figure:
    """Return the most detailed figure whose text is large enough. Raises FigureError.

    `Details` says in which order detail goes. Where none has the size that nobody asked for, it is
    the one with the largest text, as long as that is legible.
    """
    shown = Details(network, depth, opened)
    search = _Search(network, shown, room, has_names)
    # A U needs width; where there is none for it, columns may do.
    if found := search.first(True) or (search.has_bent and search.first(False)):
        return found
    best = search.best()
    if best and room and not room.is_strict and best.smallest_text >= LEGIBLE:
        return best
    raise FigureError(search.reason())


class _Search:
    """Looks for the most detail that the room can show."""

    def __init__(
        self, network: Network, shown: Details, room: Room | None, has_names: bool
    ) -> None:
        self._network, self._shown, self._room = network, shown, room
        self._has_names = has_names
        self._figures: dict[tuple[int, bool], Figure | None] = {}

    @property
    def has_bent(self) -> bool:
        return any(figure.is_bent for figure in self._figures.values() if figure)

    def first(self, may_bend: bool) -> Figure | None:
        """Return the first figure whose text is large enough."""

        def fits(step: int) -> bool:
            figure = self._figure(step, may_bend)
            room = self._room
            return figure is not None and (room is None or figure.smallest_text >= room.least)

        # Most networks fit whole; else each step makes the text larger, so halving finds the first.
        steps = range(len(self._shown))
        first = 0 if fits(0) else bisect_left(steps, True, 1, key=fits)
        return self._figure(first, may_bend) if first < len(steps) else None

    def _figure(self, step: int, may_bend: bool) -> Figure | None:
        """Return the figure of a step, unless it is more than any page could show."""
        key = step, may_bend
        if key not in self._figures:
            root = self._shown[step]
            self._figures[key] = None
            if size(root) <= limits.PAGE_BOXES:
                self._figures[key] = self._drawn(root, may_bend)
        return self._figures[key]

    def _drawn(self, root: Cluster, may_bend: bool) -> Figure:
        # No page can break a frame: what is most of the network has a piece of one in each column.
        whole, stretches = spread(root)
        boxes = Boxes(self._network, whole, self._has_names)
        placed = replace(place(boxes, route(whole)), stretches=stretches)
        return _Sheet(self._network, whole, placed, self._room).figure(may_bend)

    def best(self) -> Figure | None:
        """Return the figure with the largest text of those that were tried."""
        figures = [figure for figure in self._figures.values() if figure]
        return max(figures, key=lambda figure: figure.smallest_text, default=None)

    def reason(self) -> str:
        """Say why there is no figure, and what would help."""
        name, room, figure = self._network.graph.name, self._room, self.best()
        if room is None or figure is None:
            return (
                f"{name} has {size(self._shown[-1]):,} boxes that no page can show legibly; put "
                "layers into blocks and close them with --depth, or write .html, which zooms"
            )
        best = figure.smallest_text
        return (
            f"the smallest text of {name} would have {best:.2f} pt on {room.width / 72:.3g} by "
            f"{room.height / 72:.3g} in, and {room.least:g} pt are wanted; give it more room with "
            "--width and --height, close blocks with --depth, or let it be smaller with "
            f"--min-text {int(best * 10) / 10:g}"
        )


class _Sheet:
    """Wraps one network into columns."""

    def __init__(
        self, network: Network, root: Cluster, cluster: PlacedCluster, room: Room | None
    ) -> None:
        self._network = network
        self._root = root
        self._room = room
        self._cluster = cluster
        flow = cluster.routes.flow
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

    def figure(self, may_bend: bool) -> Figure:
        """Return the figure as a U, or with the columns that print the largest text."""
        turn = bend(self._cluster.routes.flow) if may_bend else None
        if turn and (found := self._bent(bent(self._cluster.routes, turn))):
            return found
        if self._room is None:
            # Without bounds the proportions are those of a landscape page.
            return self._draw(self._wrapper.breaks(lambda scale: (1.4 / scale, 1 / scale), 0.0))
        scales = self._room.least / SMALL, self._room.largest / TEXT
        return self._draw(self._wrapper.breaks(self._inside, *scales, self._room.is_exact))

    def _inside(self, scale: float) -> tuple[float, float]:
        """Return the room beside the margins and above the legend."""
        assert self._room
        wide = self._room.width / scale - 2 * MARGIN
        return wide, self._room.height / scale - 2 * MARGIN - LEGEND_GAP - self._key(wide).height

    # ------------------------------------------------------------------ drawing

    def _bent(self, routes: Routes) -> Figure | None:
        """Return the figure as a U, unless no skip can cross it or a title would be upside down."""
        turn, stretches = routes.bend, self._cluster.stretches
        assert turn
        if not turn.rungs or any(stretch.last >= turn.up for stretch in stretches):
            return None
        self._cluster = replace(place(self._cluster.boxes, routes), stretches=stretches)
        shape = Bent(self._cluster, turn)
        width = shape.width
        if self._room:
            key = self._key(width)
            scale = self._scale(width, shape.height + LEGEND_GAP + key.height)
            width = max(width, self._room.width / scale - 2 * MARGIN)
        return replace(self._finish(*shape.drawing(width), shape.height), is_bent=True)

    def _draw(self, breaks: Sequence[int]) -> Figure:
        cluster = replace(self._cluster, routes=broken(self._cluster.routes, breaks))
        main = cluster.routes.flow.main
        edges = [0, *(i + 1 for i in breaks), len(main.parts)]
        drawing = Drawing()
        x, bottom = 0.0, 0.0
        track: list[Point] = []
        for start, stop in pairwise(edges):
            is_last = stop == len(main.parts)
            equal = equally_wide(cluster, start, stop)
            column = self._column(equal, start, stop, has_tail=not is_last)
            right, low = hang(column, cluster, range(start, stop))
            x += column.tile.left
            top = TRACK if breaks else 0.0
            drawing.include(column.tile.drawing, x, top)
            node = cluster.routes.fed(start)
            if track and node is not None:
                drawing.line([*track, (x, WRAP), (x, top)], node)
            # A line to the next column goes below this one, then up in the gutter between the two.
            end, gutter = top + low + TRACK / 2, x + right + GUTTER
            track = [(x, top + column.tail), (x, end), (gutter, end), (gutter, WRAP)]
            bottom = max(bottom, top + low + (0 if is_last else TRACK))
            x += right + 2 * GUTTER
        return self._finish(drawing, x - 2 * GUTTER, bottom)

    def _key(self, width: float) -> Tile:
        has_tags = self._cluster.routes.has_tags
        return legend(self._network, self._root, self._cluster.boxes, max(width, 240.0), has_tags)

    def _finish(self, drawing: Drawing, width: float, height: float) -> Figure:
        """Add the legend and the totals below, and leave as much on the left as on the right."""
        key = self._key(max(width, self._exact))
        whole, tall = max(width, self._exact, key.right), height + LEGEND_GAP + key.height
        scale = self._scale(whole, tall)
        if self._room and self._room.is_exact:
            whole = max(whole, self._room.width / scale - 2 * MARGIN)
        ids = [stretch.block.id for stretch in self._cluster.stretches]
        cut(drawing, [box for box in drawing.boxes if box.owner in ids])
        result = Drawing()
        result.include(drawing, (whole - width) / 2, 0)
        result.include(key.drawing, (whole - key.right) / 2, height + LEGEND_GAP)
        return Figure(result, whole, tall, scale, self._root)

    @property
    def _exact(self) -> float:
        """How wide the figure has to be at the largest scale."""
        if self._room is None or not self._room.is_exact:
            return 0.0
        return self._room.width * TEXT / self._room.largest - 2 * MARGIN

    def _scale(self, width: float, height: float) -> float:
        if self._room is None:
            return LARGEST_TEXT / TEXT
        wide, tall = width + 2 * MARGIN, height + 2 * MARGIN
        return min(self._room.largest / TEXT, self._room.width / wide, self._room.height / tall)
