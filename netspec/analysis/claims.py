"""What a spec says about itself, by `shape:` and `expect:`, and whether it is so."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.analysis.costs import measure, sum_up
from netspec.analysis.shapes import Shapes, infer
from netspec.graph.bind import at_item, bind_value, is_size
from netspec.graph.model import Bound, Graph, NodeId, Sizes, Use
from netspec.language.model import Spec
from netspec.language.terms import Argument, Expectation
from netspec.ops.arguments import spell
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span

Key = tuple[NodeId | str, int]
"""A number that a contract fixes: a dimension of a layer's output, or (metric, 0)."""
Wanted = Mapping[Key, int]
Missed = Mapping[str, int]
"""By how much each broken item of `expect` is missed; 1 where it is out of bounds."""

_COMPARE = {
    "==": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


# ------------------------------------------------------------------ `shape:`


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A `shape:` at one of its uses."""

    use: Use
    span: Span
    sizes: tuple[int | None, ...]

    def __str__(self) -> str:
        return times(tuple("any" if size is None else size for size in self.sizes))

    def holds(self, shapes: Shapes) -> bool:
        """Tell whether the layer's shape is the one that is claimed; null is any size."""
        found = shapes.get(self.use.output, ())
        return len(found) == len(self.sizes) and not self.missed(found)

    def missed(self, found: Sizes) -> list[Key]:
        """Return the dimensions that are others than claimed, none if their number differs."""
        if len(found) != len(self.sizes):
            return []
        pairs = enumerate(zip(found, self.sizes, strict=True))
        return [(self.use.output, i) for i, (size, said) in pairs if said not in (None, size)]


def claims(graph: Graph, sink: Sink) -> list[Claim]:
    """Return every `shape:` of a network, or report why it is none."""
    found = []
    for use in graph.uses.values():
        if use.layer.said.shape is not None:
            bound = bind_value(use.layer.said.shape, use.bindings, sink)
            if bound and (sizes := _sizes(use.layer.said.shape, bound, sink)):
                found.append(Claim(use, use.layer.said.shape.span, sizes))
    return found


def _sizes(claimed: Argument, bound: Bound, sink: Sink) -> tuple[int | None, ...]:
    """Return a contract's sizes, null for any, or nothing after reporting what is no size."""
    values = bound.value if isinstance(bound.value, tuple) else (bound.value,)
    odd = [i for i, value in enumerate(values) if value is not None and not is_size(value)]
    if odd or not values:
        found = spell(values[odd[0]]) if odd else "an empty list"
        message = f"`shape` expects positive integers, found {found}"
        span, help = at_item(claimed, bound, odd[0]) if odd else (bound.span, "")
        help = help or "for example [64, 112, 112]; null is any size"
        sink.error(Code.RANGE, message, span, help=help)
        return ()
    return values  # type: ignore[return-value]  # integers, as checked


def sound(graph: Graph) -> Shapes | None:
    """Return the shapes of a network, or None where a layer is refused or a claim does not hold."""
    shapes, problems = infer(graph)
    sink = Sink()
    said = claims(graph, sink)
    # A claim that is no shape is a mistake of its own, which must not be taken for mended.
    is_sound = not (problems or sink.items) and all(claim.holds(shapes) for claim in said)
    return shapes if is_sound else None


def wanted(claims: Iterable[Claim]) -> dict[Key, int]:
    """Return the numbers that some claims fix."""
    return {(c.use.output, i): size for c in claims for i, size in enumerate(c.sizes) if size}


# ------------------------------------------------------------------ `expect:`


def exact(spec: Spec) -> dict[Key, int]:
    """Return the sums that `expect` gives exactly; how deep a network is, is no sum."""
    return {
        (item.metric, 0): int(item.value)
        for item in spec.expect
        if item.operator == "==" and item.metric != "depth"
    }


def broken(items: Iterable[Expectation], values: Mapping[str, int]) -> list[Expectation]:
    """Return the items of `expect` that do not hold."""
    return [x for x in items if not _COMPARE[x.operator](values[x.metric], x.value)]


def gap(item: Expectation, values: Mapping[str, int]) -> str:
    """Say by how much an item is missed."""
    found = values[item.metric] - item.value
    return f"`{item.metric}` is {abs(found):,.0f} too {'large' if found > 0 else 'small'}"


def misses(broken: Sequence[Expectation], values: Mapping[str, int]) -> Missed:
    """Return by how much sums are missed that are given exactly; 1 for those out of bounds."""
    return {
        item.metric: int(values[item.metric] - item.value) if item.operator == "==" else 1
        for item in broken
    }


def judge(spec: Spec, graph: Graph) -> Missed | None:
    """Return by how much a network misses what its spec expects; None if a layer is wrong."""
    shapes = sound(graph)
    if shapes is None:
        return None
    values = sum_up(graph, measure(graph, shapes)).metrics
    return misses(broken(spec.expect, values), values)
