"""Shapes → what training holds from the forward pass to the backward pass, in bytes.

That is what PyTorch's operators save: each storage once, however many save it or see a part of it.
Weights are no activations, but the copies are that autocast makes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from netspec.analysis.layouts import Feed, Layouts, bytes_of, lay_out
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId


def held_for_backward(graph: Graph, shapes: Shapes, feed: Feed) -> Mapping[NodeId, int]:
    """Return the bytes kept of each input and node: of its output, and of what it makes."""
    layouts = lay_out(graph, shapes, graph.nodes.values(), feed, training=True)
    held = Counter[NodeId]()
    # A node without inputs is a weight or a constant.
    done: set[object] = {id for id, node in graph.nodes.items() if not node.inputs}
    for node in graph.nodes.values():
        if layouts.tensors[node.id].learns:
            _keep(node, layouts, held, done)
    return held


def _keep(node: Node, layouts: Layouts, held: Counter[NodeId], done: set[object]) -> None:
    """Count what backward keeps of a node; `done` is what was counted before."""
    case = layouts.cases[node.id]
    owners = [layouts.owners[node.id]] if case.kept.output else []
    for place in case.kept.inputs:
        size = case.casts[place]
        if size is None:
            owners.append(layouts.owners[node.inputs[place]])
        else:
            held[node.id] += size
    for owner in owners:
        if owner not in done:
            done.add(owner)
            held[owner] += layouts.size(owner)
    held[node.id] += sum(map(bytes_of, case.kept.made))
    for name, size in case.weights:
        if (node.owner, name) not in done:
            done.add((node.owner, name))
            held[node.id] += size
