"""The order in which the layers of a body run, found on the graph of what they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.language.model import Layer

if TYPE_CHECKING:
    import networkx

END = ""
"""The node that reads what a body gives."""


def dataflow(
    layers: Sequence[Layer], inputs: Iterable[str] = (), outputs: Iterable[str] = ()
) -> networkx.DiGraph:
    """Return the graph of what layers read: nodes are names, and END, which reads the outputs."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(inputs)
    graph.add_nodes_from(layer.name for layer in layers)
    graph.add_edges_from((ref.name, layer.name) for layer in layers for ref in layer.sources)
    graph.add_edges_from((name, END) for name in outputs)
    return graph


def ordered(graph: networkx.DiGraph, layers: Sequence[Layer], heads: Sequence[Layer]) -> list[str]:
    """Return names so that each follows what it reads, in the file's order where that is free.

    A head runs right behind what it reads. What is on a cycle, or behind one, is left out.
    """
    import networkx as nx

    line = {layer.name: float(i) for i, layer in enumerate(layers)}
    rank = dict.fromkeys(graph, -1.0) | line | _behind(line, heads)
    order = []
    try:
        for name in nx.lexicographical_topological_sort(graph, rank.__getitem__):
            order.append(name)
    except nx.NetworkXUnfeasible:
        pass  # a cycle, which `check` explains
    return order


def _behind(line: Mapping[str, float], heads: Sequence[Layer]) -> dict[str, float]:
    """Rank heads by the last line that they read."""
    return {
        head.name: max((line.get(ref.name, -1) for ref in head.sources), default=-1) + 0.5
        for head in heads
    }
