"""Shapes → the most bytes of activations that inference has at once, and where.

As the generated module runs: whoever calls a block holds what it gave it until the block returns,
and a variable holds its value until it is assigned again, or its function returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from netspec.analysis.frames import holding
from netspec.analysis.layouts import Feed, Layouts, lay_out
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId


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
    for id, end in holding(graph, nodes).items():
        owner = layouts.owners[id]
        if owner in ends:
            ends[owner] = max(ends[owner], end)
    freed = defaultdict[int, int](int)
    for id, end in ends.items():
        freed[end] += made[id]
    return freed
