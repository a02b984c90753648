"""A network whose spec was changed behind its checks: expanded, inferred and counted again."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis import costs, shapes
from netspec.analysis.network import Network
from netspec.graph.expand import expand
from netspec.language.lower import lower
from netspec.language.model import Spec
from netspec.text.diagnostics import Sink


def rebuilt(network: Network, spec: Spec) -> Network:
    """Return the network of a changed spec at the same parameters. Raises SpecError."""
    graph = expand(spec, lower(spec), network.graph.params, Sink())
    sizes, problems = shapes.infer(graph)
    assert not problems, "a change that does not fit"
    work = costs.measure(graph, sizes)
    totals = costs.sum_up(graph, work)
    return replace(network, spec=spec, graph=graph, shapes=sizes, costs=work, totals=totals)
