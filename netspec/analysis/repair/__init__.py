"""Which single value of a spec, were it another, would make all that is broken hold.

A layer's arguments are tried one at a time; only the layers behind it are computed again. What
decides how many layers there are is tried by expanding the spec again, and only if no argument
mends it. Both change the model, wherever the value was written, and know what a contract misses,
from which follows the next value to try; what cannot be read or bound is left to `rewrite`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.analysis.case import Case
from netspec.analysis.claims import Key, Missed, Wanted
from netspec.analysis.repair import structure
from netspec.analysis.repair.change import Change
from netspec.analysis.repair.guesses import guesses
from netspec.analysis.repair.likely import Company, strangeness
from netspec.analysis.repair.tokens import Token, Tokens
from netspec.analysis.repair.trial import Trial
from netspec.graph.model import Graph, Node, NodeId
from netspec.language.terms import Value

_SETUP = 2
"""How many layers can be looked through in the time that one takes to be computed again."""


def fixes(
    case: Case, wanted: Wanted, broken: Sequence[Key], missed: Missed | None = None
) -> list[Change]:
    """Return the changes of one value that mend every broken contract and break none.

    `missed` says by how much sums are missed; another depth takes other layers. The search is
    bounded, so that it may miss some in a large network; a warning is no reason to search.
    """
    if case.severity == "warning" or case.trial:
        return []
    found: list[Change] = []
    # No argument changes how deep a network is.
    if broken and not (missed and missed.get("depth")) and _set_up(case):
        trial = Trial(case, wanted)
        faults = {key: trial.actual(key) - wanted[key] for key in broken}
        subject = next(iter(faults))[0]
        region: Collection[NodeId] = {*case.graph.nodes, *case.graph.inputs}
        if isinstance(subject, tuple):
            region = _region([subject], case.graph, trial.fixed())
        found = _Search(case, trial, faults, region).fixes()
    return found or structure.find(case, missed or {})


def fits(case: Case, wanted: Wanted, refused: Node) -> list[Change]:
    """Return the changes of one value with which PyTorch accepts a layer, and contracts hold.

    If no change makes everything behind the layer hold too, those that mend the layer alone.
    """
    if case.trial:
        return []
    found: list[Change] = []
    if _set_up(case):
        trial = Trial(case, wanted, refused.id)
        region = _region(refused.inputs, case.graph, trial.fixed()) | {refused.id}
        search = _Search(case, trial, {}, region)
        found = search.fixes()
        if not found:
            # What lies behind may be wrong for another reason, told when this is mended.
            trial.is_local = True
            found = search.fixes()
    return found or structure.find(case, {})


def _set_up(case: Case) -> bool:
    """Pay for looking through the whole network, as every search does before it tries a value."""
    return case.budget.spend(len(case.graph.nodes) // _SETUP)


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
    """Tries the values that feed a region of the network, each place until one value mends all."""

    case: Case
    trial: Trial
    faults: Mapping[Key, int]
    region: Collection[NodeId]

    def fixes(self) -> list[Change]:
        """Return what mends all at the youngest places, the likeliest first."""
        found: list[Change] = []
        company = Company(self.case.spec)
        for token in Tokens(self.case.spec, self.case.graph).all():
            if self.case.budget.left <= 0:
                break
            values = guesses(token, self.trial, self.faults) if self._feeds(token) else ()
            mending = (new for new in values if self.trial.mends(token, new, self.faults))
            if (new := next(mending, None)) is not None:
                found.append(self._fix(token, new, company))
        # Of one mistake the place that changed last is the cause: a spec stands on what it extends.
        tier = min((fix.tier for fix in found), default=None)
        young = sorted((fix for fix in found if fix.tier == tier), key=lambda fix: fix.rank)
        # By chance a strange kernel or stride fits too; it is told only if nothing usual does.
        return [fix for fix in young if fix.strangeness <= 0] or young

    def _feeds(self, token: Token) -> bool:
        inputs = self.case.graph.inputs if token.feeds_input else ()
        return any(node in self.region for node in (*inputs, *token.nodes))

    def _fix(self, token: Token, new: Value, company: Company) -> Change:
        fed = tuple(node for node in token.nodes if node in self.region)
        chance = strangeness(token, new), company.gain(token, new)
        return Change(token.span, token.value, new, token.key, self._tier(token), fed, *chance)

    def _tier(self, token: Token) -> tuple[bool, int]:
        """Return how old a token's place is; the youngest change is the likeliest mistake."""
        spec = self.case.spec
        tables = (spec.params, *(block.params for block in spec.blocks.values()))
        is_param = any(token.span == param.span for table in tables for param in table.values())
        return token.span.source is not spec.source, 2 if token.feeds_input else int(is_param)
