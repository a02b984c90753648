"""Which single number of a spec, were it another, would make its broken contracts hold.

A layer's arguments are tried one number at a time; only the layers behind it are computed again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pydantic import ValidationError

from netspec.diagnostics import Span
from netspec.dim import names, substitute
from netspec.graph import Bindings, Graph, Node, NodeId, Sizes
from netspec.ops.arguments import MAX_SIZE
from netspec.ops.base import Op, product
from netspec.spec.model import Spec, Value

METRICS = ("params", "macs", "train_params", "train_macs")
_BUDGET = 20_000
_SMALL = 12

Shapes = Mapping[NodeId, Sizes]
Key = tuple[NodeId | str, int]
"""A number that a contract fixes: a dimension of a layer's output, or (metric, 0)."""
Wanted = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Fix:
    """A number in the file, and the one that would make every contract hold."""

    span: Span
    old: int
    new: int


def find(spec: Spec, graph: Graph, shapes: Shapes, wanted: Wanted, broken: Iterable[Key]) -> list[Fix]:
    """Return the changes of one number that mend every broken contract and break none.

    The search is bounded, so that it may miss some in a large network.
    """
    trial = _Trial(spec, graph, shapes, wanted)
    faults = {key: trial.actual(key) - wanted[key] for key in broken}
    fixes: list[Fix] = []
    for token in _tokens(spec, graph):
        for new in _candidates(token, trial, faults):
            if trial.budget <= 0:
                return fixes
            if trial.mends(token, new, faults):
                fixes.append(Fix(token.span, token.value, new))
                break
    return fixes


@dataclass(slots=True)
class _Token:
    """A number in the file, and the layers that it feeds."""

    span: Span
    value: int
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    is_input: bool = False


def _tokens(spec: Spec, graph: Graph) -> list[_Token]:
    """Return every integer that decides an argument; a number that reaches layers changed, not."""
    found: dict[Span, _Token] = {}
    mixed: set[Span] = set()

    def note(span: Span, value: object) -> _Token:
        token = found.setdefault(span, _Token(span, value if type(value) is int else 0))
        if type(value) is not int or token.value != value:
            mixed.add(span)
        return token

    for node in graph.nodes.values():
        for argument in node.call.arguments.values():
            if type(argument.value) is int:
                note(argument.span, argument.value).nodes[node.id] = node
            for name in names(argument.value):
                bound = node.bindings[name]
                note(bound.span, bound.value).nodes[node.id] = node
    for name in {n for shape in spec.inputs.values() for n in names(shape.value)}:
        note(spec.params[name].span, graph.params[name]).is_input = True
    return [token for span, token in found.items() if span not in mixed]


def _candidates(token: _Token, trial: _Trial, faults: Mapping[Key, int]) -> Iterator[int]:
    """Yield other values: what a straight line through two trials says, then small slips."""
    seen = {token.value, 0}
    for value in (*_on_the_line(token, trial, faults), *_slips(token.value)):
        if value not in seen and 0 < value <= MAX_SIZE:
            seen.add(value)
            yield value


def _on_the_line(token: _Token, trial: _Trial, faults: Mapping[Key, int]) -> list[int]:
    key, fault = next(iter(faults.items()))
    after = trial.faults(token, token.value + 1)
    values = []
    if after and after.get(key, fault) != fault:
        step = Fraction(-fault, after[key] - fault)
        values += [token.value + int(step)] if step.denominator == 1 else []
    if isinstance(key[0], tuple):
        actual = trial.actual(key)
        middle = round(Fraction(token.value * (actual - fault), actual))
        values += [middle, middle - 1, middle + 1]
    return values


def _slips(value: int) -> Iterator[int]:
    """Yield small numbers, and what a slipped finger may have made a number from."""
    text = str(value)
    yield from range(1, _SMALL) if value < 100 else ()
    for i in range(len(text)):
        yield int(text[:i] + text[i + 1 :] or 0)
        yield int(text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :])


class _Trial:
    """Computes a network again with one number changed."""

    def __init__(self, spec: Spec, graph: Graph, shapes: Shapes, wanted: Wanted) -> None:
        self.budget = _BUDGET
        self._spec = spec
        self._graph = graph
        self._shapes = shapes
        self._wanted = wanted
        self._order = {node: i for i, node in enumerate(graph.nodes)}
        self._nodes = list(graph.nodes.values())
        self._readers: dict[NodeId, list[int]] = {}
        for i, node in enumerate(self._nodes):
            for source in node.inputs:
                self._readers.setdefault(source, []).append(i)
        self._work = {
            node.id: _work(node.op, [shapes[source] for source in node.inputs])
            for node in self._nodes
            if node.id in shapes
        }
        self._claims: dict[NodeId, list[Key]] = {}
        self._totals: dict[str, int] = {}
        for subject, index in wanted:
            if isinstance(subject, tuple):
                self._claims.setdefault(subject, []).append((subject, index))
            else:
                self._totals[subject] = self._total(subject)

    def actual(self, key: Key) -> int:
        """Return the number that a contract is about, as the spec stands."""
        subject, index = key
        if isinstance(subject, tuple):
            return self._shapes[subject][index]
        return self._totals[subject]

    def _total(self, metric: str) -> int:
        column, heads = int(metric.endswith("macs")), metric.startswith("train_")
        counted = (node for node in self._nodes if heads or not node.train_only)
        return sum(self._work[node.id][column] for node in counted if node.id in self._work)

    def mends(self, token: _Token, new: int, faults: Mapping[Key, int]) -> bool:
        """Tell whether a value leaves no contract broken."""
        after = self.faults(token, new)
        return after is not None and all(key in after for key in faults) and not any(after.values())

    def faults(self, token: _Token, new: int) -> dict[Key, int] | None:
        """Return by how much contracts are missed that a value touches; None: it does not fit."""
        shapes: dict[NodeId, Sizes] = {}
        work: dict[NodeId, tuple[int, int]] = {}
        if token.is_input:
            shapes.update(self._inputs(token, new))
        queue = sorted({self._order[node] for node in token.nodes} | self._behind(shapes))
        waiting = set(queue)
        while queue:
            i = heapq.heappop(queue)
            node = self._nodes[i]
            self.budget -= 1
            if self.budget <= 0 or not self._step(node, token, new, shapes, work):
                return None
            if node.id in shapes:
                for reader in self._behind([node.id]) - waiting:
                    waiting.add(reader)
                    heapq.heappush(queue, reader)
        return self._missed(shapes, work)

    def _behind(self, nodes: Iterable[NodeId]) -> set[int]:
        return {i for node in nodes for i in self._readers.get(node, ())}

    def _inputs(self, token: _Token, new: int) -> Iterator[tuple[NodeId, Sizes]]:
        values = {
            name: new if self._spec.params[name].span == token.span else value
            for name, value in self._graph.params.items()
        }
        for name, shape in self._spec.inputs.items():
            yield (name,), substitute(shape.value, values)  # type: ignore[misc]  # sizes, as before

    def _step(
        self,
        node: Node,
        token: _Token,
        new: int,
        shapes: dict[NodeId, Sizes],
        work: dict[NodeId, tuple[int, int]],
    ) -> bool:
        """Compute one node; tell whether PyTorch would accept it."""
        inputs = [shapes.get(source) or self._shapes.get(source) for source in node.inputs]
        known = [x for x in inputs if x is not None]
        op = _rebound(node, token, new) if node.id in token.nodes else node.op
        if op is None or len(known) < len(inputs):
            return False
        if any(op.rank is not None and len(x) != op.rank for x in known) or any(op.check(*known)):
            return False
        shape = op.shape(*known)
        if any(type(size) is not int or not 0 < size <= MAX_SIZE for size in shape):
            return False
        if shape != self._shapes.get(node.id):
            shapes[node.id] = shape  # type: ignore[assignment]  # integers, as checked
        work[node.id] = _work(op, known)
        return True

    def _missed(
        self, shapes: Mapping[NodeId, Sizes], work: Mapping[NodeId, tuple[int, int]]
    ) -> dict[Key, int] | None:
        missed: dict[Key, int] = {}
        for node, shape in shapes.items():
            for key in self._claims.get(node, ()):
                if key[1] >= len(shape):
                    return None
                missed[key] = shape[key[1]] - self._wanted[key]
        for key, value in self._wanted.items():
            if isinstance(key[0], str):
                missed[key] = self.actual(key) + self._change(key[0], work) - value
        return missed

    def _change(self, metric: str, work: Mapping[NodeId, tuple[int, int]]) -> int:
        column, heads = int(metric.endswith("macs")), metric.startswith("train_")
        return sum(
            new[column] - self._work.get(node, (0, 0))[column]
            for node, new in work.items()
            if heads or not self._graph.nodes[node].train_only
        )


def _work(op: Op, inputs: list[Sizes]) -> tuple[int, int]:
    """Return parameters and multiply-adds."""
    params = sum(product(shape) for shape in op.weights(*inputs).values())
    return params, op.cost(*inputs).macs


def _rebound(node: Node, token: _Token, new: int) -> Op | None:
    """Return a node's op with a number of the file changed, or None where it does not fit."""
    bindings: Bindings = node.bindings
    values = {name: new if b.span == token.span else b.value for name, b in bindings.items()}

    def value_of(value: Value, span: Span) -> object:
        return new if span == token.span else substitute(value, values)

    try:
        arguments = {k: value_of(a.value, a.span) for k, a in node.call.arguments.items()}
        return type(node.op).model_validate(arguments)
    except (ValidationError, ArithmeticError, TypeError):
        return None
