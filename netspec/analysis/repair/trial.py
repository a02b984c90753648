"""What would follow from one other value of the file: the stages themselves, behind it alone.

Shapes and costs are computed by the functions that computed them first. A search tries hundreds of
values, so only the layers behind a change are computed, and a trial ends at the first layer that
is refused or breaks a contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.analysis.case import Case
from netspec.analysis.claims import Key, Wanted
from netspec.analysis.costs import Costs, NodeCost, measure
from netspec.analysis.repair.tokens import Misfit, Token
from netspec.analysis.shapes import Changed, Inference
from netspec.graph.model import Graph, Node, NodeId, Sizes
from netspec.language.terms import Value


class Trial:
    """What would follow from other values, as far as a budget reaches.

    `refused` is a layer that PyTorch would refuse as the spec stands; with `is_local` what lies
    behind it does not matter.
    """

    def __init__(self, case: Case, wanted: Wanted, refused: NodeId | None = None) -> None:
        self.refused = refused
        self.is_local = False
        self._case = case
        self._graph = graph = case.graph
        self._shapes = shapes = case.shapes
        self._wanted = wanted
        self._inference = Inference(graph)
        self._claims: dict[NodeId, list[Key]] = {}
        for subject, index in wanted:
            if isinstance(subject, tuple):
                self._claims.setdefault(subject, []).append((subject, index))
        # What stands behind a refused layer has no shape, and costs nothing yet.
        known = {id: node for id, node in graph.nodes.items() if id in shapes}
        metrics = [subject for subject, _ in wanted if isinstance(subject, str)]
        self._costs = measure(replace(graph, nodes=known), shapes) if metrics else {}
        self._totals = {metric: self._sum(metric, self._costs) for metric in metrics}

    def actual(self, key: Key) -> int:
        """Return the number that a contract is about, as the spec stands."""
        subject, index = key
        if isinstance(subject, tuple):
            return self._shapes[subject][index]
        return self._totals[subject]

    def fixed(self) -> set[NodeId]:
        """Return the layers whose whole shape a contract fixes, and rightly."""
        return {
            node
            for node, keys in self._claims.items()
            if len(keys) == len(self._shapes.get(node, ())) and all(map(self._holds, keys))
        }

    def _holds(self, key: Key) -> bool:
        """Tell whether a layer is as a contract says."""
        shape = self._shapes.get(key[0], ()) if isinstance(key[0], tuple) else ()
        return key[1] < len(shape) and shape[key[1]] == self._wanted[key]

    def inputs_of(self, node: NodeId) -> list[Sizes]:
        """Return what a layer reads."""
        return [self._shapes[source] for source in self._graph.nodes[node].inputs]

    def mends(self, token: Token, new: Value, faults: Mapping[Key, int]) -> bool:
        """Tell whether a value leaves no contract broken and no layer refused."""
        after = self.faults(token, new)
        return after is not None and all(key in after for key in faults)

    def faults(self, token: Token, new: Value, is_probe: bool = False) -> dict[Key, int] | None:
        """Return by how much a value misses the contracts that it touches.

        None: the value does not fit, or breaks a contract; a probe may miss sums, and what does
        not hold as the spec stands.
        """
        try:
            return self._follow(_Edited(self._graph, token, new), is_probe)
        except Misfit:
            return None

    def _follow(self, nodes: _Edited, is_probe: bool) -> dict[Key, int] | None:
        missed: dict[Key, int] = {}
        seen: dict[NodeId, Node] = {}
        inputs = nodes.token.inputs(self._case.spec, self._graph.params, nodes.new)
        shapes = Changed(self._shapes, inputs)
        for node, result in self._inference.again(nodes.token.nodes, nodes, shapes):
            if result is None or result[1] or not self._case.budget.spend():
                return None
            for key in self._claims.get(node.id, ()):
                missed[key] = self._gap(key, result[0])
                if missed[key] and (not is_probe or self._holds(key)):
                    return None
            if self.is_local and node.id == self.refused:
                return missed
            seen[node.id] = node
        # The change does not reach the refused layer, which is then refused as before.
        if self.refused and self.refused not in seen:
            return None
        missed |= self._missed_totals(seen, shapes)
        broken = any(missed[metric, 0] for metric in self._totals)
        return None if broken and not is_probe else missed

    def _gap(self, key: Key, shape: Sizes) -> int:
        """Return by how much a shape misses a contract; 1 where it has no such dimension."""
        return shape[key[1]] - self._wanted[key] if key[1] < len(shape) else 1

    def _missed_totals(self, nodes: Mapping[NodeId, Node], shapes: Changed) -> dict[Key, int]:
        """Return by how much the network's sums are missed if some nodes are others."""
        if not self._totals:
            return {}
        before = {id: self._costs.get(id, NodeCost()) for id in nodes}
        after = measure(replace(self._graph, nodes=nodes), shapes)
        return {
            (metric, 0): total
            + self._sum(metric, after)
            - self._sum(metric, before)
            - self._wanted[metric, 0]
            for metric, total in self._totals.items()
        }

    def _sum(self, metric: str, costs: Costs) -> int:
        """Add up what `expect` calls so; heads count in training only."""
        column = metric.removeprefix("train_")
        return sum(
            getattr(cost, column)
            for id, cost in costs.items()
            if metric != column or not self._graph.nodes[id].train_only
        )


class _Edited(dict[NodeId, Node]):
    """A graph's nodes with one value of the file changed, each made when it is asked for."""

    def __init__(self, graph: Graph, token: Token, new: Value) -> None:
        super().__init__()
        self.token = token
        self._graph = graph
        self.new = new

    def __missing__(self, id: NodeId) -> Node:
        node = self._graph.nodes[id]
        if id not in self.token.nodes:
            return node
        self[id] = node._replace(op=self.token.op(node, self.new))
        return self[id]
