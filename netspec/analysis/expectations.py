"""`expect:`: the sums of a network must be what the spec says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.case import Case, hints, is_clear, others
from netspec.analysis.claims import broken, claims, exact, gap, misses, wanted
from netspec.analysis.costs import Costs, Totals
from netspec.graph.model import Graph, path
from netspec.language.terms import Expectation
from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Edit, Label
from netspec.text.fixes import cure, either

if TYPE_CHECKING:  # the repair is asked for where something is wrong
    from netspec.analysis.repair.change import Change
    from netspec.language.variant.extension import Extension


def check_expectations(case: Case, totals: Totals, costs: Costs) -> None:
    """Report the lines of `expect` that do not hold, with what contributes most."""
    values = totals.metrics
    if values["train_params"] > limits.PARAMETERS:
        case.sink.add(_too_large(values["train_params"], case.graph, costs))
        return
    group = broken(case.spec.expect, values)
    if not group or not case.totals:
        return
    gaps = [Label(item.argument.span, gap(item, values)) for item in group]
    extension = case.extension
    # A variant changes what it extends, so the numbers written there are no longer about it.
    if extension and all(gap.span.source is not extension.source for gap in gaps):
        metrics = dict.fromkeys(item.metric for item in case.spec.expect)
        now = ", ".join(f"{metric}: {values[metric]}" for metric in metrics)
        case.sink.add(extension.without_numbers(now, tuple(gaps)))
        return
    fixes = _fixes(group, values, case)
    if extension and not fixes and _is_another(group, extension, case):
        case.sink.add(case.doubted(extension.too_little(tuple(gaps))))
    else:
        case.sink.add(_broken(group, totals, costs, fixes, case))


def _too_large(params: int, graph: Graph, costs: Costs) -> Diagnostic:
    largest = max(costs, key=lambda node: costs[node].params)
    message = f"the network has {params:,} parameters, more than 10**12"
    details = (f"`{path(largest)}` has {costs[largest].params:,}",)
    return Diagnostic(Code.RANGE, message, graph.nodes[largest].call.span, details=details)


def _fixes(group: Sequence[Expectation], values: Mapping[str, int], case: Case) -> Sequence[Change]:
    """Search for what mends all broken items, and leaves the shapes that hold as they are."""
    from netspec.analysis import repair

    sums = exact(case.spec)
    holding = (claim for claim in claims(case.graph, case.sink) if claim.holds(case.shapes))
    faults = [(item.metric, 0) for item in group if (item.metric, 0) in sums]
    return repair.fixes(case, sums | wanted(holding), faults, misses(group, values))


def _is_another(group: Sequence[Expectation], extension: Extension, case: Case) -> bool:
    """Tell whether a variant is not the network at all that it expects: no exact number holds."""
    exactly = [item for item in case.spec.expect if item.operator == "=="]
    own = [item for item in exactly if item.argument.span.source is extension.source]
    is_error = case.severity == "error"
    return is_error and len(own) == len(exactly) > 1 and all(item in group for item in exactly)


def _broken(
    group: Sequence[Expectation], totals: Totals, costs: Costs, fixes: Sequence[Change], case: Case
) -> Diagnostic:
    first, values = group[0], totals.metrics
    notes = [Label(item.argument.span, gap(item, values)) for item in group]
    if is_clear(fixes):
        span = fixes[0].span
        label = f"with {fixes[0].wording} here, all that the spec expects holds"
        notes += others(fixes)
        if case.extension and span.source is not case.extension.source:
            notes += case.extension.beside(span)
        help = either(case.cure(fixes[0]), "correct `expect:`")
    else:
        span, label = notes[0].span, notes[0].text
        notes = [*notes[1:], *hints(fixes)]
        help = either("correct the layers", _corrected(group, values))
    goal = f"{_bound(first)} {first.value:,.0f}".strip()
    message = f"`{first.metric}` is {values[first.metric]:,}, the spec expects {goal}"
    details = _largest(first, case.graph, costs)
    found = Diagnostic(
        Code.BROKEN_EXPECT, message, span, label, tuple(notes), details, help, case.severity
    )
    return case.doubted(found) if case.unused or not is_clear(fixes) else found


def _corrected(group: Sequence[Expectation], values: Mapping[str, int]) -> Cure:
    """Say to write the numbers that the network has."""
    right = [(item, f"{_bound(item)}{values[item.metric]}") for item in group]
    words = "write " + ", ".join(f"`{item.metric}: {text}`" for item, text in right)
    return cure(words, *(Edit(item.argument.span, text) for item, text in right))


def _bound(item: Expectation) -> str:
    return "" if item.operator == "==" else item.operator


def _largest(item: Expectation, graph: Graph, costs: Costs) -> tuple[str, ...]:
    """Name the layers that contribute most to a sum; heads count in training only."""
    column = item.metric.removeprefix("train_")
    if column not in ("params", "macs"):
        return ()
    counted = graph.inference() if column == item.metric else graph.nodes.values()
    ranked = sorted((node.id for node in counted), key=lambda id: -getattr(costs[id], column))
    most = ", ".join(f"`{path(id)}` {getattr(costs[id], column):,}" for id in ranked[:3])
    return (f"the largest: {most}",)
