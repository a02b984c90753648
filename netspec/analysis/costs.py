"""Shapes → costs: parameters, multiply-adds, other operations, depth; each exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import product


class NodeCost(NamedTuple):
    """What one node costs for one image: parameters, and operations of the forward pass.

    `seconds` is 0 unless the network was measured: no rule gives it.
    """

    params: int = 0
    macs: int = 0
    other: int = 0
    seconds: float = 0

    def times(self, count: int) -> NodeCost:
        """Return what so many cost."""
        params, macs, other, seconds = self
        return NodeCost(params * count, macs * count, other * count, seconds * count)

    @property
    def flops(self) -> int:
        """Two for one multiply-add."""
        return 2 * self.macs


Costs = Mapping[NodeId, NodeCost]
Depths = Mapping[NodeId, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the network: in inference, in the training-only heads, and in both."""

    inference: NodeCost
    heads: NodeCost
    depth: int
    depth_with_pooling: int

    @property
    def training(self) -> NodeCost:
        """The forward pass of training, with its heads."""
        return total((self.inference, self.heads))

    @property
    def metrics(self) -> Mapping[str, int]:
        """What `expect` can measure."""
        return {
            "params": self.inference.params,
            "macs": self.inference.macs,
            "depth": self.depth,
            "train_params": self.training.params,
            "train_macs": self.training.macs,
        }


def measure(graph: Graph, shapes: Shapes) -> Costs:
    """Return the cost of every node; shared weights count where they belong, MACs each time."""
    seen: dict[tuple[object, ...], NodeCost] = {}
    costs: dict[NodeId, NodeCost] = {}
    for node in graph.nodes.values():
        inputs = tuple([shapes[source] for source in node.inputs])
        is_shared = node.owner is not node.id and node.owner != node.id
        # The uses of a block share their ops, which the graph keeps, so that an id names one op.
        key = (id(node.op), is_shared, *inputs)
        if key not in seen:
            params = 0 if is_shared else sum(map(product, node.op.weights(*inputs).values()))
            seen[key] = NodeCost(params, *node.op.cost(*inputs))
        costs[node.id] = seen[key]
    return costs


def bias_params(node: Node, shapes: Shapes) -> int:
    """Return how many of a node's parameters are biases, which papers often leave out."""
    weights = node.op.weights(*(shapes[source] for source in node.inputs))
    return int(product(weights["bias"])) if "bias" in weights else 0


def sum_up(graph: Graph, costs: Costs) -> Totals:
    """Return the network's totals and its depth as papers count it."""
    inference = [node.id for node in graph.inference()]
    heads = [costs[node.id] for node in graph.nodes.values() if node.train_only]
    plain, pooled = depths(graph), depths(graph, pooling=True)
    depth, depth_with_pooling = (
        max((d[id] for id in inference), default=0) for d in (plain, pooled)
    )
    return Totals(total(costs[id] for id in inference), total(heads), depth, depth_with_pooling)


def total(costs: Iterable[NodeCost]) -> NodeCost:
    """Add up costs."""
    columns = list(zip(*costs, strict=True))
    return NodeCost(*map(sum, columns)) if columns else NodeCost()


def depths(graph: Graph, pooling: bool = False) -> Depths:
    """Return how many convolutions and linear layers lie on the longest path to each node.

    Papers count these: GoogLeNet has 22, ResNet-50 has 50 without its normalisations.
    With `pooling` the pooling layers count too.
    """
    longest: dict[NodeId, int] = dict.fromkeys(graph.inputs, 0)
    for id, node in graph.nodes.items():
        counts = node.op.has_depth or (pooling and node.op.is_pooling)
        above = [longest[source] for source in node.inputs]
        longest[id] = (above[0] if len(above) == 1 else max(above, default=0)) + counts
    return longest
