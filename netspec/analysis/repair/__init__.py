"""Which single value of a spec, were it another, would make all that is broken hold.

A layer's arguments are tried one at a time; only the layers behind it are computed again. What
decides how many layers there are is tried by expanding the spec again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from math import isqrt

from netspec import limits
from netspec.analysis.repair import structure as structure
from netspec.analysis.repair.budget import Budget as Budget
from netspec.analysis.repair.fix import Fix as Fix
from netspec.analysis.repair.fix import shortened, slips
from netspec.analysis.repair.likely import Company, strangeness
from netspec.analysis.repair.tokens import Token, Tokens, half
from netspec.analysis.repair.trial import Key as Key
from netspec.analysis.repair.trial import Trial, Wanted
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId, Sizes
from netspec.language.model import Spec
from netspec.language.terms import Value
from netspec.ops.dim import Expr

_SMALL = 12
_USUAL = (3, 1, 2, 5, 7)
"""Kernels and strides."""
_SETUP = 2
"""How many layers can be looked through in the time that one takes to be computed again."""


def find(
    spec: Spec, graph: Graph, shapes: Shapes, wanted: Wanted, broken: Iterable[Key], budget: Budget
) -> list[Fix]:
    """Return the changes of one value that mend every broken contract and break none.

    The search is bounded, so that it may miss some in a large network.
    """
    if not budget.spend(len(graph.nodes) // _SETUP):
        return []
    trial = Trial(spec, graph, shapes, wanted, budget)
    faults = {key: trial.actual(key) - wanted[key] for key in broken}
    subject = next(iter(faults))[0]
    region = {*graph.nodes, *graph.inputs}
    if isinstance(subject, tuple):
        region = _region([subject], graph, trial.fixed())
    return _search(_Search(spec, graph, trial, faults, region, Company(spec)))


def find_fit(
    spec: Spec, graph: Graph, shapes: Shapes, wanted: Wanted, refused: Node, budget: Budget
) -> list[Fix]:
    """Return the changes of one value with which PyTorch accepts a layer, and contracts hold.

    If no change makes everything behind the layer hold too, those that mend the layer alone.
    """
    if not budget.spend(len(graph.nodes) // _SETUP):
        return []
    trial = Trial(spec, graph, shapes, wanted, budget, refused.id)
    region = _region(refused.inputs, graph, trial.fixed()) | {refused.id}
    search = _Search(spec, graph, trial, {}, region, Company(spec))
    found = _search(search)
    if not found:
        trial.is_local = True
        found = _search(search)
    return found


def _region(subjects: Iterable[NodeId], graph: Graph, fixed: Collection[NodeId]) -> set[NodeId]:
    """Return the nodes that can decide what some nodes give, those that contracts fix left out."""
    found: set[NodeId] = set()
    queue = list(subjects)
    while queue:
        node = queue.pop()
        if node not in found and node not in fixed:
            found.add(node)
            queue += graph.nodes[node].inputs if node in graph.nodes else ()
    return found


# ------------------------------------------------------------------ the search


@dataclass(frozen=True, slots=True)
class _Search:
    spec: Spec
    graph: Graph
    trial: Trial
    faults: Mapping[Key, int]
    region: Collection[NodeId]
    company: Company

    def tier(self, token: Token) -> tuple[bool, int]:
        """Return how old a token's place is; the youngest change is the likeliest mistake."""
        params = {param.span for param in self.spec.params.values()}
        defaults = {p.span for block in self.spec.blocks.values() for p in block.params.values()}
        depth = 1 if token.span in params or token.span in defaults else 0
        return token.span.source is not self.spec.source, 2 if token.feeds_input else depth

    def fix(self, token: Token, new: Value) -> Fix:
        fed = tuple(node for node in token.nodes if node in self.region)
        chance = strangeness(token, new), self.company.gain(token, new)
        return Fix(token.span, token.value, new, token.key, self.tier(token), fed, *chance)


def _search(search: _Search) -> list[Fix]:
    fixes: list[Fix] = []
    trial = search.trial
    for token in Tokens(search.spec, search.graph).all():
        feeds = token.feeds_input and any(name in search.region for name in search.graph.inputs)
        if not feeds and not any(node in search.region for node in token.nodes):
            continue
        for new in _candidates(token, search):
            if trial.budget.left <= 0:
                return _likeliest(fixes)
            if trial.mends(token, new, search.faults):
                fixes.append(search.fix(token, new))
                break
    return _likeliest(fixes)


def _likeliest(fixes: list[Fix]) -> list[Fix]:
    """Return the fixes at the youngest places, the likeliest first."""
    tier = min((fix.tier for fix in fixes), default=None)
    young = sorted((fix for fix in fixes if fix.tier == tier), key=lambda fix: fix.rank)
    return [fix for fix in young if fix.strangeness <= 0] or young


def _candidates(token: Token, search: _Search) -> Iterator[Value]:
    """Yield other values, the likeliest first, each once."""
    seen: set[Value] = set()
    for value in _values(token, search):
        is_new = value not in seen and (
            value != token.value or type(value) is not type(token.value)
        )
        if is_new and (type(value) is not int or 0 <= value <= limits.SIZE):
            seen.add(value)
            yield value


def _values(token: Token, search: _Search) -> Iterator[Value]:
    if isinstance(token.value, bool):
        yield not token.value
        return
    yield from _halves(token)
    if search.trial.refused:
        yield from _guesses(token, search)
    elif type(token.value) is int:
        yield from _solutions(token, search)
    elif token.value is None:
        yield from range(1, 4)


def _halves(token: Token) -> Iterator[Expr]:
    node = next(iter(token.nodes.values()), None)
    padding = node.call.arguments.get("padding") if node else None
    if node and (token.key == "padding" or (padding and padding.span == token.span)):
        found = half(node)
        yield from [found] if found else []


def _guesses(token: Token, search: _Search) -> Iterator[int]:
    """Yield what a number may be so that a layer fits: small ones, and the sizes that are there."""
    value = token.value if type(token.value) is int else 0
    if value < _SMALL:
        yield from _near(value)
    if value and not token.key:
        yield from _sizes(value, search.trial.inputs_of_refused())
        yield from slips(value)


def _sizes(value: int, shapes: list[Sizes]) -> Iterator[int]:
    """Yield what would make one size another, directly, in a sum or in a product."""
    for left, right in permutations(shapes, 2):
        for a, b in zip(left, right, strict=False):
            if a != b:
                yield from (a, value + a - b, value * a // b)


def _near(value: int) -> Iterator[int]:
    """Yield the small numbers, the nearest first."""
    yield from sorted(range(_SMALL), key=lambda number: abs(number - value))


def _solutions(token: Token, search: _Search) -> Iterator[int]:
    """Yield what a straight line or a parabola through trials says, then small slips."""
    value = token.value
    assert type(value) is int
    faults = search.faults
    after = search.trial.faults(token, value + 1, is_probe=True)
    if after is not None and all(key[1] == 0 and key not in after for key in faults):
        return
    if value >= _SMALL and any(key[1] > 0 for key in faults):
        yield from (*shortened(value), *_USUAL)
    yield from _on_the_curve(token, search, after or {})
    if after is None or value < _SMALL:
        yield from _near(value) if value < _SMALL else ()
        yield from slips(value)


def _on_the_curve(token: Token, search: _Search, after: Mapping[Key, int]) -> Iterator[int]:
    value = token.value
    assert type(value) is int
    key, fault = next(iter(search.faults.items()))
    first = after.get(key, fault) - fault
    if first and fault % first == 0:
        yield value - fault // first
    if isinstance(key[0], tuple):
        actual = search.trial.actual(key)
        middle = round(Fraction(value * (actual - fault), actual))
        yield from (middle, middle - 1, middle + 1)
    elif first and (then := search.trial.faults(token, value + 2, is_probe=True)):
        second = then.get(key, fault) - fault
        yield from (value + step for step in _roots(second - 2 * first, first, fault))


def _roots(bend: int, first: int, fault: int) -> Iterator[int]:
    """Yield the integers x with fault + first·x + bend·x·(x - 1) / 2 = 0."""
    if bend == 0:
        return
    slope = 2 * first - bend
    square = slope * slope - 8 * bend * fault
    if square >= 0 and isqrt(square) ** 2 == square:
        for root in (isqrt(square), -isqrt(square)):
            if (root - slope) % (2 * bend) == 0:
                yield (root - slope) // (2 * bend)
