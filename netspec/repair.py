"""Which single number of a spec, were it another, would make its broken contracts hold.

A layer's arguments are tried one number at a time; only the layers behind it are computed again.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pydantic import ValidationError

from netspec.diagnostics import Span
from netspec.dim import names, substitute
from netspec.graph import Graph, Node, NodeId, Sizes
from netspec.ops.arguments import MAX_SIZE
from netspec.ops.base import Op, product
from netspec.spec.model import Spec

METRICS = ("params", "macs", "train_params", "train_macs")
_BUDGET = 20_000
_SMALL = 12

Shapes = Mapping[NodeId, Sizes]
Key = tuple[NodeId | str, int]
"""A number that a contract fixes: a dimension of a layer's output, or (metric, 0)."""
Wanted = Mapping[Key, int]
_Work = tuple[int, int]
"""Parameters and multiply-adds."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A number in the file, and the one that would make every contract hold."""

    span: Span
    old: int
    new: int

    @property
    def is_slip(self) -> bool:
        """Tell whether one character lost, doubled, wrong or swapped makes the difference."""
        old, new = str(self.old), str(self.new)
        if len(old) == len(new):
            odd = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
            return len(odd) == 1 or (odd[1:] == [odd[0] + 1] and sorted(old) == sorted(new))
        short, long = sorted((old, new), key=len)
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def find(
    spec: Spec, graph: Graph, shapes: Shapes, wanted: Wanted, broken: Iterable[Key]
) -> list[Fix]:
    """Return the changes of one number that mend every broken contract and break none.

    The search is bounded, so that it may miss some in a large network.
    """
    trial = _Trial(spec, graph, shapes, wanted)
    faults = {key: trial.actual(key) - wanted[key] for key in broken}
    fixes: list[Fix] = []
    behind = _ancestors(next(iter(faults))[0], graph)
    for token in _tokens(spec, graph):
        if not token.is_input and behind.isdisjoint(token.nodes):
            continue
        for new in _candidates(token, trial, faults):
            if trial.budget <= 0:
                return fixes
            if trial.mends(token, new, faults):
                fixes.append(Fix(token.span, token.value, new))
                break
    slips = [fix for fix in fixes if fix.is_slip]
    return slips if len(slips) == 1 else fixes


def _ancestors(subject: NodeId | str, graph: Graph) -> set[NodeId]:
    """Return the nodes that can decide what a contract is about."""
    if isinstance(subject, str):
        return set(graph.nodes)
    found: set[NodeId] = set()
    queue = [subject]
    while queue:
        node = queue.pop()
        if node not in found and node in graph.nodes:
            found.add(node)
            queue += graph.nodes[node].inputs
    return found


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
    after = trial.faults(token, token.value + 1, spared=faults)
    if after is not None and all(key[1] == 0 and key not in after for key in faults):
        return
    values = _on_the_line(token, trial, faults, after or {})
    if after is None or token.value < _SMALL:
        values += _slips(token.value)
    seen = {token.value, 0}
    for value in values:
        if value not in seen and 0 < value <= MAX_SIZE:
            seen.add(value)
            yield value


def _on_the_line(
    token: _Token, trial: _Trial, faults: Mapping[Key, int], after: Mapping[Key, int]
) -> list[int]:
    key, fault = next(iter(faults.items()))
    values = []
    if after.get(key, fault) != fault:
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
    yield from range(1, _SMALL) if value < _SMALL else ()
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

    def _total(self, metric: str) -> int:
        column, heads = int(metric.endswith("macs")), metric.startswith("train_")
        counted = (node for node in self._nodes if heads or not node.train_only)
        return sum(self._work[node.id][column] for node in counted if node.id in self._work)

    def mends(self, token: _Token, new: int, faults: Mapping[Key, int]) -> bool:
        """Tell whether a value leaves no contract broken."""
        after = self.faults(token, new)
        return after is not None and all(key in after for key in faults)

    def faults(
        self, token: _Token, new: int, spared: Collection[Key] = ()
    ) -> dict[Key, int] | None:
        """Return by how much a value misses the contracts that it touches.

        None: the value does not fit, or breaks a contract that is not spared.
        """
        change = _Change(token, new)
        if token.is_input:
            change.shapes.update(self._inputs(token, new))
        queue = sorted({self._order[node] for node in token.nodes} | self._behind(change.shapes))
        waiting = set(queue)
        missed: dict[Key, int] = {}
        while queue:
            node = self._nodes[heapq.heappop(queue)]
            if not self._step(node, change) or not self._meets(node.id, change, missed, spared):
                return None
            if node.id in change.shapes:
                for reader in self._behind([node.id]) - waiting:
                    waiting.add(reader)
                    heapq.heappush(queue, reader)
        for metric, total in self._totals.items():
            missed[metric, 0] = total + self._more(metric, change) - self._wanted[metric, 0]
        return missed if all(key in spared for key in missed if missed[key]) else None

    def _meets(
        self, node: NodeId, change: _Change, missed: dict[Key, int], spared: Collection[Key]
    ) -> bool:
        """Note how a node's new shape meets its contracts; tell whether it may go on."""
        shape = change.shapes.get(node) or self._shapes[node]
        for key in self._claims.get(node, ()):
            missed[key] = shape[key[1]] - self._wanted[key] if key[1] < len(shape) else 1
            if missed[key] and key not in spared:
                return False
        return True

    def _behind(self, nodes: Iterable[NodeId]) -> set[int]:
        return {i for node in nodes for i in self._readers.get(node, ())}

    def _inputs(self, token: _Token, new: int) -> Iterator[tuple[NodeId, Sizes]]:
        values = {
            name: new if self._spec.params[name].span == token.span else value
            for name, value in self._graph.params.items()
        }
        for name, shape in self._spec.inputs.items():
            yield (name,), substitute(shape.value, values)  # type: ignore[misc]  # sizes, as before

    def _step(self, node: Node, change: _Change) -> bool:
        """Compute one node; tell whether PyTorch would accept it."""
        self.budget -= 1
        found = (change.shapes.get(source) or self._shapes.get(source) for source in node.inputs)
        inputs = tuple(shape for shape in found if shape)
        op = _rebound(node, change) if node.id in change.token.nodes else node.op
        if op is None or len(inputs) < len(node.inputs) or self.budget <= 0:
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
        column, heads = int(metric.endswith("macs")), metric.startswith("train_")
        return sum(
            new[column] - self._work.get(node, (0, 0))[column]
            for node, new in change.work.items()
            if heads or not self._graph.nodes[node].train_only
        )


@dataclass(slots=True)
class _Change:
    """What follows from another number: the shapes and the work that differ."""

    token: _Token
    new: int
    shapes: dict[NodeId, Sizes] = field(default_factory=dict)
    work: dict[NodeId, _Work] = field(default_factory=dict)


def _shape(op: Op, inputs: tuple[Sizes, ...]) -> Sizes | None:
    """Return an op's output shape, or None where PyTorch would refuse."""
    if any(op.rank is not None and len(x) != op.rank for x in inputs) or any(op.check(*inputs)):
        return None
    shape = op.shape(*inputs)
    if any(type(size) is not int or not 0 < size <= MAX_SIZE for size in shape):
        return None
    return shape  # type: ignore[return-value]  # integers, as checked


def _rebound(node: Node, change: _Change) -> Op | None:
    """Return a node's op with a number of the file changed, or None where it does not fit."""
    span, new = change.token.span, change.new
    values = {name: new if b.span == span else b.value for name, b in node.bindings.items()}
    try:
        arguments = {
            key: new if argument.span == span else substitute(argument.value, values)
            for key, argument in node.call.arguments.items()
        }
        return type(node.op).model_validate(arguments)
    except (ValidationError, ArithmeticError, TypeError):
        return None
