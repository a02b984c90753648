"""Where the boxes of a group stand, from the inside out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netspec.analysis.network import Network
from netspec.emit.diagram.flow import Fan, Flow, Series, Skip, exits, flow
from netspec.emit.diagram.lanes import LEFT, RIGHT, Lane, Lanes, assign
from netspec.emit.diagram.numbers import cost_text, shape_text, short
from netspec.emit.diagram.tree import Group, Leaf, Link
from netspec.emit.figure.drawing import SMALL, TEXT, Box, Drawing, Piece, Text
from netspec.emit.figure.text import width
from netspec.graph.model import NodeId

ROW = 16.0
LEAST_WIDTH = 46.0
LONGEST_BAR = 40.0
SLOT = 7.0
TAG = 13.0
PADDING = 5.0
WIDENING = 30.0


@dataclass(slots=True)
class Plan:
    """A group and what must be known before its boxes can be placed.

    `into` are the sources whose tags point at a child, `out` the children that carry a tag.
    """

    group: Group
    flow: Flow
    pieces: dict[int, Piece]
    lanes: dict[Series, Lanes] = field(default_factory=dict)
    into: dict[int, list[NodeId]] = field(default_factory=dict)
    out: dict[int, NodeId] = field(default_factory=dict)

    def output(self, part: int) -> NodeId:
        """Return the node whose output leaves a child, or enters by an input of the group."""
        if part < 0:
            return self.group.reads[-1 - part]
        return self.group.children[part].output or ()

    def is_head(self, part: int) -> bool:
        """Tell whether a child runs only in training."""
        return part >= 0 and self.group.children[part].train_only

    def above(self, series: Series, position: int) -> list[Link]:
        """Return the links that enter a part from the part above it, from left to right."""
        link = series.linked[position]
        before = series.parts[position - 1] if position else None
        if not isinstance(before, Fan):
            return [link] if link else []
        part = series.parts[position]
        into = {link.source: link for link in self.group.links if link.target == part}
        return [into[source] for source in exits(before) if source in into]

    def port(self, link: Link) -> int:
        """Return by which of its inputs a link enters its target."""
        return self.group.children[link.target].reads.index(link.node)


class Placer:
    """Places the groups of one network."""

    def __init__(self, network: Network, busiest: int) -> None:
        self.network = network
        self._busiest = max(busiest, 1)
        self._numbers: dict[NodeId, int] = {}

    def number(self, node: NodeId) -> str:
        """Return the number of a node's tag."""
        return str(self._numbers.setdefault(node, len(self._numbers) + 1))

    def plan(self, group: Group, taps: Iterable[int] = (), breaks: Iterable[int] = ()) -> Plan:
        """Place the groups inside a group and decide how each of its links is drawn."""
        pieces = {
            i: self.group(child)
            for i, child in enumerate(group.children)
            if isinstance(child, Group)
        }
        return self.route(Plan(group, flow(group), pieces), taps, breaks)

    def route(self, plan: Plan, taps: Iterable[int] = (), breaks: Iterable[int] = ()) -> Plan:
        """Return a plan with its skips on lanes, or behind tags where they would cross."""
        result = Plan(plan.group, plan.flow, plan.pieces)
        tags = list(plan.flow.tags)
        for series in _all_series(plan.flow):
            is_main = series is plan.flow.main
            around = (taps, breaks) if is_main else ((), ())
            lanes = assign(series, lambda skip, found: _sides(result, skip, found), *around)
            result.lanes[series] = lanes
            tags += lanes.tags + list(_misplaced(result, series))
        for link in tags:
            result.into.setdefault(link.target, []).append(link.node)
            result.out[link.source] = link.node
        return result

    def leaf(self, leaf: Leaf, label: str, span: tuple[float, float], slots: float) -> Piece:
        """Return a box at least as wide as what enters it from above, with room for its sides."""
        lines = [
            (label.replace("_", " ") if leaf.kind == "block" else label)
            + (f" ×{leaf.count}" if leaf.count > 1 else "")
        ]
        if leaf.kind == "block":
            lines.append(("each " if leaf.count > 1 else "") + cost_text(leaf.cost))
        sizes = [TEXT] + [SMALL] * (len(lines) - 1)
        widest = max(width(line, size) for line, size in zip(lines, sizes, strict=True))
        half = max(LEAST_WIDTH, widest + 10) / 2
        left, right = max(half, 8 - span[0]), max(half, 8 + span[1])
        middle, tall = (right - left) / 2, max(ROW + 10.5 * (len(lines) - 1), slots + 4)
        bar = LONGEST_BAR * leaf.cost.macs / self._busiest
        drawing = Drawing()
        drawing.boxes.append(
            Box(-left, 0, left + right, tall, leaf.kind, leaf.id, leaf.train_only, False, bar)
        )
        first = tall / 2 + 0.27 * TEXT - 5.25 * (len(lines) - 1)
        for i, (line, size) in enumerate(zip(lines, sizes, strict=True)):
            role = "node" if i == 0 else "note"
            drawing.texts.append(Text(middle, first + 10.5 * i, line, size, "middle", role))
        return Piece(left, right, tall, drawing)

    def group(self, group: Group) -> Piece:
        """Return a block: a titled box around its items."""
        from netspec.emit.figure.stack import Stack

        plan = self.plan(group)
        inner = Stack(self, plan, plan.flow.main).piece()
        ports = [x for x, _ in inner.ports.values()] or [0.0]
        return self._frame(group, inner, min(ports), max(ports))

    def _frame(self, group: Group, inner: Piece, first: float, last: float) -> Piece:
        """Draw the box and its header around the items; lines enter between `first` and `last`."""
        name = group.label.replace("_", " ") + (f" ×{group.count}" if group.count > 1 else "")
        each = "each " if group.count > 1 else ""
        notes = [f"{each}{short(group.cost.params)} params", f"{short(group.cost.macs)} MACs"]
        if width(" · ".join(notes), SMALL) + last + 9 <= inner.right + WIDENING:
            notes = [" · ".join(notes)]
        wide = max(width(note, SMALL) for note in notes)
        left = max(inner.left + PADDING, width(name, TEXT, bold=True) + 9 - first)
        right = max(inner.right + PADDING, wide + 9 + last)
        header = 4.0 + 10.5 * len(notes)
        tall = header + inner.height + 6
        drawing = Drawing()
        box = Box(-left, 0, left + right, tall, "block", group.id, group.train_only, True)
        drawing.boxes.append(box)
        drawing.texts.append(Text(5 - left, 11, name, TEXT, "start", "title", True))
        for i, note in enumerate(notes):
            drawing.texts.append(Text(right - 5, 11 + 10.5 * i, note, SMALL, "end", "note"))
        drawing.include(inner.drawing, 0, header)
        ports: dict[int, tuple[float, float]] = {}
        for port, (x, y) in (inner.ports or {0: (0.0, 0.0)}).items():
            drawing.line([(x, 0), (x, header + y)], group.reads[port], False, group.train_only)
            ports[port] = (x, 0.0)
        assert group.output is not None
        end = [(0.0, header + inner.height), (0.0, tall)]
        drawing.line(end, group.output, False, group.train_only)
        return Piece(left, right, tall, drawing, ports)

    def shape(self, link: Link, group: Group) -> str:
        """Return the shape to write beside a link; inside a block only where the size changed."""
        shape = self.network.shapes[link.node]
        if group.id:
            outer = self.network.shapes[group.reads[0]]
            if shape[1:] == outer[1:] or link.source < 0:
                return ""
        return shape_text(shape)


def _all_series(found: Flow) -> Iterator[Series]:
    yield from _below(found.main)
    for side in found.sides:
        yield from _below(side.series)


def _below(series: Series) -> Iterator[Series]:
    yield series
    for part in series.parts:
        if isinstance(part, Fan):
            for branch in part.branches:
                yield from _below(branch)


def _sides(plan: Plan, skip: Skip, lanes: Sequence[Lane]) -> Sequence[int]:
    """Return the sides on which a lane may reach its target, the better one first."""
    if isinstance(plan.group.children[skip.link.target], Leaf):
        return LEFT, RIGHT
    ports = plan.pieces[skip.link.target].ports
    order = sorted(ports, key=lambda key: ports[key][0])
    port = plan.port(skip.link)
    taken = [lane.side for lane in lanes if lane.skip.end == skip.end]
    allowed = [side for side, end in ((LEFT, 0), (RIGHT, -1)) if order[end] == port]
    return [side for side in allowed if side not in taken]


def _misplaced(plan: Plan, series: Series) -> Iterator[Link]:
    """Yield the links from the part above that enter a block where no line can reach."""
    for i, part in enumerate(series.parts):
        if isinstance(part, Fan) or part not in plan.pieces:
            continue
        ports = plan.pieces[part].ports
        last = float("-inf")
        for link in plan.above(series, i):
            x = ports.get(plan.port(link), (float("-inf"), 0.0))[0]
            if x <= last:
                yield link
            last = max(last, x)
