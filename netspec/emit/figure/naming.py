"""Which layers each box of a figure stands for, by their paths."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netspec.analysis.network import Network
from netspec.emit.diagram.parts import Part, parts
from netspec.emit.diagram.tree import Cluster, Item, walk
from netspec.graph.model import NodeId


def layers_of(network: Network, root: Cluster) -> Mapping[NodeId, list[NodeId]]:
    """Return the paths of a box's layers, by the box's owner: its own first.

    A layer, or a block, that has no box was taken into that of the one before it. An output has
    no path of its own: its box stands for the layer that gives it.
    """
    items = {item.id: item for item in walk(root)}
    around = {id[:end] for id in items for end in range(len(id))}
    found = {id: [id] if id[0] else [*item.reads] for id, item in items.items()}
    _take_in(parts(network.graph, network.costs), items, around - {*items}, found, ())
    return found


def _take_in(
    part: Part,
    items: Mapping[NodeId, Item],
    open: Collection[NodeId],
    found: dict[NodeId, list[NodeId]],
    last: NodeId,
) -> NodeId:
    """Give the box before it each part that has no box; return the last box of this level."""
    for below in part.children:
        if below.id in open:
            last = _take_in(below, items, open, found, last)
        elif below.id not in items:
            found[last].append(below.id)
        else:
            last = below.id
            if isinstance(items[last], Cluster):
                _take_in(below, items, open, found, last)
    return last
