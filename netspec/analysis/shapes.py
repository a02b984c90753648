"""Graph → {NodeId: shape}: every op checks and transforms its inputs' shapes.

A node whose input is unknown is skipped, so one mistake gives one error.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from netspec.graph.model import Graph, Node, NodeId, Sizes, path
from netspec.ops.apply import Result, apply
from netspec.ops.base import Op, Problem
from netspec.ops.window import times
from netspec.text.codes import Code

Shapes = Mapping[NodeId, Sizes]
Problems = Mapping[NodeId, tuple[Problem, ...]]


def infer(graph: Graph) -> tuple[Shapes, Problems]:
    """Return the output shape of every node and input, without the batch; and what is refused."""
    shapes: dict[NodeId, Sizes] = dict(graph.inputs)
    problems: dict[NodeId, tuple[Problem, ...]] = {}
    inference = Inference(graph)
    for node in graph.nodes.values():
        if result := inference.of(node, graph.nodes, shapes):
            if result[1]:
                problems[node.id] = result[1]
            else:
                shapes[node.id] = result[0]
    return shapes, problems


def named(ids: Iterable[NodeId], shapes: Shapes) -> str:
    """Write some shapes, and whose they are."""
    return ", ".join(f"{times(shapes[id])} from `{path(id)}`" for id in ids)


class Changed(dict[NodeId, Sizes]):
    """The shapes that are others than before; what is not among them is as before."""

    def __init__(self, before: Shapes, changed: Shapes) -> None:
        super().__init__(changed)
        self.before = before

    def __missing__(self, node: NodeId) -> Sizes:
        return self.before[node]


class Inference:
    """Computes the shapes of a graph's nodes, and again where something changes.

    What an op makes of the same shapes is computed once.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._seen: dict[tuple[object, ...], tuple[Op, Result]] = {}

    def of(self, node: Node, nodes: Mapping[NodeId, Node], shapes: Shapes) -> Result | None:
        """Return what a node makes of what it reads, or None where that is unknown."""
        try:
            inputs = tuple([shapes[source] for source in node.inputs])
        except KeyError:
            return None
        key = (id(node.op), *inputs)
        if key not in self._seen:
            # The op is kept: were it freed, another could get its id.
            self._seen[key] = node.op, apply(node.op, inputs)
        result = self._seen[key][1]
        if node.owner is not node.id and not result[1]:
            return result[0], _refuse_sharing(node, nodes, shapes)
        return result

    def again(
        self, places: Iterable[NodeId], nodes: Mapping[NodeId, Node], shapes: Changed
    ) -> Iterator[tuple[Node, Result | None]]:
        """Compute some nodes again, and those behind what has another shape, in their order.

        Their new shapes are put into `shapes`, which holds those of changed inputs.
        """
        waiting = {self._order[place] for place in places}
        waiting.update(reader for id in shapes for reader in self._readers.get(id, ()))
        queue = sorted(waiting)
        while queue:
            node = nodes[self._ids[heapq.heappop(queue)]]
            result = self.of(node, nodes, shapes)
            yield node, result
            if result and not result[1] and result[0] != shapes.before.get(node.id):
                shapes[node.id] = result[0]
                for reader in self._readers.get(node.id, ()):
                    if reader not in waiting:
                        waiting.add(reader)
                        heapq.heappush(queue, reader)

    @cached_property
    def _ids(self) -> list[NodeId]:
        return list(self._graph.nodes)

    @cached_property
    def _order(self) -> dict[NodeId, int]:
        return {id: place for place, id in enumerate(self._ids)}

    @cached_property
    def _readers(self) -> dict[NodeId, list[int]]:
        """The places of the nodes that read a node, or share weights with one that does."""
        readers: dict[NodeId, list[int]] = {}
        nodes = self._graph.nodes
        for place, node in enumerate(nodes.values()):
            for source in {*node.inputs, *nodes.get(node.owner, node).inputs}:
                readers.setdefault(source, []).append(place)
        return readers


def _refuse_sharing(
    node: Node, nodes: Mapping[NodeId, Node], shapes: Shapes
) -> tuple[Problem, ...]:
    """Return a problem if a layer shares weights that would have other shapes here."""
    if node.owner == node.id:
        return ()
    try:
        owner, _ = nodes[node.owner], shapes[node.owner]
    except KeyError:  # refused itself
        return ()
    ours, theirs = (
        at.op.weights(*(shapes[source] for source in at.inputs)) for at in (node, owner)
    )
    changed = [key for key in theirs if ours[key] != theirs[key]]
    if not changed:
        return ()
    here, there = (times(table[changed[0]]) for table in (ours, theirs))
    message = f"the shared `{changed[0]}` of `{path(owner.id)}` is {there}, here it would be {here}"
    return (Problem(None, message, "give both calls as many channels", Code.OTHER_WEIGHTS),)


def smallest(graph: Graph) -> int:
    """Return the least height and width of all image inputs that every shape rule accepts.

    Raises ValueError if no input has a height and a width.
    """
    images = [id for id, shape in graph.inputs.items() if len(shape) == 3]
    if not images:
        raise ValueError(f"{graph.name} has no input with a height and a width")
    most = max(max(graph.inputs[id][1:]) for id in images)
    for size in range(1, most):
        resized = {id: (graph.inputs[id][0], size, size) for id in images}
        if not infer(replace(graph, inputs={**graph.inputs, **resized}))[1]:
            return size
    return most
