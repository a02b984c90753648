"""The column of stages that turns text into a compiled network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from sys import float_info
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis import contracts, costs, expectations, habits, overwriting, shapes, types
from netspec.analysis.case import Budget, Case
from netspec.analysis.network import Network
from netspec.analysis.shapes import Shapes
from netspec.graph.expand import expand
from netspec.graph.model import Graph
from netspec.language.check import check
from netspec.language.lower import Bodies, lower
from netspec.language.model import Spec
from netspec.language.sections import read
from netspec.language.variant.lineage import Lineage, Loader
from netspec.ops.arguments import bare
from netspec.ops.base import REGISTRY
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Severity, Sink, Source, Span, SpecError, suggest
from netspec.text.syntax import Tree

if TYPE_CHECKING:
    from netspec.analysis.repair.rewrite import Judge
    from netspec.rewrite.optimize import Optimized


class ParameterError(TypeError):
    """A value for a parameter that the spec does not have, or one of the wrong kind.

    The text says which parameters there are, or what the parameter expects.
    """


class ContractError(SpecError):
    """A spec that compiles, and does not keep what it says of itself: `shape:`, `expect:`."""

    def __init__(self, diagnostics: Iterable[Diagnostic], made: Callable[[], Network]) -> None:
        super().__init__(diagnostics)
        self.made = made
        """Returns the network all the same."""

    def telling(self, diagnostics: Iterable[Diagnostic]) -> ContractError:
        """Return the same refusal, with its network, with these diagnostics."""
        return ContractError(diagnostics, self.made)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.diagnostics, self.made)


def compile_spec(
    source: Source,
    params: Mapping[str, float] | None = None,
    load: Loader | None = None,
    strict: bool = False,
    trees: dict[Source, Tree] | None = None,
) -> Network:
    """Compile a spec at the given values of its parameters; `load` gives what it extends.

    With other values than the spec's own a broken `shape:` is a warning, and `expect:`, which is
    about the spec's own, is only checked if `strict`. `trees` receives what is read.
    Raises SpecError, and ParameterError for a parameter that the spec does not have.
    """
    lineage, values = Lineage([source], trees={} if trees is None else trees), params or {}
    try:
        network = _compile(lineage, values, load, strict)
        return replace(network, warnings=_blamed(lineage, network.warnings, values, load))
    except SpecError as error:
        found = _blamed(lineage, lineage.trace(error.diagnostics), values, load)
        # Edits are judged with the values in the text, which are not those that were given.
        if not params:
            from netspec.analysis.repair.rewrite import mended

            found = mended(found, source, _judge(source, load), lineage.extension)
        raise error.telling(found) from None


def optimized(network: Network, names: Collection[str]) -> tuple[Network, Optimized]:
    """Return the network of the optimised spec, and what was done to it.

    It goes by the name and the digest of the spec as written.
    """
    from netspec.rewrite.optimize import optimize

    found = optimize(network, names)
    with REGISTRY.enabled(network.spec.own):
        fast = compile_spec(Source(network.spec.source.name, found.text))
    return replace(fast, sources=network.sources, imports=network.imports), found


def prepare_spec(source: Source, load: Loader | None = None) -> Prepared:
    """Read a spec that is to be compiled at many values. Raises SpecError as `compile_spec`."""
    try:
        return _prepare(Lineage([source]), load)
    except SpecError:
        compile_spec(source, load=load)
        raise


def _blamed(
    lineage: Lineage, found: Sequence[Diagnostic], params: Mapping[str, float], load: Loader | None
) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a spec, at a path of `remove` where that is the cause."""
    budget = Budget(limits.EDITS)

    def without(removal: Span) -> Sequence[Diagnostic]:
        if budget.left < 0:
            return found
        try:
            trial = Lineage(lineage.sources[:1], kept=removal, trees=lineage.trees)
            return _compile(trial, params, load, False, budget).warnings
        except SpecError as error:
            return error.diagnostics

    return lineage.blame(found, without) if found else ()


def _judge(source: Source, load: Loader | None) -> Judge:
    """Return what tells with how many warnings another text in place of a source compiles."""

    def warnings(text: Source, budget: Budget) -> int | None:
        def loaded(origin: Source, path: str) -> Source:
            assert load is not None
            # Paths are relative to the file, which the edited text is not.
            return load(source if origin is text else origin, path)

        try:
            network = _compile(Lineage([text]), {}, loaded if load else None, False, budget)
        except SpecError:
            return None
        return len(network.warnings)

    return warnings


def _compile(
    lineage: Lineage,
    params: Mapping[str, float],
    load: Loader | None,
    strict: bool,
    trial: Budget | None = None,
) -> Network:
    return _prepare(lineage, load).at(params, strict, trial)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A spec that is read, and checked as far as that needs no values of its parameters.

    One reading serves many sets of values. `found` are the warnings so far.
    """

    lineage: Lineage
    spec: Spec
    bodies: Bodies
    found: tuple[Diagnostic, ...]
    imports: tuple[str, ...] = ()
    """What the call lets generated code import."""

    def at(
        self, params: Mapping[str, float], strict: bool = False, trial: Budget | None = None
    ) -> Network:
        """Compile at some values; a trial draws on its budget, and looks for no repairs.

        Raises SpecError and ParameterError.
        """
        values = differing(self.spec, params)
        try:
            return self._at(values, strict, trial)
        except SpecError as error:
            found = [_told(item, self.spec, values) for item in error.diagnostics]
            raise error.telling(found) from None

    def _at(self, values: Mapping[str, float], strict: bool, trial: Budget | None) -> Network:
        spec, sink = self.spec, Sink([*self.found])
        graph = expand(spec, self.bodies, values, sink)
        if trial is not None:
            trial.spend(len(graph.nodes))
        types.check_types(graph, sink)
        sizes, problems = shapes.infer(graph)
        severity: Severity = "warning" if values else "error"
        is_own, is_trial = strict or not values, trial is not None
        case = Case(spec, graph, sizes, sink, severity, is_own, self.lineage.extension, is_trial)
        types.check_given(graph, sizes, sink)
        contracts.check_shapes(case, problems)
        habits.advise(case)
        try:
            sink.stop()
            overwriting.check_overwriting(graph, sizes, sink)
            found = self._made(graph, sizes)
            expectations.check_expectations(case, found.totals, found.costs)
            sink.stop()
        except SpecError as error:
            if problems or any(item.code not in _CONTRACTS for item in error.diagnostics):
                raise
            raise ContractError(error.diagnostics, partial(self._made, graph, sizes)) from None
        habits.warn(spec, graph, sizes, sink)
        return replace(found, warnings=self.lineage.trace(sink.items))

    def _made(self, graph: Graph, sizes: Shapes) -> Network:
        work, sources = costs.measure(graph, sizes), tuple(self.lineage.sources)
        totals = costs.sum_up(graph, work)
        return Network(self.spec, graph, sizes, work, totals, (), sources, self.imports)


def _told(item: Diagnostic, spec: Spec, values: Mapping[str, float]) -> Diagnostic:
    """Say of a parameter that is to blame which value the call has given it."""
    name = next((name for name in values if spec.params[name].span == item.span), None)
    if name is None or item.label:
        return item
    return replace(item, label=f"`{name}` is given as {bare(values[name])}", help="")


_CONTRACTS = (Code.BROKEN_SHAPE, Code.BROKEN_EXPECT)


def _prepare(lineage: Lineage, load: Loader | None) -> Prepared:
    """Do the stages that need no values. Raises SpecError."""
    sink = Sink()
    tree = lineage.resolve(load)
    spec = read(tree, sink)
    bodies = lower(spec)
    check(spec, bodies, sink)
    return Prepared(lineage, spec, bodies, tuple(sink.items))


_WANTED: dict[type, str] = {
    bool: "true or false",
    int: "an integer such as {}",
    float: "a number such as {}",
}
"""What is accepted for a parameter, by the type of its default."""


def differing(spec: Spec, params: Mapping[str, float]) -> dict[str, float]:
    """Return the values that differ from the spec's own. Raises ParameterError."""
    values: dict[str, float] = {}
    for name, value in params.items():
        if name not in spec.params:
            known = ", ".join(f"`{known}`" for known in spec.params) or "none"
            hint = suggest(name, spec.params) or f"it has: {known}"
            raise ParameterError(f"{spec.name} has no parameter `{name}`; {hint}")
        default = spec.params[name].default
        kind = type(default)
        is_meant = type(value) in ((int, float) if kind is float else (kind,))
        if not (is_meant and abs(value) <= float_info.max):
            wanted = _WANTED[kind].format(default)
            raise ParameterError(f"`{name}` expects {wanted}, found {value!r}")
        if value != default:
            values[name] = float(value) if kind is float else value
    return values
