"""Which edges a drawing shows: followed along its lines and numbers, from box to box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, product

from netspec.emit.diagram.tree import Cluster, Item
from netspec.emit.figure.drawing import Box, Drawing, Line, Point
from netspec.graph.model import NodeId
from tests.drawings import EPSILON, bounds, holds, overlap, segments

Edge = tuple[NodeId, NodeId]


@dataclass
class Wire:
    """Lines that touch: the boxes and the numbers from which they come and to which they lead."""

    sources: set[NodeId] = field(default_factory=set)
    readers: set[NodeId] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


def drawn_edges(drawing: Drawing) -> tuple[set[Edge], list[str]]:
    """Return the edges that a reader sees, and in words what comes from or leads to nowhere."""
    wires = [*_wires(drawing)]
    sources = {id(wire): _sources(wire, wires) for wire in wires}
    edges = {(start, end) for wire in wires for start in sources[id(wire)] for end in wire.readers}
    read = {start for start, _ in edges}
    faults = []
    for wire in wires:
        if not sources[id(wire)]:
            faults.append(f"comes from nowhere: {wire}")
        if len(wire.sources) + (wire.numbers != set()) > 1:
            faults.append(f"comes from several places: {wire}")
        # What leaves a block may end at its frame: an output that nothing reads further.
        if not wire.readers | wire.given and wire.sources & read:
            faults.append(f"leads nowhere: {wire}")
    given = {number for wire in wires for number in wire.given}
    taken = {number for wire in wires for number in wire.numbers}
    return edges, [*faults, *(f"only one end has the number {x}" for x in given ^ taken)]


def _sources(wire: Wire, wires: list[Wire]) -> set[NodeId]:
    """Return the boxes from which data comes, through numbers where it comes from them."""
    found, numbers, seen = set(wire.sources), [*wire.numbers], set[str]()
    while numbers:
        if (number := numbers.pop()) not in seen:
            seen.add(number)
            for other in [other for other in wires if number in other.given]:
                found |= other.sources
                numbers += other.numbers
    return found


def shown_edges(boxes: Iterable[Item], root: Cluster) -> set[Edge]:
    """Return the edges between the boxes shown of a network, whatever is closed."""
    shown = {box.id: box for box in boxes}
    owner = {node: id for id, box in shown.items() for node in box.exits}
    for item in _within(root):
        # A row of equal blocks is drawn as its first, and read as its last.
        if isinstance(item, Cluster) and item.count > 1 and item.id not in shown:
            end = item
            while isinstance(end, Cluster) and end.id not in shown:
                end = end.children[end.exit]
            owner[item.output or ()] = end.id
    return {(owner[node], box.id) for box in shown.values() for node in box.reads}


def _within(cluster: Cluster) -> Iterator[Item]:
    for child in cluster.children:
        yield child
        if isinstance(child, Cluster):
            yield from _within(child)


def _wires(drawing: Drawing) -> Iterator[Wire]:
    boxes = [box for box in drawing.boxes if not box.is_group]
    tags = [text for text in drawing.texts if text.role == "tag"]
    for lines in _touching(drawing.lines):
        wire = Wire()
        for line, box in product(lines, boxes):
            begins, ends = (_is_at(point, box) for point in (line.points[0], line.points[-1]))
            if box.kind == "tag" and (begins or ends):
                texts = [text.text for text in tags if overlap(text.bounds, bounds(box))]
                found = wire.numbers if begins else wire.given
                found |= {number for text in texts for number in text.split(",")}
            elif begins:
                wire.sources.add(box.owner)
            elif ends:
                wire.readers.add(box.owner)
        yield wire


def _is_at(point: Point, box: Box) -> bool:
    return holds(bounds(box), (*point, *point))


def _touching(lines: list[Line]) -> Iterator[list[Line]]:
    """Yield the lines that hang together: one ends somewhere on the other."""
    near: dict[int, set[int]] = {i: {i} for i in range(len(lines))}
    for i, j in combinations(range(len(lines)), 2):
        if _touch(lines[i], lines[j]) or _touch(lines[j], lines[i]):
            near[i].add(j)
            near[j].add(i)
    left = {*near}
    while left:
        found, new = set(), {min(left)}
        while new:
            found |= new
            new = set().union(*(near[i] for i in new)) - found
        left -= found
        yield [lines[i] for i in sorted(found)]


def _touch(one: Line, other: Line) -> bool:
    ends = [one.points[0], one.points[-1]]
    return any(
        min(x0, x1) - EPSILON <= x <= max(x0, x1) + EPSILON
        and min(y0, y1) - EPSILON <= y <= max(y0, y1) + EPSILON
        for x, y in ends
        for (x0, y0), (x1, y1) in segments(other)
    )
