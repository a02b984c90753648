"""The column of stages that turns text into a compiled network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec import contracts, costs, shapes
from netspec.check import check
from netspec.diagnostics import Diagnostic, Sink, Source
from netspec.expand import expand
from netspec.graph import Graph
from netspec.spec.model import Spec
from netspec.spec.sections import read
from netspec.syntax import parse


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A compiled spec: folded and flat, with its shapes and costs keyed by node."""

    spec: Spec
    graph: Graph
    shapes: shapes.Shapes
    costs: costs.Costs
    totals: costs.Totals
    warnings: tuple[Diagnostic, ...]


def compile_spec(source: Source, params: Mapping[str, int | float] | None = None) -> Network:
    """Compile a spec at the given values of its parameters. Raises SpecError.

    With other values than the spec's own a broken contract is a warning.
    """
    sink = Sink()
    tree = parse(source)
    spec = read(tree, sink)
    check(spec, sink)
    graph = expand(spec, params or {}, sink)
    sizes = shapes.infer(graph, sink)
    work = costs.measure(graph, sizes)
    totals = costs.sum_up(graph, work)
    severity = "warning" if params else "error"
    contracts.check_shapes(graph, sizes, sink, severity)
    contracts.check_expectations(spec, totals, work, sink, severity)
    sink.stop()
    return Network(spec, graph, sizes, work, totals, tuple(sink.items))
