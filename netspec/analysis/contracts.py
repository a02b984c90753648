"""`shape:` and `expect:`: what a spec says about itself must be true."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.costs import Costs, Totals, measure, sum_up
from netspec.analysis.shapes import Problems, Shapes, infer
from netspec.graph.bind import at_item, bind_value, is_size
from netspec.graph.model import Bound, Graph, Node, NodeId, Sizes, Use, path
from netspec.language.model import Spec
from netspec.language.terms import Argument, Expectation
from netspec.ops.arguments import spell
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Severity, Sink, Span

if TYPE_CHECKING:  # whom to blame, and the repair, are asked for where something is wrong
    from netspec.analysis.repair import Budget, Fix, Key
    from netspec.analysis.repair.structure import Missed
    from netspec.language.variant.extension import Extension

_COMPARE = {
    "==": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_MAX_FIXES = 4
_MAX_OTHERS = 2


@dataclass(frozen=True, eq=False)
class Case:
    """A network whose contracts are checked. A broken one is an error, or a warning.

    Without `totals` nothing is expected of the whole network; a variant has an `extension`; a
    `trial` is only asked whether everything holds, so that nothing is searched for.
    """

    spec: Spec
    graph: Graph
    shapes: Shapes
    sink: Sink
    severity: Severity = "error"
    totals: bool = True
    extension: Extension | None = None
    trial: bool = False

    @cached_property
    def budget(self) -> Budget:
        """What all searches together may spend."""
        from netspec.analysis.repair import Budget

        return Budget()

    def fixes(
        self, wanted: Mapping[Key, int], broken: Sequence[Key], missed: Missed | None = None
    ) -> list[Fix]:
        """Search for a value to change; a warning is no reason to search.

        `missed` says by how much sums are missed, some of which only another depth can mend.
        """
        if self.severity == "warning" or self.trial:
            return []
        from netspec.analysis import repair

        found = []
        if broken and not (missed and missed.get("depth")):
            found = repair.find(self.spec, self.graph, self.shapes, wanted, broken, self.budget)
        return found or self._restructured(missed or {})

    def fits(self, refused: Node, wanted: Mapping[Key, int]) -> list[Fix]:
        """Search for a value with which a layer would be accepted."""
        if self.trial:
            return []
        from netspec.analysis import repair

        found = repair.find_fit(self.spec, self.graph, self.shapes, wanted, refused, self.budget)
        return found or self._restructured({})

    def cure(self, fix: Fix) -> str:
        """Say how to make a change; a variant leaves what it extends as it is."""
        if self.extension is None or fix.span.source is self.extension.source:
            return fix.cure
        name = next((p.name for p in self.spec.params.values() if p.span == fix.span), "")
        if name:
            return f"add `{name}: {fix.new}` to the variant's `params`"
        path = self.extension.path_at(fix.span)
        return f"{fix.cure} by `change: {{{path}: …}}`" if path else fix.cure

    def _restructured(self, missed: Missed) -> list[Fix]:
        from netspec.analysis.repair.structure import find

        return find(self.spec, self.graph, missed, _judge, self.budget)

    @property
    def unused(self) -> dict[str, Span]:
        """Return the parameters that no expression uses, with their places."""
        spans = [
            item.span for item in self.sink.items if item.code == Code.UNUSED_PARAM and item.span
        ]
        return {span.text.partition("=")[0].partition(":")[0].strip(): span for span in spans}

    def doubted(self, item: Diagnostic) -> Diagnostic:
        """Return a mistake whose cause may be elsewhere; what is declared in vain hints at it."""
        if self.severity == "warning":
            return item
        hints = [Label(span, f"nothing uses `{name}`") for name, span in self.unused.items()]
        guesses = tuple(self.unused)
        return replace(item, notes=(*item.notes, *hints), guesses=guesses, is_open=True)

    def exact(self) -> dict[Key, int]:
        """Return the sums that `expect` gives exactly."""
        return {
            (item.metric, 0): int(item.value)
            for item in self.spec.expect
            if item.operator == "==" and item.metric != "depth"
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """A `shape:` at one of its uses."""

    use: Use
    span: Span
    sizes: tuple[int | None, ...]

    def __str__(self) -> str:
        return times(tuple("any" if size is None else size for size in self.sizes))

    def holds(self, actual: Sizes | None) -> bool:
        """Tell whether a shape is the one that is claimed; null is any size."""
        if actual is None or len(actual) != len(self.sizes):
            return False
        return all(size in (None, found) for size, found in zip(self.sizes, actual, strict=True))

    def wanted(self) -> dict[Key, int]:
        return {(self.use.output, i): size for i, size in enumerate(self.sizes) if size}


def check_shapes(case: Case, problems: Problems) -> None:
    """Report what layers refuse, and layers whose shape is not the one they declare.

    Behind a broken contract everything is silent until a contract that holds.
    """
    claims = _claims(case)
    if not claims and not problems:
        return
    wanted = case.exact()
    for claim in (claim for group in claims.values() for claim in group):
        wanted |= claim.wanted()
    doubtful: set[NodeId] = set()
    broken: list[_Claim] = []
    for node in case.graph.nodes.values():
        behind = any(source in doubtful for source in node.inputs)
        here = claims.get(node.id, []) if node.id in case.shapes else []
        wrong = [claim for claim in here if not claim.holds(case.shapes[node.id])]
        if wrong or (behind and not here):
            doubtful.add(node.id)
        if behind and case.severity == "error":
            continue
        broken += wrong if not behind else []
        for problem in problems.get(node.id, ()):
            from netspec.analysis import blame

            fits = case.fits(node, wanted) if problem.code == Code.INPUTS_DIFFER else []
            case.sink.add(case.doubted(blame.explain(problem, node, case.graph, case.shapes, fits)))
    if broken:
        _report_shapes(broken, [claim for group in claims.values() for claim in group], case)


def _claims(case: Case) -> dict[NodeId, list[_Claim]]:
    claims: dict[NodeId, list[_Claim]] = {}
    for use in case.graph.uses.values():
        if use.layer.shape is not None:
            bound = bind_value(use.layer.shape, use.bindings, case.sink)
            sizes = _sizes(use.layer.shape, bound, case.sink) if bound else ()
            if sizes:
                claim = _Claim(use, use.layer.shape.span, sizes)
                claims.setdefault(use.output, []).append(claim)
    return claims


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


# ------------------------------------------------------------------ a broken `shape:`


def _report_shapes(broken: Sequence[_Claim], claims: Sequence[_Claim], case: Case) -> None:
    """Report broken contracts: as one mistake if one number mends them all."""
    wanted = case.exact()
    for claim in claims:
        if len(claim.sizes) == len(case.shapes.get(claim.use.output, ())):
            wanted |= claim.wanted()
    faults = [key for claim in broken for key in _missed(claim, case) if key in wanted]
    fixes = case.fixes(wanted, faults) if faults else []
    if _is_clear(fixes):
        case.sink.add(_mendable(broken, fixes, case))
        return
    search = not _is_alone(broken, claims, case)
    for number, claim in enumerate(broken):
        found = fixes if len(broken) == 1 else []
        if not found and search and number < limits.SEARCHES:
            found = case.fixes(_holding(claims, case) | claim.wanted(), _missed(claim, case))
        clear = _is_clear(found)
        case.sink.add(
            _mendable([claim], found, case)
            if clear
            else _broken_shape(claim, found, not search, case)
        )


def _is_alone(broken: Sequence[_Claim], claims: Sequence[_Claim], case: Case) -> bool:
    """Tell whether all else that the spec says of itself holds: then the contract is wrong."""
    wrong = [claim for claim in claims if not claim.holds(case.shapes.get(claim.use.output))]
    if len(wrong) > 1 or not case.exact() or len(case.shapes) < len(case.graph.nodes):
        return False
    values = metrics(sum_up(case.graph, measure(case.graph, case.shapes)))
    return all(values[str(metric)] == value for (metric, _), value in case.exact().items())


def _missed(claim: _Claim, case: Case) -> list[Key]:
    """Return the dimensions in which a contract is broken, none if their number differs."""
    actual = case.shapes[claim.use.output]
    if len(actual) != len(claim.sizes):
        return []
    pairs = enumerate(zip(actual, claim.sizes, strict=True))
    return [(claim.use.output, i) for i, (found, size) in pairs if size not in (None, found)]


def _holding(claims: Sequence[_Claim], case: Case) -> dict[Key, int]:
    wanted: dict[Key, int] = {}
    for claim in claims:
        if claim.holds(case.shapes.get(claim.use.output)):
            wanted |= claim.wanted()
    return wanted


def _is_clear(fixes: Sequence[Fix]) -> bool:
    """Tell whether the first of some fixes is likelier than the others."""
    return len(fixes) == 1 or (len(fixes) > 1 and fixes[0].rank < fixes[1].rank)


def _mendable(broken: Sequence[_Claim], fixes: Sequence[Fix], case: Case) -> Diagnostic:
    """Report contracts at the place that most likely breaks them."""
    first, *others = fixes
    notes = [Label(claim.span, f"the spec says {claim}") for claim in broken]
    notes += [Label(fix.span, f"or {fix.wording} here") for fix in others[:_MAX_OTHERS]]
    help = f"{case.cure(first)}, or correct `shape:`"
    label = f"with {first.wording} here, the contracts hold"
    message = _difference(broken[0], case)
    found = Diagnostic(
        Code.BROKEN_SHAPE,
        message,
        first.span,
        label,
        tuple(notes),
        help=help,
        severity=case.severity,
    )
    return found if _is_clear(fixes) and not case.unused else case.doubted(found)


def _difference(claim: _Claim, case: Case) -> str:
    actual = case.shapes[claim.use.output]
    return f"`{path(claim.use.id)}` gives {times(actual)}, the spec says {claim}"


def _broken_shape(claim: _Claim, fixes: Sequence[Fix], is_alone: bool, case: Case) -> Diagnostic:
    """Report a contract at its own place, with what would make it hold or made it wrong."""
    use, actual = claim.use, case.shapes[claim.use.output]
    reads = ", ".join(f"{times(case.shapes[x])} from `{path(x)}`" for x in use.inputs)
    notes = [
        Label(fix.span, f"{fix.wording} here would make it hold") for fix in fixes[:_MAX_FIXES]
    ]
    notes = notes or [*_makers(claim, case)][-1:]
    said = f"`shape: [{', '.join(map(str, actual))}]`"
    help = f"correct the layer, or write {said}"
    if is_alone:
        help = (
            f"all else that the spec expects holds, so the contract itself is wrong: write {said}"
        )
    message = _difference(claim, case)
    details = (f"`{path(use.id)}` reads {reads}",) if reads else ()
    found = Diagnostic(
        Code.BROKEN_SHAPE, message, claim.span, "", tuple(notes), details, help, case.severity
    )
    return found if is_alone else case.doubted(found)


def _makers(claim: _Claim, case: Case) -> Iterator[Label]:
    """Yield the arguments inside a layer that made its shape what it is."""
    from netspec.analysis import blame

    seen = {claim.span}
    wrong = [index for _, index in _missed(claim, case)]
    below = len(claim.use.id)
    for node in case.graph.nodes.values():
        if node.id[:below] != claim.use.id or node.id not in case.shapes:
            continue
        before, after = blame.before_and_after(node, case.shapes)
        suspects = blame.suspects(node, _as_far(before, after, wrong), after)
        for span, _ in suspects[:1]:
            if span not in seen:
                seen.add(span)
                yield Label(span, blame.made(node, before, after))


def _as_far(before: Sizes, after: Sizes, wrong: Sequence[int]) -> Sizes:
    """Return a shape as if only the wrong dimensions had changed since."""
    if len(before) != len(after) or not wrong:
        return before
    return tuple(before[i] if i in wrong else size for i, size in enumerate(after))


# ------------------------------------------------------------------ a broken `expect:`


def check_expectations(case: Case, totals: Totals, costs: Costs) -> None:
    """Report the lines of `expect` that do not hold, with what contributes most."""
    values = metrics(totals)
    if values["train_params"] > limits.PARAMETERS:
        largest = max(costs, key=lambda node: costs[node].params)
        message = f"the network has {values['train_params']:,} parameters, more than 10**12"
        details = (f"`{path(largest)}` has {costs[largest].params:,}",)
        span = case.graph.nodes[largest].call.span
        case.sink.add(Diagnostic(Code.RANGE, message, span, details=details))
        return
    broken = _broken_items(case.spec, values)
    if not broken or not case.totals:
        return
    if case.extension and all(x.argument.span.source is not case.extension.source for x in broken):
        missed = tuple(Label(item.argument.span, _gap(item, values)) for item in broken)
        case.sink.add(case.extension.without_numbers(_as_it_is(case.spec, values), missed))
        return
    wanted = case.exact()
    faults = [(item.metric, 0) for item in broken if (item.metric, 0) in wanted]
    for claims in _claims(case).values():
        wanted |= _holding(claims, case)
    fixes = case.fixes(wanted, faults, _misses(broken, values))
    if case.extension and not fixes and _is_another(broken, case.extension, case):
        missed = tuple(Label(item.argument.span, _gap(item, values)) for item in broken)
        case.sink.add(case.doubted(case.extension.too_little(missed)))
        return
    case.sink.add(_broken(broken, values, costs, fixes, case))


def _as_it_is(spec: Spec, values: Mapping[str, int]) -> str:
    """Write the items of `expect` with the numbers that hold."""
    return ", ".join(f"{metric}: {values[metric]}" for metric in {x.metric: 0 for x in spec.expect})


def _broken_items(spec: Spec, values: Mapping[str, int]) -> list[Expectation]:
    return [
        item for item in spec.expect if not _COMPARE[item.operator](values[item.metric], item.value)
    ]


def _is_another(broken: Sequence[Expectation], extension: Extension, case: Case) -> bool:
    """Tell whether a variant is not the network at all that it expects: no exact number holds."""
    exact = [item for item in case.spec.expect if item.operator == "=="]
    own = [item for item in exact if item.argument.span.source is extension.source]
    is_error = case.severity == "error"
    return is_error and len(own) == len(exact) > 1 and all(item in broken for item in exact)


def _misses(broken: Sequence[Expectation], values: Mapping[str, int]) -> Missed:
    """Return by how much sums are missed that are given exactly; 1 for those out of bounds."""
    return {
        item.metric: int(values[item.metric] - item.value) if item.operator == "==" else 1
        for item in broken
    }


def _judge(spec: Spec, graph: Graph) -> Missed | None:
    """Return by how much a network misses what its spec expects; None if a layer is wrong."""
    shapes, problems = infer(graph)
    if problems:
        return None
    claims = _claims(Case(spec, graph, shapes, Sink()))
    if any(claim.sizes != shapes[node] for node, group in claims.items() for claim in group):
        return None
    values = metrics(sum_up(graph, measure(graph, shapes)))
    return _misses(_broken_items(spec, values), values)


def metrics(totals: Totals) -> Mapping[str, int]:
    """Return what `expect` can measure."""
    return {
        "params": totals.inference.params,
        "macs": totals.inference.macs,
        "depth": totals.depth,
        "train_params": totals.training.params,
        "train_macs": totals.training.macs,
    }


def _broken(
    group: Sequence[Expectation],
    values: Mapping[str, int],
    costs: Costs,
    fixes: Sequence[Fix],
    case: Case,
) -> Diagnostic:
    first = group[0]
    notes = [Label(item.argument.span, _gap(item, values)) for item in group]
    span, label = first.argument.span, _gap(first, values)
    actual = values[first.metric]
    bound = first.operator if first.operator != "==" else ""
    right = [
        f"`{x.metric}: {'' if x.operator == '==' else x.operator}{values[x.metric]}`" for x in group
    ]
    help = f"correct the layers, or write {', '.join(right)}"
    if _is_clear(fixes):
        span, label = (
            fixes[0].span,
            f"with {fixes[0].wording} here, all that the spec expects holds",
        )
        notes += [Label(fix.span, f"or {fix.wording} here") for fix in fixes[1:][:_MAX_OTHERS]]
        if case.extension and fixes[0].span.source is not case.extension.source:
            notes += case.extension.beside(fixes[0].span)
        help = f"{case.cure(fixes[0])}, or correct `expect:`"
    else:
        hints = [Label(fix.span, f"{fix.wording} here would make it hold") for fix in fixes]
        notes = [*notes[1:], *hints[:_MAX_FIXES]]
    bound += " " * bool(bound)
    message = f"`{first.metric}` is {actual:,}, the spec expects {bound}{first.value:,.0f}"
    details = tuple(_largest(first, case.graph, costs))
    found = Diagnostic(
        Code.BROKEN_EXPECT, message, span, label, tuple(notes), details, help, case.severity
    )
    return case.doubted(found) if case.unused or not _is_clear(fixes) else found


def _gap(item: Expectation, values: Mapping[str, int]) -> str:
    gap = values[item.metric] - item.value
    return f"`{item.metric}` is {abs(gap):,.0f} too {'large' if gap > 0 else 'small'}"


def _largest(item: Expectation, graph: Graph, costs: Costs) -> Iterator[str]:
    """Name the layers that contribute most to a sum; heads count in training only."""
    column = item.metric.removeprefix("train_")
    if column in ("params", "macs"):
        counted = graph.inference() if column == item.metric else graph.nodes.values()
        ranked = sorted((node.id for node in counted), key=lambda id: -getattr(costs[id], column))
        most = ", ".join(f"`{path(id)}` {getattr(costs[id], column):,}" for id in ranked[:3])
        yield f"the largest: {most}"
