"""Boxes with their texts: a leaf, a block's frame around its items, and a tag."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.analysis.costs import NodeCost
from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import borrowed, shape_text
from netspec.emit.diagram.tree import JOINER, Cluster, Item, Leaf, Link, layers, leaves
from netspec.emit.diagram.words import Wording
from netspec.emit.figure.drawing import SMALL, TEXT, Box, Drawing, Point, Text, Tile
from netspec.emit.figure.text import width
from netspec.graph.model import NodeId, path
from netspec.ops.window import times

ROW = 16.0
LEAST_WIDTH = 46.0
WIDEST_LINE = 125.0
SLOT = 7.0
TAG = 13.0
PADDING = 5.0
WIDENING = 30.0
FOOT = 6.0
"""What a frame leaves below its items."""


class Boxes:
    """Draws the boxes of one network: words, bars and the numbers of tags are those of all of it.

    `most` is what the longest bars stand for; `has_names` if boxes show the names of their layers.
    """

    def __init__(self, network: Network, root: Cluster, has_names: bool = False) -> None:
        self._network = network
        self.wording = Wording(root)
        self.most = NodeCost(*map(max, zip(*(leaf.cost for leaf in leaves(root)), strict=True)))
        self._has_names = has_names
        self._numbers: dict[NodeId, int] = {}

    def leaf(self, leaf: Leaf, is_narrow: bool, span: tuple[float, float], slots: float) -> Tile:
        """Return a box at least as wide as what enters it from above, with room for its sides."""
        lines = self.lines(leaf, is_narrow)
        widest = max(width(text, size) for text, size, _ in lines)
        half = max(LEAST_WIDTH, widest + 10) / 2
        left, right = max(half, 8 - span[0]), max(half, 8 + span[1])
        middle, tall = (right - left) / 2, max(ROW + 10.5 * (len(lines) - 1), slots + 4)
        bar, time = leaf.cost.macs / max(self.most.macs, 1), leaf.cost.seconds
        box = Box(
            -left, 0, left + right, tall, leaf.kind, leaf.id, leaf.train_only, False, bar,
            time / (self.most.seconds or 1), leaf.fill, about(leaf),
        )  # fmt: skip
        drawing = Drawing([box])
        # Descenders stay clear of the bar.
        first = tall / 2 + 0.27 * TEXT - 5.25 * (len(lines) - 1) - (0.8 if bar else 0.0)
        for i, (text, size, role) in enumerate(lines):
            drawing.texts.append(Text(middle, first + 10.5 * i, text, size, "middle", role))
        return Tile(left, right, tall, drawing)

    def lines(self, leaf: Leaf, is_narrow: bool) -> list[tuple[str, float, str]]:
        """Return the lines in a box, each with its size and role."""
        text = self.wording.text(leaf, is_narrow)
        notes = [(leaf.note, SMALL, "note")] if leaf.note else []
        if leaf.kind == "block":
            return [(text.replace("_", " "), TEXT, "node"), *notes]
        names = _ops(JOINER.join(layers(leaf))) if self._has_names and leaf.words else []
        lines = [(line, TEXT, "node") for line in _ops(text)]
        return lines + [(line, SMALL, "name") for line in names] + notes

    def frame(self, cluster: Cluster, inner: Tile, goes_on: bool = False) -> Tile:
        """Return a block: a titled box around its items, with lines to the inputs inside.

        One that goes on from the column before says its costs there.
        """
        inputs = inner.ports or {0: (0.0, 0.0)}
        xs = [x for x, _ in inputs.values()]
        name = cluster.counted.replace("_", " ")
        # The costs stand on one line unless the block would become much wider than its items.
        notes = wrapped(cluster.costs, SMALL, inner.right + WIDENING - max(xs) - 7)
        if goes_on:
            name, notes = f"… {name}", []
        wide = max((width(note, SMALL) for note in notes), default=0.0)
        # Lines come down through the header, so its texts stay to the left and right of them.
        left = max(inner.left + PADDING, width(name, TEXT, bold=True) + 7 - min(xs))
        right = max(inner.right + PADDING, wide + 7 + max(xs))
        # What is inside stands in the middle.
        beside = max(left - inner.left, right - inner.right)
        left, right = inner.left + beside, inner.right + beside
        header = 4.0 + 10.5 * max(1, len(notes))
        tall = header + inner.height + FOOT
        box = Box(
            -left, 0, left + right, tall, "block", cluster.id, cluster.train_only, True,
            about=about(cluster),
        )  # fmt: skip
        drawing = Drawing([box], [Text(4 - left, 11, name, TEXT, "start", "title", True)])
        for i, note in enumerate(filter(None, notes)):
            drawing.texts.append(Text(right - 4, 11 + 10.5 * i, note, SMALL, "end", "note"))
        drawing.include(inner.drawing, 0, header)
        for port, (x, y) in inputs.items():
            drawing.line([(x, 0), (x, header + y)], cluster.reads[port], False, cluster.train_only)
        assert cluster.output is not None
        # Beside what nothing reads the output is a branch, from which the line leads to the middle.
        x, low = inner.exits.get(cluster.exit, 0.0), header + inner.height
        end = [(x, low), (x, low + FOOT / 2), (0.0, low + FOOT / 2)] if x else [(0.0, low)]
        drawing.line([*end, (0.0, tall)], cluster.output, False, cluster.train_only)
        return Tile(left, right, tall, drawing, {port: (x, 0.0) for port, (x, _) in inputs.items()})

    def tag(self, drawing: Drawing, nodes: Iterable[NodeId], at: Point, anchor: str) -> float:
        """Draw the numbers of links that go on elsewhere; return the width taken."""
        numbers = {node: self._numbers.setdefault(node, len(self._numbers) + 1) for node in nodes}
        text = ",".join(map(str, numbers.values()))
        wide = width(text, SMALL) + 7
        x = at[0] - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        drawing.boxes.append(Box(x, at[1] - 6, wide, 12, "tag", ("tag", *next(iter(numbers)))))
        drawing.texts.append(Text(x + wide / 2, at[1] + 3.2, text, SMALL, "middle", "tag"))
        return wide

    def shape(self, link: Link, cluster: Cluster) -> str:
        """Return the shape to write beside a link; inside a block only where the size changed."""
        shape = self._network.shapes[link.node]
        if cluster.id:
            outer = self._network.shapes[cluster.reads[0]]
            if shape[1:] == outer[1:] or link.source < 0:
                return ""
        return shape_text(shape)


def about(item: Item) -> str:
    """Return what stands in no box: where an item is in the network, all its ops, exact costs."""
    facts = [path(item.id).lstrip("."), item.counted, f"use of {item.block}" if item.block else ""]
    facts.append(f"output {times(item.shape)}" if shape_text(item.shape) else "")
    if item.cost.params or item.cost.macs:
        params = borrowed(item.lender) or f"{item.cost.params:,} params"
        facts.append(f"{item.each}{params}, {item.cost.macs:,} MACs")
    return "\n".join(dict.fromkeys(filter(None, facts)))


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Return a text in lines that fit the room, unless one of its parts does not."""
    first, *rest = text.split(JOINER)
    lines = [first]
    for part in rest:
        longer = lines[-1] + JOINER + part
        if width(longer, size) > room:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _ops(text: str) -> list[str]:
    """Return the ops of a box in lines; what is behind a line says that it goes on."""
    *lines, last = wrapped(text, TEXT, WIDEST_LINE)
    return [*(f"{line}{JOINER}".rstrip() for line in lines), last]
