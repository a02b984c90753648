"""Computes a network again with one value of the file changed; only what lies behind it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from netspec import limits
from netspec.analysis.repair.budget import Budget
from netspec.analysis.repair.tokens import Token, rebound
from netspec.graph.model import Graph, Node, NodeId, Sizes
from netspec.language.model import Spec
from netspec.language.terms import Value
from netspec.ops.base import Op, product
from netspec.ops.dim import substitute

Shapes = Mapping[NodeId, Sizes]
Key = tuple[NodeId | str, int]
"""A number that a contract fixes: a dimension of a layer's output, or (metric, 0)."""
Wanted = Mapping[Key, int]
_Work = tuple[int, int]
"""Parameters and multiply-adds."""


class Trial:
    """What would follow from other values, as far as a budget reaches.

    `refused` is a layer that PyTorch would refuse as the spec stands; with `is_local` what lies
    behind it does not matter.
    """

    def __init__(
        self,
        spec: Spec,
        graph: Graph,
        shapes: Shapes,
        wanted: Wanted,
        budget: Budget,
        refused: NodeId | None = None,
    ) -> None:
        self.budget = budget
        self.refused = refused
        self.is_local = False
        self._spec = spec
        self._graph = graph
        self._shapes = shapes
        self._wanted = wanted
        self._seen: dict[tuple[object, ...], tuple[Op, tuple[Sizes, _Work] | None]] = {}
        self._order = {node: i for i, node in enumerate(graph.nodes)}
        self._nodes = list(graph.nodes.values())
        self._readers: dict[NodeId, list[int]] = {}
        for i, node in enumerate(self._nodes):
            for source in node.inputs:
                self._readers.setdefault(source, []).append(i)
        self._claims: dict[NodeId, list[Key]] = {}
        self._totals: dict[str, int] = {}
        for subject, index in wanted:
            if isinstance(subject, tuple):
                self._claims.setdefault(subject, []).append((subject, index))
            else:
                self._totals[subject] = 0
        self._unmet = {key for key in wanted if not self._holds(key)}
        self._work = {
            node.id: self._counted(node.op, tuple(shapes[source] for source in node.inputs))
            for node in self._nodes
            if node.id in shapes
        }
        for metric in self._totals:
            self._totals[metric] = self._total(metric)

    def actual(self, key: Key) -> int:
        """Return the number that a contract is about, as the spec stands."""
        subject, index = key
        if isinstance(subject, tuple):
            return self._shapes[subject][index]
        return self._totals[subject]

    def _holds(self, key: Key) -> bool:
        """Tell whether a layer is as a contract says."""
        shape = self._shapes.get(key[0], ()) if isinstance(key[0], tuple) else ()
        return key[1] < len(shape) and shape[key[1]] == self._wanted[key]

    def inputs_of_refused(self) -> list[Sizes]:
        """Return what the refused layer reads."""
        node = self._graph.nodes[self.refused] if self.refused else None
        return [self._shapes[source] for source in node.inputs] if node else []

    def _total(self, metric: str) -> int:
        column = int(metric.endswith("macs"))
        counted = (node.id for node in self._nodes if node.id in self._work)
        return sum(self._work[node][column] for node in counted if self._counts(node, metric))

    def _counts(self, id: NodeId, metric: str) -> bool:
        """Tell whether a node counts: shared weights count where they belong, heads in training."""
        node = self._graph.nodes[id]
        if node.train_only and not metric.startswith("train_"):
            return False
        return node.owner == node.id or metric.endswith("macs")

    def mends(self, token: Token, new: Value, faults: Mapping[Key, int]) -> bool:
        """Tell whether a value leaves no contract broken and no layer refused."""
        after = self.faults(token, new)
        return after is not None and all(key in after for key in faults)

    def faults(self, token: Token, new: Value, is_probe: bool = False) -> dict[Key, int] | None:
        """Return by how much a value misses the contracts that it touches.

        None: the value does not fit, or breaks a contract; a probe may miss sums, and what does
        not hold as the spec stands.
        """
        change = _Change(token, new)
        if token.feeds_input:
            change.shapes.update(self._inputs(token, new))
        queue = sorted({self._order[node] for node in token.nodes} | self._behind(change.shapes))
        waiting = set(queue)
        missed: dict[Key, int] = {}
        while queue:
            node = self._nodes[heapq.heappop(queue)]
            if not self._step(node, change) or not self._meets(node.id, change, missed, is_probe):
                return None
            if self.is_local and node.id == self.refused:
                return missed
            if node.id in change.shapes:
                for reader in self._behind([node.id]) - waiting:
                    waiting.add(reader)
                    heapq.heappush(queue, reader)
        if self.refused and self.refused not in change.shapes:
            return None
        for metric, total in self._totals.items():
            missed[metric, 0] = total + self._more(metric, change) - self._wanted[metric, 0]
        return missed if is_probe or not any(missed.values()) else None

    def _meets(self, node: NodeId, change: _Change, missed: dict[Key, int], is_probe: bool) -> bool:
        """Note how a node's new shape meets its contracts; tell whether it may go on."""
        shape = change.shapes.get(node) or self._shapes[node]
        for key in self._claims.get(node, ()):
            missed[key] = shape[key[1]] - self._wanted[key] if key[1] < len(shape) else 1
            if missed[key] and not (is_probe and key in self._unmet):
                return False
        return True

    def _behind(self, nodes: Iterable[NodeId]) -> set[int]:
        return {i for node in nodes for i in self._readers.get(node, ())}

    def _inputs(self, token: Token, new: Value) -> Iterator[tuple[NodeId, Sizes]]:
        values = {
            name: new if self._spec.params[name].span == token.replaces else value
            for name, value in self._graph.params.items()
        }
        for name, shape in self._spec.inputs.items():
            written = token.put(shape.value, new) if shape.span == token.replaces else shape.value
            yield (name,), substitute(written, values)  # type: ignore[misc]  # sizes, as before

    def _step(self, node: Node, change: _Change) -> bool:
        """Compute one node; tell whether PyTorch would accept it."""
        found = (change.shapes.get(source) or self._shapes.get(source) for source in node.inputs)
        inputs = tuple(shape for shape in found if shape)
        op = _rebound(node, change) if node.id in change.token.nodes else node.op
        if op is None or len(inputs) < len(node.inputs) or not self.budget.spend():
            return False
        result = self._result(op, inputs)
        if result is None:
            return False
        shape, change.work[node.id] = result
        if shape != self._shapes.get(node.id):
            change.shapes[node.id] = shape
        return True

    def _result(self, op: Op, inputs: tuple[Sizes, ...]) -> tuple[Sizes, _Work] | None:
        """Return an op's output shape and work, or None where PyTorch would refuse."""
        key = (id(op), inputs)
        if key not in self._seen:
            self._seen[key] = op, None
            shape = _shape(op, inputs)
            if shape is not None:
                self._seen[key] = op, (shape, self._counted(op, inputs))
        return self._seen[key][1]

    def _counted(self, op: Op, inputs: tuple[Sizes, ...]) -> _Work:
        """Return parameters and multiply-adds, where a contract fixes them."""
        weights = op.weights(*inputs).values() if self._totals else ()
        macs = op.cost(*inputs).macs if any("macs" in metric for metric in self._totals) else 0
        return sum(product(shape) for shape in weights), macs

    def _more(self, metric: str, change: _Change) -> int:
        """Return by how much a sum grows."""
        column = int(metric.endswith("macs"))
        return sum(
            new[column] - self._work.get(node, (0, 0))[column]
            for node, new in change.work.items()
            if self._counts(node, metric)
        )


@dataclass(slots=True)
class _Change:
    """What follows from another value: the shapes and the work that differ."""

    token: Token
    new: Value
    shapes: dict[NodeId, Sizes] = field(default_factory=dict)
    work: dict[NodeId, _Work] = field(default_factory=dict)


def _shape(op: Op, inputs: tuple[Sizes, ...]) -> Sizes | None:
    """Return an op's output shape, or None where PyTorch would refuse."""
    if any(op.rank is not None and len(x) != op.rank for x in inputs) or any(op.check(*inputs)):
        return None
    shape = op.shape(*inputs)
    if any(type(size) is not int or not 0 < size <= limits.SIZE for size in shape):
        return None
    return shape  # type: ignore[return-value]  # integers, as checked


def _rebound(node: Node, change: _Change) -> Op | None:
    """Return a node's op with a value of the file changed, or None where it does not fit."""
    try:
        return rebound(node, change.token.arguments(node, change.new))
    except (ValidationError, ArithmeticError, TypeError):
        return None
