"""The parts of a series below each other, the lines between them, lanes beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from netspec.emit.diagram.flow import Fan, Series
from netspec.emit.diagram.lanes import LEFT, RIGHT, Lane, Lanes, length
from netspec.emit.diagram.routes import Routes
from netspec.emit.diagram.tree import Leaf, Link
from netspec.emit.figure.boxes import FOOT, SLOT, TAG, Boxes
from netspec.emit.figure.branches import side_by_side
from netspec.emit.figure.drawing import SMALL, Drawing, Point, Text, Tile
from netspec.emit.figure.pieces import Pieces, Sides
from netspec.emit.figure.placed import TEXT_ROOM, Gap, PageColumn, PlacedCluster
from netspec.emit.figure.text import width
from netspec.emit.figure.turn import enter_aside, turned_frame, turned_texts
from netspec.graph.model import NodeId

LEAST_GAP = 7.5
ROUTE = 5.0
LANE_GAP = 7.0


def place(boxes: Boxes, routes: Routes, is_up: bool = False) -> PlacedCluster:
    """Place the blocks inside a cluster, from the inside out."""
    frames = {}
    for i, inner in routes.inner.items():
        tile = SeriesLayout(place(boxes, inner, is_up), inner.flow.main).tile()
        frame = boxes.frame(inner.cluster, tile)
        frames[i] = turned_frame(frame, tile) if is_up else frame
        top = FOOT if is_up else frame.height - tile.height - FOOT
        enter_aside(frames[i], inner, tile.beside, top)
    return PlacedCluster(boxes, routes, frames, is_up)


class SeriesLayout:
    """Places the parts `start` to `stop` of a series."""

    def __init__(
        self,
        cluster: PlacedCluster,
        series: Series,
        stretch: tuple[int, int] | None = None,
        taps: Iterable[int] = (),
        extra: Mapping[int, float] | None = None,
    ) -> None:
        self._cluster = cluster
        self._routes = routes = cluster.routes
        self._series = series
        self._start, self._stop = stretch or (0, len(series.parts))
        self._taps = set(taps)
        self._is_branch = series not in routes.flow.columns
        is_main = series is routes.flow.main
        # A lane from the entry, at -1, belongs to the column in which the series begins.
        inside = [
            lane
            for lane in routes.lanes[series].lanes
            if lane.skip.end < self._stop and (lane.skip.start >= self._start or not self._start)
        ]
        bend = routes.bend if is_main else None
        self._rungs = [
            Lane(rung, LEFT)
            for rung in (bend.rungs if bend else ())
            if rung.start < self._start <= rung.end < self._stop
        ]
        self._lanes = Lanes([*inside, *self._rungs])
        self._extra = extra or {}
        span = self._start, self._stop
        self._pieces = Pieces(cluster.boxes, cluster.stretches if is_main else (), span)
        self._drawing = Drawing()
        self._tiles: dict[int, Tile] = {}
        self._gaps: dict[int, Gap] = {}
        self._placed_lanes: dict[Lane, float] = {}

    def tile(self) -> Tile:
        """Return the whole series as one tile, with what goes on elsewhere from its last part."""
        last = self._series.parts[-1] if self._series.parts else None
        if not isinstance(last, int) or last not in self._routes.out:
            return self.column(has_tail=False).tile
        column = self.column()
        end = [(0.0, column.tail), (0.0, column.tile.height)]
        self._drawing.line(end, self._routes.output(last), False, self._routes.is_head(last))
        return column.tile

    def column(self, has_tail: bool = True) -> PageColumn:
        """Return the parts as a column; a tail leaves room to go on in the next one."""
        for i in range(self._start, self._stop):
            self._tiles[i] = self._place(i)
        stop = self._stop + int(has_tail)
        # Everything is measured before a line is drawn: a gap's top follows from all above it, and
        # a lane's distance from the widest of what it passes.
        height = self._measure(stop)
        left, right = self._draw(stop)
        left += LANE_GAP if self._rungs else 0.0
        arrivals = {rung.skip.end: self._draw_rung(rung, -left) for rung in self._rungs}
        for frame, top in self._pieces.frames(self._gaps, self._reach):
            self._drawing.boxes.insert(0, frame.drawing.boxes[0]._replace(y=top))
            self._drawing.texts += [x._replace(y=x.y + top) for x in frame.drawing.texts]
            left, right = max(left, frame.left), max(right, frame.right)
        outs = {i: self._gaps[i + 1] for i in self._taps if i + 1 in self._gaps}
        taps = {i: gap.top + gap.feet + 4 for i, gap in outs.items()}
        tile = self._whole(left, right, height)
        tail = self._gaps[self._stop].top if has_tail else height
        gaps, tiles = list(self._gaps.values()), []
        for i, part in self._tiles.items():
            around = self._pieces.around(i, (part.left, part.right))
            tiles.append(replace(part, left=around[0], right=around[1]))
        longer = [self._pieces.longer(i) for i in range(self._start, self._stop + 1)]
        return PageColumn(tile, taps, tail, gaps, tiles, longer, arrivals)

    def _measure(self, stop: int) -> float:
        """Find the size of all parts, and where each gap lies; return the height of all."""
        y = 0.0
        for i in range(self._start, self._stop):
            self._tiles[i] = self._place(i)
        for i in range(self._start, stop):
            gap = self._gaps[i] = self._gap(i)
            gap.top = y
            y += gap.height + (self._tiles[i].height if i < self._stop else 0)
        return y

    def _draw(self, stop: int) -> Sides:
        """Draw parts, gaps and lanes; return how far they reach to the left and to the right."""
        for i, part in self._tiles.items():
            self._drawing.include(part.drawing, 0, self._top(i))
        for i in self._gaps:
            self._draw_gap(i)
        self._placed_lanes = self._distances()
        for lane, distance in self._placed_lanes.items():
            self._draw_lane(lane, distance)
        return self._reach(self._start, stop)

    def _whole(self, left: float, right: float, height: float) -> Tile:
        """Return everything as one tile, with the places where lines enter and leave it."""
        parts, tiles = self._series.parts[self._start : self._stop], self._cluster.tiles
        # The ports of a block are lines of this series; those of bare inputs go on to its frame.
        first, last = self._tiles.get(0), parts[-1] if parts else None
        ports = first.ports if first and parts[0] not in tiles else {}
        exits = self._tiles[self._stop - 1].exits if isinstance(last, Fan) else {}
        exits = {last: 0.0} if isinstance(last, int) else exits
        beside = {
            port: self._top(i) + y
            for i, part in self._tiles.items()
            if self._series.parts[i] not in tiles
            for port, y in part.beside.items()
        }
        return Tile(left, right, height, self._drawing, ports, exits, beside)

    def _reach(self, start: int, stop: int) -> Sides:
        """Return how far parts, and the lanes beside them, reach to the left and to the right."""
        sides = [self._extent(side, start, stop) for side in (LEFT, RIGHT)]
        for lane, distance in self._placed_lanes.items():
            if lane.skip.start < stop and lane.skip.end >= start:
                side = 0 if lane.side == LEFT else 1
                sides[side] = max(sides[side], distance)
        return sides[0], sides[1]

    # ------------------------------------------------------------------ parts

    def _place(self, i: int) -> Tile:
        part = self._series.parts[i]
        if isinstance(part, Fan):
            branches = [SeriesLayout(self._cluster, branch).tile() for branch in part.branches]
            return side_by_side(self._routes, part, branches)
        if part < 0:
            return self._port(part, i)
        return self._cluster.tiles.get(part) or self._leaf(part, i)

    def _leaf(self, part: int, i: int) -> Tile:
        leaf = self._routes.cluster.children[part]
        assert isinstance(leaf, Leaf)
        above = self._tiles.get(i - 1)
        xs = list(above.exits.values()) if above and above.exits else [0.0]
        sides = [SLOT * len(self._lanes.ending(i, side)) for side in (LEFT, RIGHT)]
        tags = list(dict.fromkeys(self._routes.into.get(part, [])))
        sides[0] += TAG if tags else 0
        span = min(xs), max(xs)
        tile = self._cluster.boxes.leaf(leaf, self._is_branch, span, max(sides))
        if self._cluster.is_up:
            tile = turned_texts(tile)
        if tags:
            y = (tile.height + sides[0]) / 2 - TAG / 2
            left = tile.left
            tile.left += self._cluster.boxes.tag(tile.drawing, tags, (-left - 8, y), "end") + 8
            tile.drawing.line([(-left - 8, y), (-left, y)], tags[0], True, leaf.train_only)
        return tile

    def _port(self, part: int, i: int) -> Tile:
        """Return an input of the cluster: a point at its top, or further down a line or a tag."""
        if i == 0:
            return Tile(5, 5, 0, Drawing(), {-1 - part: (0.0, 0.0)})
        drawing, node = Drawing(), self._routes.output(part)
        if -1 - part in self._routes.beside:
            return Tile(5, 5, 0, drawing, beside={-1 - part: 0.0})
        wide = self._cluster.boxes.tag(drawing, [node], (0, TAG / 2), "middle")
        return Tile(wide / 2, wide / 2, TAG - 0.5, drawing)

    # ------------------------------------------------------------------ gaps

    def _gap(self, i: int) -> Gap:
        before, starts = self._routes.before(self._series, i), self._lanes.starting
        has_tag = before is not None and before in self._routes.out and self._is_here(i)
        goes_right = starts(i - 1, RIGHT) or i - 1 in self._taps
        out = 6.0 if goes_right or starts(i - 1, LEFT) else 0.0
        out += TAG + 2 if has_tag else 0.0
        feet, header = self._pieces.feet(i), self._pieces.headers(i, self._reach)
        out += feet
        text = self._shape(i)
        arrivals = self._arrivals(i)
        # Nothing enters a first part whose lines come in by ports: the frame leaves no gap above.
        is_empty = not (out or text or arrivals or header)
        is_fan = i < len(self._series.parts) and isinstance(self._series.parts[i], Fan)
        is_entered = self._series.entry is not None and (is_fan or self._entering(0))
        if is_empty and i == 0 and not is_entered:
            return Gap(0, "", 0, 0)
        least, arrow = (0.0, 2.0 if text else 0.0) if is_fan else (LEAST_GAP, 4.0)
        tall = max(least, out + (TEXT_ROOM if text else 0) + header + arrivals + arrow)
        tall += self._extra.get(i, 0.0)
        right = max(5 + width(text, SMALL) if text else 0, 28 if has_tag else 0)
        return Gap(out, text, arrivals, tall, right, feet)

    def _is_here(self, i: int) -> bool:
        """Tell whether the part above a gap belongs to this column, or is the cluster's input."""
        return i > self._start or i == 0

    def _shape(self, i: int) -> str:
        before = self._routes.before(self._series, i)
        if before is None or i >= len(self._series.parts) or (i == self._start and i > 0):
            return ""
        part, fork = self._series.parts[i], Link(before, 0, self._routes.output(before))
        is_forked = isinstance(part, Fan) and part.entry is not None
        found = [fork] if is_forked else self._routes.drawn(self._series, i)
        return self._cluster.boxes.shape(found[0], self._routes.cluster) if found else ""

    def _arrivals(self, i: int) -> float:
        """Return the height of the zone in which lines turn to the inputs of a block."""
        part = self._series.parts[i] if i < self._stop else None
        if not isinstance(part, int) or part not in self._cluster.tiles:
            return 0.0
        moves = [a != b for a, b, _ in self._moves(i, part)]
        lanes = self._lanes.ending(i, LEFT) or self._lanes.ending(i, RIGHT)
        tags = TAG + 2 if self._tagged(part) else 0
        return ROUTE * sum(moves) + (ROUTE if lanes else 0) + tags

    def _tagged(self, part: int) -> dict[NodeId, float]:
        """Return where tags enter a block from above."""
        ports, child = self._cluster.tiles[part].ports, self._routes.cluster.children[part]
        found = {node: child.reads.index(node) for node in self._routes.into.get(part, [])}
        return {node: ports[port][0] for node, port in found.items() if port in ports}

    def _moves(self, i: int, part: int) -> list[tuple[float, float, NodeId]]:
        """Return what enters a block from above: from which x to which x, and whose output."""
        ports, port = self._cluster.tiles[part].ports, self._routes.port
        return [(x, ports[port(link)][0], link.node) for x, link in self._entering(i)]

    def _entering(self, i: int) -> list[tuple[float, Link]]:
        """Return the lines into a part from the part above, each with the x where it starts."""
        above = self._tiles.get(i - 1)
        exits = above.exits if above else {}
        links = self._routes.drawn(self._series, i)
        return [(exits.get(link.source, 0.0), link) for link in links]

    # ------------------------------------------------------------------ drawing

    def _top(self, i: int) -> float:
        return self._gaps[i].top + self._gaps[i].height

    def _draw_gap(self, i: int) -> None:
        gap, before = self._gaps[i], self._routes.before(self._series, i)
        if gap.text:
            y = gap.top + gap.out + 8.5
            self._drawing.texts.append(Text(4, y, gap.text, SMALL, "start", "shape"))
        if before is not None and before in self._routes.out and self._is_here(i):
            y = gap.top + gap.out - TAG / 2 - 1
            self._drawing.line([(0, gap.top), (0, y), (9, y)], self._routes.output(before))
            self._cluster.boxes.tag(self._drawing, self._routes.out[before], (9, y), "start")
        if i >= self._stop:
            return
        part, top = self._series.parts[i], self._top(i)
        if isinstance(part, Fan):
            if part.entry is not None:
                self._drawing.line([(0, gap.top), (0, top)], self._routes.output(part.entry))
        elif part in self._cluster.tiles:
            self._draw_arrivals(i, part)
        elif part >= 0:
            for x, link in self._entering(i):
                ends = [(x, gap.top), (x, top)]
                self._drawing.line(ends, link.node, True, self._routes.is_head(part))

    def _draw_arrivals(self, i: int, part: int) -> None:
        """Draw the lines into a block: those that move left or right each turn on their own row."""
        gap, top, is_head = self._gaps[i], self._top(i), self._routes.is_head(part)
        y, moves = top - gap.arrivals - 2, self._moves(i, part)
        # Those to the right turn last to first, those to the left first to last: nothing crosses.
        rights = [move for move in moves if move[1] > move[0]][::-1]
        for start, end, node in [move for move in moves if move[1] <= move[0]] + rights:
            if start != end:
                y += ROUTE
            points = [(start, gap.top), (start, y), (end, y), (end, top)]
            self._drawing.line(points, node, False, is_head)
        for node, x in self._tagged(part).items():
            self._cluster.boxes.tag(self._drawing, [node], (x, top - 9), "middle")
            self._drawing.line([(x, top - 9 + TAG / 2 - 0.5), (x, top)], node, False, is_head)

    def _draw_lane(self, lane: Lane, distance: float) -> None:
        """Draw a skip: out of the gap under its source, down beside the column, into its target."""
        x, gap = lane.side * distance, self._gaps[lane.skip.start + 1]
        start, turn = gap.top, gap.top + gap.feet + 4
        points = [(0.0, start), (0.0, turn), (x, turn), *self._arrival(lane, x)]
        self._draw_skip(lane, points)

    def _draw_rung(self, rung: Lane, x: float) -> float:
        """Draw what comes from the other side of a bend; return the y at which it comes."""
        points = self._arrival(rung, x)
        self._draw_skip(rung, points)
        return points[0][1]

    def _draw_skip(self, lane: Lane, points: list[Point]) -> None:
        part, node = lane.skip.link.target, lane.skip.link.node
        is_arrow = part not in self._cluster.tiles
        self._drawing.line(points, node, is_arrow, self._routes.is_head(part))

    def _arrival(self, lane: Lane, x: float) -> list[Point]:
        """Return the way from beside the column into the target of a lane."""
        end = lane.skip.end
        part, top = lane.skip.link.target, self._top(end)
        # A box is entered from its side; into a block the way leads from above to the right input,
        # below the rows of what arrives there from the part above.
        block = self._cluster.tiles.get(part)
        if block is None:
            y = top + self._slot(lane)
            box = self._tiles[end].drawing.boxes[0]  # without the tag that may stand at its side
            return [(x, y), (box.x if lane.side == LEFT else box.x + box.width, y)]
        port = self._routes.port(lane.skip.link)
        if port in block.beside:
            return [(x, top + block.beside[port]), (-block.left, top + block.beside[port])]
        y, target = top - 2 - (TAG + 2 if self._tagged(part) else 0), block.ports[port][0]
        return [(x, y), (target, y), (target, top)]

    def _slot(self, lane: Lane) -> float:
        """Return how far below the top of its target a lane enters."""
        tile, lanes = self._tiles[lane.skip.end], self._lanes.ending(lane.skip.end, lane.side)
        part = self._series.parts[lane.skip.end]
        tag = TAG if lane.side == LEFT and part in self._routes.into else 0
        first = (tile.height - SLOT * len(lanes) - tag) / 2
        return first + SLOT * (lanes.index(lane) + 0.5)

    # ------------------------------------------------------------------ extents

    def _extent(self, side: int, start: int, stop: int) -> float:
        """Return how far parts and gaps reach to a side."""
        tiles = [self._tiles[i] for i in range(start, min(stop, self._stop))]
        if side == LEFT:
            return max((tile.left for tile in tiles), default=4.0)
        found = [tile.right for tile in tiles]
        found += [self._gaps[i].right for i in range(start, stop) if i in self._gaps]
        return max(found, default=4.0)

    def _distances(self) -> dict[Lane, float]:
        """Return how far each lane runs from the spine: outside its parts and the lanes within."""
        found: dict[Lane, float] = {}
        # Shorter lanes come first: one that spans another runs outside it, and never crosses it.
        lanes = [lane for lane in self._lanes.lanes if lane not in self._rungs]
        for lane in sorted(lanes, key=lambda lane: length(lane.skip)):
            start, end = lane.skip.start, lane.skip.end
            inner = [
                distance
                for other, distance in found.items()
                if other.side == lane.side and other.skip.start < end and start < other.skip.end
            ]
            reach = self._extent(lane.side, start + 1, end + 1)
            found[lane] = max([reach, *inner]) + LANE_GAP
        return found
