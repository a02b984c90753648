"""Shapes → the most bytes of activations that inference has at once, and where.

As the generated module runs: whoever calls a block holds what it gave it until the block returns,
and a variable holds its value until it is assigned again, or its function returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from netspec.analysis.frames import holding
from netspec.analysis.layouts import Feed, Layouts, lay_out
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId


def peak(
    graph: Graph, shapes: Shapes, feed: Feed, ends: Mapping[NodeId, int] | None = None
) -> tuple[int, NodeId]:
    """Return the bytes, the inputs' included, and the first node that needs so many.

    `ends` are those of `holding`, the same for every feed, where they are known.
    """
    nodes = list(graph.inference())
    # Without autocast, of which the copies of weights are no activations.
    layouts = lay_out(graph, shapes, nodes, Feed(feed.batch, feed.params), training=False)
    made = {node.id: layouts.size(node.id) for node in nodes if _is_made(node, layouts)}
    freed = _freed(holding(graph) if ends is None else ends, layouts, made)
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
    ends: Mapping[NodeId, int], layouts: Layouts, made: Mapping[NodeId, int]
) -> Mapping[int, int]:
    """Return the bytes that nothing holds behind a node, by the node's place."""
    last = dict.fromkeys(made, 0)
    for id, end in ends.items():
        owner = layouts.owners[id]
        if owner in last:
            last[owner] = max(last[owner], end)
    freed = defaultdict[int, int](int)
    for id, end in last.items():
        freed[end] += made[id]
    return freed
