"""Which edges a drawing shows: followed along its lines and numbers, from box to box."""

from __future__ import annotations

from collections import defaultdict
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
    sources: dict[str, set[NodeId]] = defaultdict(set)
    for wire in wires:
        for number in wire.given:
            sources[number] |= wire.sources
    edges, faults, stubs = set(), [], set()
    for wire in wires:
        found = wire.sources.union(*(sources[number] for number in wire.numbers))
        edges |= {(source, reader) for source in found for reader in wire.readers}
        if not wire.sources and not all(sources[number] for number in wire.numbers or [""]):
            faults.append(f"comes from nowhere: {wire}")
        if wire.sources and not wire.readers and not wire.given:
            stubs |= wire.sources
        if len(wire.sources) + (wire.numbers != set()) > 1:
            faults.append(f"comes from several places: {wire}")
    read = set().union(*(wire.numbers for wire in wires))
    faults += [f"nothing reads {number}" for number in {*sources} - read]
    # What leaves a block may end at its frame: an output that nothing reads further.
    faults += [f"leads nowhere: {x}" for x in stubs & {source for source, _ in edges}]
    return edges, faults


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
            elif begins and line.points[0][1] > box.y + box.height - EPSILON:
                # What leaves a box leaves it below, and nothing enters there.
                wire.sources.add(box.owner)
            elif ends and line.points[-1][1] < box.y + box.height - EPSILON:
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
