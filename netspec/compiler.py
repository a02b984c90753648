"""The column of stages that turns text into a compiled network."""

from __future__ import annotations

from collections.abc import Mapping

from netspec import contracts, costs, shapes
from netspec.check import check
from netspec.diagnostics import Severity, Sink, Source, suggest
from netspec.expand import expand
from netspec.network import Network
from netspec.spec.model import Spec
from netspec.spec.sections import read
from netspec.syntax import parse


class ParameterError(TypeError):
    """A value for a parameter that the spec does not have, or of the wrong kind."""


def compile_spec(source: Source, params: Mapping[str, float] | None = None) -> Network:
    """Compile a spec at the given values of its parameters.

    With other values than the spec's own a broken contract is a warning.
    Raises SpecError, and ParameterError for a parameter that the spec does not have.
    """
    sink = Sink()
    tree = parse(source)
    spec = read(tree, sink)
    values = _values(spec, params or {})
    check(spec, sink)
    graph = expand(spec, values, sink)
    sizes = shapes.infer(graph, sink)
    work = costs.measure(graph, sizes)
    totals = costs.sum_up(graph, work)
    severity: Severity = "warning" if values else "error"
    contracts.check_shapes(graph, sizes, sink, severity)
    contracts.check_expectations(spec, totals, work, sink, severity)
    sink.stop()
    return Network(spec, graph, sizes, work, totals, tuple(sink.items))


def _values(spec: Spec, params: Mapping[str, float]) -> dict[str, float]:
    """Return the values that differ from the spec's own."""
    for name, value in params.items():
        if name not in spec.params:
            known = ", ".join(f"`{known}`" for known in spec.params) or "none"
            hint = suggest(name, spec.params) or f"it has: {known}"
            raise ParameterError(f"{spec.name} has no parameter `{name}`; {hint}")
        default = spec.params[name].default
        wanted = int | float if isinstance(default, float) else int
        if isinstance(value, bool) or not isinstance(value, wanted):
            kind = "a number" if isinstance(default, float) else "an integer"
            raise ParameterError(f"`{name}` expects {kind} such as {default}, found {value!r}")
    return {name: value for name, value in params.items() if value != spec.params[name].default}
