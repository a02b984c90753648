"""A GELU in the five nodes that it took before ONNX had one → one node."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from netspec.importer.onnx_file import Graph, Node


def with_gelus(graph: Graph) -> Graph:
    """Return a graph in which `x * (erf(x / √2) + 1) / 2` is a node."""
    if not any(node.op == "Erf" for node in graph.nodes):
        return graph
    finder = _finder(graph)
    made: dict[int, Node] = {}
    gone: set[int] = set()
    for node in graph.nodes:
        if node.op == "Erf" and (found := finder.gelu(node)):
            x, last, others = found
            made[id(last)] = replace(last, op="Gelu", inputs=(x,), attributes={})
            gone |= {id(other) for other in (node, *others)}
    nodes = (made.get(id(node), node) for node in graph.nodes if id(node) not in gone)
    return replace(graph, nodes=tuple(nodes))


@dataclass(frozen=True, slots=True)
class _Finder:
    """Who makes and who reads each value, and which values are one number."""

    makers: Mapping[str, Node]
    readers: Mapping[str, list[Node]]
    numbers: Mapping[str, float]

    def gelu(self, erf: Node) -> tuple[str, Node, tuple[Node, ...]] | None:
        """Return what is activated, the last node, and those between the two."""
        x = self._scaled(erf.inputs[0], 1 / math.sqrt(2))
        plus = self._reader(erf, "Add")
        times = self._reader(plus, "Mul") if plus and self._is(plus, 1) else None
        if not (x and plus and times):
            return None
        other = next((name for name in times.inputs if name != plus.outputs[0]), "")
        if self._scaled(other, 0.5) == x:
            return x, times, (plus,)
        last = self._reader(times, "Mul")
        if other == x and last and self._is(last, 0.5):
            return x, last, (plus, times)
        return None

    def _reader(self, node: Node, op: str) -> Node | None:
        """Return the one node that reads another, if it is of an op."""
        found = self.readers.get(node.outputs[0], [])
        return found[0] if len(found) == 1 and found[0].op == op else None

    def _is(self, node: Node, number: float) -> bool:
        """Tell whether a node reads a number."""
        given = (self.numbers.get(name, math.nan) for name in node.inputs)
        return any(math.isclose(value, number, rel_tol=1e-5) for value in given)

    def _scaled(self, name: str, factor: float) -> str:
        """Return what a value is so many times of, or nothing."""
        made = self.makers.get(name)
        wanted = {"Mul": factor, "Div": 1 / factor}.get(made.op) if made else None
        if made is None or wanted is None or not self._is(made, wanted):
            return ""
        return next((name for name in made.inputs if name not in self.numbers), "")


def _finder(graph: Graph) -> _Finder:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    makers = {name: node for node in graph.nodes for name in node.outputs}
    return _Finder(makers, readers, dict(_numbers(graph)))


def _numbers(graph: Graph) -> Iterator[tuple[str, float]]:
    """Yield the values that are one number."""
    arrays = {**graph.arrays}
    constants = [node for node in graph.nodes if node.op == "Constant"]
    arrays |= {x.outputs[0]: x.attributes["value"] for x in constants if "value" in x.attributes}
    for name, array in arrays.items():
        if array.size == 1:
            yield name, float(array.reshape(-1)[0])
