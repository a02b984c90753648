"""One column: the parts of a series below each other, the lines between them, lanes beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netspec.emit.diagram.flow import Fan, Series
from netspec.emit.diagram.lanes import LEFT, RIGHT, Lane, Lanes, offsets
from netspec.emit.diagram.tree import Leaf, Link
from netspec.emit.figure.drawing import SMALL, Box, Drawing, Piece, Point, Text
from netspec.emit.figure.place import SLOT, TAG, Placer, Plan
from netspec.emit.figure.text import width
from netspec.graph.model import NodeId

LEAST_GAP = 7.5
ROUTE = 5.0
BRANCH_GAP = 6.0
FORK = 5.0


@dataclass(slots=True)
class Gap:
    """What lies between two parts: a zone for what leaves, the shape, a zone for what arrives."""

    out: float
    text: str
    arrivals: float
    height: float
    right: float = 0.0
    top: float = 0.0


@dataclass(slots=True)
class Column:
    """A placed series; `taps` says at which y something may leave to the right after a part.

    `tail` is the y at which the line into the next column starts.
    """

    piece: Piece
    taps: dict[int, float]
    tail: float
    gaps: list[Gap]
    parts: list[Piece]


class Stack:
    """Places the parts `start` to `stop` of a series."""

    def __init__(
        self,
        placer: Placer,
        plan: Plan,
        series: Series,
        stretch: tuple[int, int] | None = None,
        taps: Iterable[int] = (),
    ) -> None:
        self._placer = placer
        self._plan = plan
        self._series = series
        self._start, self._stop = stretch or (0, len(series.parts))
        self._taps = set(taps)
        columns = [plan.flow.main, *(side.series for side in plan.flow.sides)]
        self._is_branch = all(series is not column for column in columns)
        inside = [
            lane
            for lane in plan.lanes[series].lanes
            if lane.skip.end < self._stop and (lane.skip.start >= self._start or not self._start)
        ]
        self._lanes = Lanes(inside)
        self._drawing = Drawing()
        self._pieces: dict[int, Piece] = {}
        self._gaps: dict[int, Gap] = {}

    def piece(self) -> Piece:
        """Return the whole series as one piece."""
        return self.column(has_tail=False).piece

    def column(self, has_tail: bool = True) -> Column:
        """Return the parts as a column; a tail leaves room to go on in the next one."""
        self._place_parts()
        stop = self._stop + int(has_tail)
        y = 0.0
        for i in range(self._start, stop):
            gap = self._gaps[i] = self._gap(i)
            gap.top = y
            y += gap.height + (self._pieces[i].height if i < self._stop else 0)
        for i in range(self._start, self._stop):
            self._draw_part(i)
        for i in range(self._start, stop):
            self._draw_gap(i)
        left, right = self._extent(LEFT, self._start, stop), self._extent(RIGHT, self._start, stop)
        for lane, distance in offsets(self._lanes, self._reach).items():
            self._draw_lane(lane, distance)
            left, right = max(left, -lane.side * distance), max(right, lane.side * distance)
        taps = {i: self._gaps[i + 1].top + 4 for i in self._taps if i + 1 in self._gaps}
        piece = Piece(left, right, y, self._drawing, self._ports(), self._exits())
        tail = self._gaps[self._stop].top if has_tail else y
        return Column(piece, taps, tail, list(self._gaps.values()), list(self._pieces.values()))

    # ------------------------------------------------------------------ parts

    def _place_parts(self) -> None:
        for i in range(self._start, self._stop):
            part = self._series.parts[i]
            if isinstance(part, Fan):
                self._pieces[i] = self._fan(part)
            elif part < 0:
                self._pieces[i] = self._port(part, i)
            elif part in self._plan.pieces:
                self._pieces[i] = self._plan.pieces[part]
            else:
                self._pieces[i] = self._leaf(part, i)

    def _leaf(self, part: int, i: int) -> Piece:
        leaf = self._plan.group.children[part]
        assert isinstance(leaf, Leaf)
        above = self._pieces.get(i - 1)
        xs = list(above.exits.values()) if above and above.exits else [0.0]
        sides = [SLOT * len(self._lanes.ending(i, side)) for side in (LEFT, RIGHT)]
        tags = list(dict.fromkeys(self._plan.into.get(part, [])))
        sides[0] += TAG if tags else 0
        label = _brief(leaf.label) if self._is_branch and leaf.kind != "block" else leaf.label
        piece = self._placer.leaf(leaf, label, (min(xs), max(xs)), max(sides))
        if tags:
            y = (piece.height + sides[0]) / 2 - TAG / 2
            text = ",".join(self._placer.number(node) for node in tags)
            left = piece.left
            piece.left += self._tag(piece.drawing, text, (-left - 8, y), "end", tags[0]) + 8
            piece.drawing.line([(-left - 8, y), (-left, y)], tags[0], True, leaf.train_only)
        return piece

    def _port(self, part: int, i: int) -> Piece:
        """Return an input of the group: a point at its top, or a tag further down."""
        if i == 0:
            return Piece(5, 5, 0, Drawing(), {-1 - part: (0.0, 0.0)})
        drawing, node = Drawing(), self._plan.output(part)
        wide = self._tag(drawing, self._placer.number(node), (0, TAG / 2), "middle", node)
        return Piece(wide / 2, wide / 2, TAG, drawing)

    def _fan(self, fan: Fan) -> Piece:
        """Return branches side by side, their ends on one row."""
        branches = [Stack(self._placer, self._plan, branch).piece() for branch in fan.branches]
        entry = fan.branches[0].entry
        fork = 0.0 if entry is None else FORK
        total = sum(x.left + x.right for x in branches) + BRANCH_GAP * (len(branches) - 1)
        tall = max(x.height for x in branches)
        result = Piece(total / 2, total / 2, fork + tall, Drawing())
        x = -total / 2
        for series, branch in zip(fan.branches, branches, strict=True):
            x += branch.left
            drop = 0.0 if entry is None else tall - branch.height
            self._draw_branch(result, series, branch, (x, fork + drop))
            x += branch.right + BRANCH_GAP
        return result

    def _draw_branch(self, fan: Piece, series: Series, branch: Piece, at: Point) -> None:
        """Add a branch to its fan, with the lines that lead to it and to the fan's bottom."""
        x, y = at
        fan.drawing.include(branch.drawing, x, y)
        is_head = all(self._plan.is_head(part) for part in series.parts if isinstance(part, int))
        is_head = is_head and bool(series.parts)
        if series.entry is not None:
            node = self._plan.output(series.entry)
            fan.drawing.line([(0, 0), (0, FORK), (x, FORK), (x, y)], node, False, is_head)
            if not series.parts:
                fan.drawing.line([(x, y), (x, fan.height)], node)
        for part, offset in branch.exits.items():
            start, end = (x + offset, y + branch.height), (x + offset, fan.height)
            fan.drawing.line([start, end], self._plan.output(part), False, is_head)
            fan.exits[part] = x + offset
        if not series.parts and series.entry is not None:
            fan.exits[series.entry] = x
        fan.ports.update({k: (px + x, py + y) for k, (px, py) in branch.ports.items()})

    def _ports(self) -> dict[int, Point]:
        first = self._pieces.get(0)
        is_own = first is not None and not (
            isinstance(self._series.parts[0], int) and self._series.parts[0] >= 0
        )
        return dict(first.ports) if first and is_own else {}

    def _exits(self) -> dict[int, float]:
        if self._stop <= self._start:
            return {}
        last = self._series.parts[self._stop - 1]
        return self._pieces[self._stop - 1].exits if isinstance(last, Fan) else {last: 0.0}

    # ------------------------------------------------------------------ gaps

    def _before(self, i: int) -> int | None:
        """Return the child above a gap, or the entry; None under a fan or where nothing enters."""
        part = self._series.parts[i - 1] if i else self._series.entry
        return None if isinstance(part, Fan) else part

    def _gap(self, i: int) -> Gap:
        before, starts = self._before(i), self._lanes.starting
        has_tag = before is not None and before in self._plan.out and self._is_here(i)
        goes_right = starts(i - 1, RIGHT) or i - 1 in self._taps
        out = 6.0 if goes_right or starts(i - 1, LEFT) else 0.0
        out += TAG + 2 if has_tag else 0.0
        text = self._shape(i)
        arrivals = self._arrivals(i)
        is_empty = not (out or text or arrivals)
        if is_empty and i == 0 and (self._series.entry is None or not self._enters(0)):
            return Gap(0, "", 0, 0)
        is_fan = i < len(self._series.parts) and isinstance(self._series.parts[i], Fan)
        least, arrow = (0.0, 2.0 if text else 0.0) if is_fan else (LEAST_GAP, 4.0)
        tall = max(least, out + (10 if text else 0) + arrivals + arrow)
        right = max(5 + width(text, SMALL) if text else 0, 28 if has_tag else 0)
        return Gap(out, text, arrivals, tall, right)

    def _is_here(self, i: int) -> bool:
        """Tell whether the part above a gap belongs to this column, or is the group's input."""
        return i > self._start or i == 0

    def _enters(self, i: int) -> bool:
        """Tell whether a line enters a part from above."""
        part = self._series.parts[i]
        return isinstance(part, Fan) or bool(self._drawn(i))

    def _drawn(self, i: int) -> list[Link]:
        """Return the links into a part from the part above that are lines, not tags."""
        links = self._plan.above(self._series, i) if i < len(self._series.parts) else []
        return [x for x in links if x.node not in self._plan.into.get(x.target, [])]

    def _shape(self, i: int) -> str:
        before = self._before(i)
        if before is None or i >= len(self._series.parts) or (i == self._start and i > 0):
            return ""
        part = self._series.parts[i]
        link = Link(before, 0, self._plan.output(before)) if isinstance(part, Fan) else None
        found = [link] if link else self._drawn(i)
        return self._placer.shape(found[0], self._plan.group) if found else ""

    def _arrivals(self, i: int) -> float:
        """Return the height of the zone in which lines turn to the inputs of a block."""
        part = self._series.parts[i] if i < self._stop else None
        if not isinstance(part, int) or part not in self._plan.pieces:
            return 0.0
        moves = [a != b for a, b, _ in self._moves(i)]
        lanes = self._lanes.ending(i, LEFT) or self._lanes.ending(i, RIGHT)
        tags = any(port is not None for port in self._tagged(part).values())
        return ROUTE * sum(moves) + (ROUTE if lanes else 0) + (TAG + 2 if tags else 0)

    def _tagged(self, part: int) -> dict[NodeId, float]:
        """Return where tags enter a block from above."""
        ports, child = self._plan.pieces[part].ports, self._plan.group.children[part]
        nodes = dict.fromkeys(self._plan.into.get(part, []))
        return {
            node: ports[child.reads.index(node)][0]
            for node in nodes
            if child.reads.index(node) in ports
        }

    def _moves(self, i: int) -> list[tuple[float, float, NodeId]]:
        """Return what enters a block from above: from which x to which x, and whose output."""
        part = self._series.parts[i]
        assert isinstance(part, int)
        above = self._pieces.get(i - 1)
        found = []
        for link in self._drawn(i):
            start = above.exits.get(link.source, 0.0) if above else 0.0
            found.append(
                (start, self._plan.pieces[part].ports[self._plan.port(link)][0], link.node)
            )
        return found

    # ------------------------------------------------------------------ drawing

    def _top(self, i: int) -> float:
        return self._gaps[i].top + self._gaps[i].height

    def _draw_part(self, i: int) -> None:
        self._drawing.include(self._pieces[i].drawing, 0, self._top(i))

    def _draw_gap(self, i: int) -> None:
        gap, before = self._gaps[i], self._before(i)
        if gap.text:
            y = gap.top + gap.out + 8.5
            self._drawing.texts.append(Text(4, y, gap.text, SMALL, "start", "shape"))
        if before is not None and before in self._plan.out and self._is_here(i):
            node, y = self._plan.output(before), gap.top + gap.out - TAG / 2 - 1
            self._drawing.line([(0, gap.top), (0, y), (9, y)], node)
            self._tag(self._drawing, self._placer.number(node), (9, y), "start", node)
        if i >= self._stop:
            return
        part, top = self._series.parts[i], self._top(i)
        if isinstance(part, Fan):
            if before is not None:
                self._drawing.line([(0, gap.top), (0, top)], self._plan.output(before))
        elif part in self._plan.pieces:
            self._draw_arrivals(i, part)
        elif part >= 0:
            above = self._pieces.get(i - 1)
            for link in self._drawn(i):
                x = above.exits.get(link.source, 0.0) if above else 0.0
                ends = [(x, gap.top), (x, top)]
                self._drawing.line(ends, link.node, True, self._plan.is_head(part))

    def _draw_arrivals(self, i: int, part: int) -> None:
        """Draw the lines into a block: those that move left or right each turn on their own row."""
        gap, top, is_head = self._gaps[i], self._top(i), self._plan.is_head(part)
        y = top - gap.arrivals - 2
        moves = self._moves(i)
        # Those to the right turn last to first, those to the left first to last: nothing crosses.
        rights = [move for move in moves if move[1] > move[0]][::-1]
        for start, end, node in [move for move in moves if move[1] <= move[0]] + rights:
            if start != end:
                y += ROUTE
            points = [(start, gap.top), (start, y), (end, y), (end, top)]
            self._drawing.line(points, node, False, is_head)
        for node, x in self._tagged(part).items():
            wide = self._tag(self._drawing, self._placer.number(node), (x, top - 9), "middle", node)
            self._drawing.line([(x, top - 9 + TAG / 2 - 0.5), (x, top)], node, False, is_head)
            assert wide

    def _draw_lane(self, lane: Lane, distance: float) -> None:
        """Draw a skip: out of the gap under its source, down beside the column, into its target."""
        x, start, end = lane.side * distance, self._gaps[lane.skip.start + 1].top, lane.skip.end
        part = self._series.parts[end]
        assert isinstance(part, int)
        points: list[Point] = [(0, start), (0, start + 4), (x, start + 4)]
        top = self._top(end)
        is_block = part in self._plan.pieces
        if is_block:
            port = self._plan.pieces[part].ports[self._plan.port(lane.skip.link)][0]
            tags = TAG + 2 if self._tagged(part) else 0
            y = top - 2 - tags
            points += [(x, y), (port, y), (port, top)]
        else:
            y = top + self._slot(lane)
            edge = self._edge(end, lane.side)
            points += [(x, y), (edge, y)]
        self._drawing.line(points, lane.skip.link.node, not is_block, self._plan.is_head(part))

    def _edge(self, i: int, side: int) -> float:
        """Return the x of a box's side, without the tag that may stand there."""
        box = self._pieces[i].drawing.boxes[0]
        return box.x if side == LEFT else box.x + box.width

    def _slot(self, lane: Lane) -> float:
        """Return how far below the top of its target a lane enters."""
        piece, lanes = self._pieces[lane.skip.end], self._lanes.ending(lane.skip.end, lane.side)
        part = self._series.parts[lane.skip.end]
        tag = TAG if lane.side == LEFT and part in self._plan.into else 0
        first = (piece.height - SLOT * len(lanes) - tag) / 2
        return first + SLOT * (lanes.index(lane) + 0.5)

    def _tag(self, drawing: Drawing, text: str, at: Point, anchor: str, node: NodeId) -> float:
        """Draw the numbers of links that go on elsewhere; return the width taken."""
        wide = width(text, SMALL) + 7
        x = at[0] - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        drawing.boxes.append(Box(x, at[1] - 6, wide, 12, "tag", ("tag", *node)))
        drawing.texts.append(Text(x + wide / 2, at[1] + 3.2, text, SMALL, "middle", "tag"))
        return wide

    # ------------------------------------------------------------------ extents

    def _extent(self, side: int, start: int, stop: int) -> float:
        """Return how far parts and gaps reach to a side."""
        found = [
            (piece.left if side == LEFT else piece.right)
            for i in range(start, min(stop, self._stop))
            for piece in (self._pieces[i],)
        ]
        if side == RIGHT:
            found += [self._gaps[i].right for i in range(start, stop) if i in self._gaps]
        return max(found, default=4.0)

    def _reach(self, lane: Lane) -> float:
        return self._extent(lane.side, lane.skip.start + 1, lane.skip.end + 1)


def _brief(label: str) -> str:
    """Return an op's label without the words that its colour says: branches are narrow."""
    return label.removeprefix("conv ").replace(" pool", "")
