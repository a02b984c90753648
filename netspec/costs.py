"""Shapes → costs: parameters, multiply-adds, other operations, depth; each exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from netspec.graph import Graph, Node, NodeId
from netspec.shapes import Shapes


class NodeCost(NamedTuple):
    """What one node costs for one image: parameters, multiply-adds, other operations."""

    params: int = 0
    macs: int = 0
    other: int = 0

    def __add__(self, more: tuple[object, ...]) -> NodeCost:
        return NodeCost(*(a + b for a, b in zip(self, more, strict=True)))  # type: ignore[operator]  # NodeCosts add


Costs = Mapping[NodeId, NodeCost]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the network: in inference, in the training-only heads, and together."""

    inference: NodeCost
    heads: NodeCost
    depth: int
    depth_with_pooling: int

    @property
    def training(self) -> NodeCost:
        return self.inference + self.heads


def measure(graph: Graph, shapes: Shapes) -> Costs:
    """Return the cost of every node."""
    return {node.id: _cost(node, shapes) for node in graph.nodes.values()}


def _cost(node: Node, shapes: Shapes) -> NodeCost:
    inputs = [shapes[source] for source in node.inputs]
    params = sum(prod(shape) for shape in node.op.weights(*inputs).values())  # type: ignore[arg-type]  # integers
    return NodeCost(params, *node.op.cost(*inputs))


def sum_up(graph: Graph, costs: Costs) -> Totals:
    """Return the network's totals and its depth as papers count it."""
    heads = [costs[node.id] for node in graph.nodes.values() if node.train_only]
    return Totals(
        total(costs[node.id] for node in graph.inference()),
        total(heads),
        depth(graph, lambda node: costs[node.id].params > 0),
        depth(graph, lambda node: costs[node.id].params > 0 or node.op.style == "pool"),
    )


def total(costs: Iterable[NodeCost]) -> NodeCost:
    """Add up costs."""
    columns = list(zip(*costs, strict=True))
    return NodeCost(*map(sum, columns)) if columns else NodeCost()


def depth(graph: Graph, counts) -> int:  # type: ignore[no-untyped-def]
    """Return how many counted nodes lie on the longest path of the inference network."""
    longest: dict[NodeId, int] = dict.fromkeys(graph.inputs, 0)
    for node in graph.inference():
        longest[node.id] = max(longest[source] for source in node.inputs) + bool(counts(node))
    return max(longest.values(), default=0)
