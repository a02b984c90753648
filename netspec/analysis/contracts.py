"""`shape:`: the layers of a network must give what the spec says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.case import Case, hints, is_clear, others
from netspec.analysis.claims import Claim, Key, claims, exact, wanted
from netspec.analysis.costs import measure, sum_up
from netspec.analysis.shapes import Problems, named
from netspec.graph.model import Node, NodeId, path
from netspec.ops.base import Join, Problem
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Label
from netspec.text.fixes import either, writing

if TYPE_CHECKING:  # whom to blame, and the repair, are asked for where something is wrong
    from netspec.analysis.repair.change import Change


def check_shapes(case: Case, problems: Problems) -> None:
    """Report what layers refuse, and layers whose shape is not the one they declare.

    Behind a broken contract everything is silent until a contract that holds.
    """
    said = claims(case.graph, case.sink)
    claimed: dict[NodeId, list[Claim]] = {}
    for claim in said:
        claimed.setdefault(claim.use.output, []).append(claim)
    if not said and not problems:
        return
    doubtful: set[NodeId] = set()
    broken: list[Claim] = []
    for node in case.graph.nodes.values():
        behind = any(source in doubtful for source in node.inputs)
        here = claimed.get(node.id, []) if node.id in case.shapes else []
        wrong = [claim for claim in here if not claim.holds(case.shapes)]
        if wrong or (behind and not here):
            doubtful.add(node.id)
        # It may follow from the first; a warning is no reason to stop, so all are told.
        if behind and case.severity == "error":
            continue
        broken += wrong if not behind else []
        for problem in problems.get(node.id, ()):
            _report_refused(problem, node, said, case)
    if broken:
        _report_shapes(broken, said, case)


def _report_refused(problem: Problem, node: Node, said: Sequence[Claim], case: Case) -> None:
    from netspec.analysis import blame, repair

    fixes: Sequence[Change] = ()
    if problem.code == Code.INPUTS_DIFFER and isinstance(node.op, Join):
        fixes = repair.fits(case, exact(case.spec) | wanted(said), node)
    case.sink.add(case.doubted(blame.explain(problem, node, case.graph, case.shapes, fixes)))


# ------------------------------------------------------------------ a broken `shape:`


def _report_shapes(broken: Sequence[Claim], said: Sequence[Claim], case: Case) -> None:
    """Report broken contracts: as one mistake if one number mends them all."""
    from netspec.analysis import repair

    # A contract of another rank has no dimension to compute with.
    ranks = {node: len(shape) for node, shape in case.shapes.items()}
    sized = wanted(claim for claim in said if ranks.get(claim.use.output) == len(claim.sizes))
    faults = [key for claim in broken for key in _missed(claim, case) if key in sized]
    fixes = repair.fixes(case, exact(case.spec) | sized, faults) if faults else []
    if is_clear(fixes):
        case.sink.add(_mendable(broken, fixes, case))
        return
    alone = _is_alone(said, case)
    holding = wanted(claim for claim in said if claim.holds(case.shapes))
    for number, claim in enumerate(broken):
        found = fixes if len(broken) == 1 else []
        if not found and not alone and number < limits.SEARCHES:
            found = repair.fixes(case, holding | wanted([claim]), _missed(claim, case))
        if is_clear(found):
            case.sink.add(_mendable([claim], found, case))
        else:
            case.sink.add(_broken_shape(claim, found, alone, case))


def _is_alone(said: Sequence[Claim], case: Case) -> bool:
    """Tell whether all else that the spec says of itself holds: then the contract is wrong."""
    wrong = [claim for claim in said if not claim.holds(case.shapes)]
    sums = exact(case.spec)
    if len(wrong) > 1 or not sums or not {*case.graph.nodes} <= {*case.shapes}:
        return False
    values = sum_up(case.graph, measure(case.graph, case.shapes)).metrics
    return all(values[str(metric)] == value for (metric, _), value in sums.items())


def _missed(claim: Claim, case: Case) -> list[Key]:
    return claim.missed(case.shapes[claim.use.output])


def _mendable(broken: Sequence[Claim], fixes: Sequence[Change], case: Case) -> Diagnostic:
    """Report contracts at the place that most likely breaks them."""
    first = fixes[0]
    notes = [*(Label(claim.span, f"the spec says {claim}") for claim in broken), *others(fixes)]
    help = either(case.cure(first), "correct `shape:`")
    label = f"with {first.wording} here, the contracts hold"
    message = _difference(broken[0], case)
    found = Diagnostic(Code.BROKEN_SHAPE, message, first.span, label, tuple(notes), (), help)
    is_certain = first.tier == (False, 0) and not case.unused
    return found if is_certain else case.doubted(found)


def _difference(claim: Claim, case: Case) -> str:
    actual = case.shapes[claim.use.output]
    return f"`{path(claim.use.id)}` gives {times(actual)}, the spec says {claim}"


def _broken_shape(claim: Claim, fixes: Sequence[Change], is_alone: bool, case: Case) -> Diagnostic:
    """Report a contract at its own place, with what would make it hold or made it wrong."""
    use, actual = claim.use, case.shapes[claim.use.output]
    notes = hints(fixes) or [*_makers(claim, case)][-1:]
    text = f"[{', '.join(map(str, actual))}]"
    said = writing(claim.span, text, f"write `shape: {text}`")
    help = either("correct the layer", said)
    if is_alone:
        words = "all else that the spec expects holds, so the contract itself is wrong: "
        help = Cure(words + said, *said.fixes)
    message = _difference(claim, case)
    details = (f"`{path(use.id)}` reads {named(use.inputs, case.shapes)}",) if use.inputs else ()
    found = Diagnostic(
        Code.BROKEN_SHAPE, message, claim.span, "", tuple(notes), details, help, case.severity
    )
    return found if is_alone else case.doubted(found)


def _makers(claim: Claim, case: Case) -> Iterator[Label]:
    """Yield the arguments inside a layer that made its shape what it is."""
    from netspec.analysis import blame

    seen = {claim.span}
    wrong = [index for _, index in _missed(claim, case)]
    below = len(claim.use.id)
    for node in case.graph.nodes.values():
        if node.id[:below] != claim.use.id or node.id not in case.shapes:
            continue
        before, after = blame.before_and_after(node, case.shapes)
        suspects = blame.suspects(node, blame.as_far(before, after, wrong), after)
        for span, _ in suspects[:1]:
            if span not in seen:
                seen.add(span)
                yield Label(span, blame.made(node, before, after))
