"""Graph → the backward pass: which gradients it takes, and what they multiply.

A tensor needs a gradient where parameters lie before it and an output behind it, which is what
PyTorch's autograd computes for images that need none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netspec.analysis.costs import Costs
from netspec.analysis.shapes import Shapes
from netspec.analysis.types import held_by
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import INTEGER, Gradients


def learnt(graph: Graph, shapes: Shapes) -> Collection[NodeId]:
    """Return the nodes whose outputs depend on parameters; the inputs of the network never do."""
    held = held_by(graph)
    found: set[NodeId] = set()
    for node in graph.nodes.values():
        is_learnt = any(source in found for source in computed_from(node, shapes))
        is_learnt = is_learnt or bool(node.op.weights(*(shapes[x] for x in node.inputs)))
        if is_learnt and held[node.id] != INTEGER:
            found.add(node.id)
    return found


def wanting(graph: Graph, shapes: Shapes) -> Collection[NodeId]:
    """Return the nodes whose outputs need a gradient."""
    heard = {output.node for output in graph.outputs}
    for node in reversed(list(graph.nodes.values())):
        if node.id in heard:
            heard.update(computed_from(node, shapes))
    return heard.intersection(learnt(graph, shapes))


def computed_from(node: Node, shapes: Shapes) -> tuple[NodeId, ...]:
    """Return the inputs whose elements a node reads; of others it takes the size alone."""
    return node.inputs[: node.op.computed_from(*(shapes[x] for x in node.inputs))]


def backward(graph: Graph, shapes: Shapes, costs: Costs) -> Mapping[NodeId, Gradients]:
    """Return the multiply-adds of the backward pass at every node, for one image."""
    wanted = wanting(graph, shapes)
    return {
        node.id: node.op.backward(
            tuple(source in wanted for source in node.inputs),
            *(shapes[source] for source in node.inputs),
        )
        if node.id in wanted and costs[node.id].macs
        else Gradients()
        for node in graph.nodes.values()
    }
