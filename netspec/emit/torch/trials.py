"""Which of a network's parameters have values with which its layers do not fit together."""

from __future__ import annotations

from collections.abc import Iterable

from netspec import limits
from netspec.analysis.network import Network
from netspec.analysis.shapes import Shapes, infer
from netspec.graph.expand import expand
from netspec.graph.model import Graph, NodeId
from netspec.ops.base import Join
from netspec.text.diagnostics import Sink, SpecError


def fragile(network: Network, params: Iterable[str]) -> set[str]:
    """Return the parameters that no constructor may offer: with another value nothing is built.

    A few values stand for all. Where trying them took too long, none is offered.
    """
    tried = [*params]
    if len(tried) * len(network.graph.nodes) > limits.TRIED:
        return {*tried}
    return {name for name in tried if not _is_free(network, name)}


def _is_free(network: Network, name: str) -> bool:
    """Tell whether the network fits together with other values of a parameter as well."""
    return all(_fits(network, name, other) for other in _others(network, name))


def _others(network: Network, name: str) -> set[int | float]:
    """Return other values of a parameter: the least, near its own, and twice as much."""
    value = network.graph.params[name]
    if isinstance(value, bool):
        return {not value}
    if isinstance(value, float):
        return {value / 2}
    near = {1, value + 1, 2 * value, value - 1 if value > 1 else value + 2}
    return {other for other in near if other != value}


def _fits(network: Network, name: str, value: float) -> bool:
    """Tell whether every layer takes what it reads, with another value of a parameter."""
    params = {**network.graph.params, name: value}
    try:
        graph = expand(network.spec, network.graph.bodies, params, Sink())
    except SpecError:
        return False
    shapes, problems = infer(graph)
    if problems:
        return False
    before = _repeated(network.graph, network.shapes)
    # Other counts of copies have other nodes.
    return all(before.get(id, sizes) == sizes for id, sizes in _repeated(graph, shapes).items())


def _repeated(graph: Graph, shapes: Shapes) -> dict[NodeId, list[tuple[bool, ...]]]:
    """Return what sums and products repeat: which sizes are 1 where not all are.

    The code says which size is that of the result, so it must be that one with every value.
    """
    found = {}
    for node in graph.nodes.values():
        if isinstance(node.op, Join) and node.op.operator:
            axes = zip(*(shapes[source] for source in node.inputs), strict=True)
            found[node.id] = [tuple(n == 1 for n in sizes if len({*sizes}) > 1) for sizes in axes]
    return found
