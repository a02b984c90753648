"""Shapes → the most bytes of activations that inference has at once, and where.

As the generated module runs: whoever calls a block holds what it gave it until the block returns,
and a variable holds its value until it is assigned again, or its function returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from netspec.analysis.layouts import Feed, Layouts, lay_out
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import Join, Op
from netspec.ops.split import Piece


def peak(graph: Graph, shapes: Shapes, feed: Feed) -> tuple[int, NodeId]:
    """Return the bytes, the inputs' included, and the first node that needs so many."""
    nodes = list(graph.inference())
    # Without autocast, of which the copies of weights are no activations.
    layouts = lay_out(graph, shapes, nodes, Feed(feed.batch, feed.params), training=False)
    made = {node.id: layouts.size(node.id) for node in nodes if _is_made(node, layouts)}
    freed = _freed(graph, nodes, layouts, made)
    most = alive = sum(layouts.size(id) for id in graph.inputs)
    place = next(iter(graph.inputs))
    for i, node in enumerate(nodes):
        alive += made.get(node.id, 0)
        now = alive + layouts.cases[node.id].transient
        if now > most:
            most, place = now, node.id
        alive -= freed[i]
    return most, place


def _is_made(node: Node, layouts: Layouts) -> bool:
    """Tell whether a node makes a tensor: weights and constants are there before."""
    return bool(node.inputs) and layouts.owners[node.id] == node.id


def _freed(
    graph: Graph, nodes: Sequence[Node], layouts: Layouts, made: Mapping[NodeId, int]
) -> Mapping[int, int]:
    """Return the bytes that nothing holds behind a node, by the node's place."""
    ends = dict.fromkeys(made, 0)
    frames = _Frames(graph, nodes)
    for id, end in frames.ends().items():
        owner = layouts.owners[id]
        if owner in ends:
            ends[owner] = max(ends[owner], end)
    freed = defaultdict[int, int](int)
    for id, end in ends.items():
        freed[end] += made[id]
    return freed


class _Frames:
    """Who reads what while each body runs; its layers are told by how their nodes' ids begin."""

    def __init__(self, graph: Graph, nodes: Sequence[Node]) -> None:
        self.graph = graph
        self.last: dict[NodeId, int] = {}
        """The place of the last node of each layer."""
        self.readers = defaultdict[NodeId, dict[NodeId, None]](dict)
        self.sources = defaultdict[NodeId, dict[NodeId, None]](dict)
        self.reads: list[tuple[NodeId, NodeId, int]] = []
        """Tensors, the nodes that read them, and in how many bodies both stand."""
        for i, node in enumerate(nodes):
            for level in range(len(node.id) + 1):
                self.last[node.id[:level]] = i
            for source in node.inputs:
                self._read(node.id, source)

    def _read(self, reader: NodeId, source: NodeId) -> None:
        shared = 0
        while shared < len(source) - 1 and reader[shared] == source[shared]:
            shared += 1
        self.reads.append((source, reader, shared))
        self.readers[source[: shared + 1]][reader[: shared + 1]] = None
        self.sources[reader[: shared + 1]][source[: shared + 1]] = None
        for level in range(shared + 2, len(reader) + 1):
            self.sources[reader[:level]][source] = None

    def ends(self) -> Mapping[NodeId, int]:
        """Return the place of the last node during which something holds each tensor."""
        given = (output.node for output in self.graph.outputs if not output.train_only)
        ends = dict.fromkeys(given, len(self.last))
        for source, reader, shared in self.reads:
            layer, by = source[: shared + 1], reader[: shared + 1]
            end = self.last[by if self._is_assigned(layer, by) else reader[:shared]]
            ends[source] = max(ends.get(source, 0), end)
        return ends

    def _is_assigned(self, layer: NodeId, reader: NodeId) -> bool:
        """Tell whether the variable of a layer's value takes that of its only reader."""
        join = self._op(reader)
        if isinstance(join, Join) and not join.operator:
            return False
        while [*self.readers[layer]] == [reader]:
            sources = [*self.sources[reader]]
            if len(sources) == 1:
                return True
            # Of several values the first is replaced, if it has the variable of what it is made of.
            first = next(iter(self.sources[layer]), None)
            if sources[0] != layer or first is None or isinstance(self._op(first), Piece):
                return False
            layer, reader = first, layer
        return False

    def _op(self, layer: NodeId) -> Op | None:
        """Return the op of a layer that is no block."""
        node = self.graph.nodes.get(layer)
        return None if node is None else node.op
