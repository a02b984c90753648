"""How long the generated module's variables hold what layers give.

A body runs as a function: its caller holds what it was given until it returns, and so do its own
variables what they are assigned, unless they are assigned again. Which layers share a variable is
decided as `emit.torch` writes it: `x` and `out` go from layer to layer, others have a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netspec.graph.model import Graph, Node, NodeId
from netspec.language.model import Parallel
from netspec.ops.base import Join
from netspec.ops.split import Piece

_NEUTRAL = ("x", "out")


@dataclass(slots=True)
class _Frame:
    """A body at work: its layers in order, and what each reads, of the layers or from outside."""

    order: dict[NodeId, bool] = field(default_factory=dict)
    """The layers, and whether they run only in training."""
    sources: dict[NodeId, dict[NodeId, None]] = field(default_factory=lambda: defaultdict(dict))
    readers: dict[NodeId, dict[NodeId, None]] = field(default_factory=lambda: defaultdict(dict))
    given: dict[NodeId, set[NodeId]] = field(default_factory=lambda: defaultdict(set))
    """What others than the body's layers read of each: the nodes that give it."""

    def add(self, reader: NodeId, source: NodeId) -> None:
        """Note that a layer reads another, or something from outside; once each."""
        self.sources[reader][source] = None
        self.readers[source][reader] = None


@dataclass(slots=True)
class _Holding:
    """Finds for every tensor the place of the last node during which some variable holds it."""

    graph: Graph
    last: dict[NodeId, int] = field(default_factory=dict)
    """The place of the last node of inference in each body, layer and node."""
    frames: dict[NodeId, _Frame] = field(default_factory=lambda: defaultdict(_Frame))
    reads: list[tuple[NodeId, NodeId, NodeId]] = field(default_factory=list)
    """Tensors, the frame in which they are read, and the layer there that gives them."""
    pieces: set[NodeId] = field(default_factory=set)

    def enter(self, node: Node) -> None:
        """Note where a node stands, and what it reads."""
        id = node.id
        if isinstance(node.op, Piece):
            self.pieces.add(id[:-1])
        place = self.last.get((), -1) + 1
        for level in range(len(id)):
            body, layer = id[:level], id[: level + 1]
            order = self.frames[body].order
            order[layer] = order.get(layer, True) and node.train_only
            if not node.train_only:
                self.last[body] = self.last[layer] = place
        for source in node.inputs:
            shared = 0
            while shared < len(source) - 1 and id[shared] == source[shared]:
                shared += 1
            self.frames[id[:shared]].add(id[: shared + 1], source[: shared + 1])
            if source not in self.graph.nodes or not self.graph.nodes[source].train_only:
                self.reads.append((source, id[:shared], source[: shared + 1]))
            for level in range(shared + 1, len(id)):
                self.frames[id[:level]].add(id[: level + 1], source)
            self.give(source, shared + 1)

    def give(self, id: NodeId, level: int) -> None:
        """Note that the bodies from a level on give a tensor."""
        for inner in range(level, len(id)):
            self.frames[id[:inner]].given[id[: inner + 1]].add(id)

    def ends(self) -> Mapping[NodeId, int]:
        """Return the place of the last node during which something holds each tensor."""
        side_by_side = {
            instance.id
            for body, instances in self.graph.instances.items()
            if isinstance(body, Parallel)
            for instance in instances
        }
        released = {
            id: self._branches(frame)
            if id in side_by_side
            else _Variables(self, id, frame).released()
            for id, frame in self.frames.items()
        }
        ends: dict[NodeId, int] = {}
        for source, frame, layer in self.reads:
            reader = released[frame].get(layer, frame)
            ends[source] = max(ends.get(source, 0), self.last.get(reader, 0))
        given = (output.node for output in self.graph.outputs if not output.train_only)
        return ends | dict.fromkeys(given, self.last.get((), 0))

    def _branches(self, frame: _Frame) -> Mapping[NodeId, NodeId]:
        """Return the layers behind which nothing holds another: those that go on with it alone.

        A sum of calls adds up as it goes, so that of its parts only the first and last are held.
        """
        alone = ((x, *found) for x, found in frame.readers.items() if len(found) == 1)
        released = {x: reader for x, reader in alone if len(frame.sources[reader]) == 1}
        join = next(reversed(frame.order))
        parts = [*frame.sources[join]]
        found = _join(self.graph, join)
        is_sum = found is not None and bool(found.operator)
        if is_sum and not any({*frame.sources[x]} & {*frame.order} for x in parts):
            released |= {x: x for x in parts[1:-1]}
        return released


class _Variables:
    """The variables of a chain while it runs, and which layers share one."""

    def __init__(self, holding: _Holding, id: NodeId, frame: _Frame) -> None:
        self.holding, self.frame = holding, frame
        self.order = list(frame.order)
        self.places = {layer: i for i, layer in enumerate(self.order)}
        outside = [x for x in frame.readers if x not in frame.order]
        is_plain = bool(id) and len(outside) == 1
        self.variables: dict[NodeId, object] = {x: "x" if is_plain else x for x in outside}
        self.taken = set() if is_plain else {*self.variables.values()}
        self.live = {*self.variables.values()}
        self.pending = {x: len(readers) for x, readers in frame.readers.items()}
        self.runs: dict[NodeId, NodeId] = {}
        """The last layer of the straight run that starts at each."""
        for layer in reversed(self.order):
            following = [*frame.readers[layer]]
            goes_on = len(following) == 1 and len(frame.sources[following[0]]) == 1
            self.runs[layer] = self.runs[following[0]] if goes_on else layer

    def released(self) -> Mapping[NodeId, NodeId]:
        """Return for layers the one behind which no variable holds their value."""
        found, holders = {}, dict[object, NodeId]()
        for layer, train_only in self.frame.order.items():
            free = set(self._read(layer))
            target = layer if train_only else self._target(layer, free)
            if target in holders:
                found[holders[target]] = layer
            self.variables[layer] = target
            holders[target] = layer
            self.live -= free
            self.live.add(target)
        return found

    def _read(self, layer: NodeId) -> Iterator[object]:
        """Note that a layer has read its inputs; yield the variables that nothing needs now."""
        for source in self.frame.sources[layer]:
            self.pending[source] -= 1
            if not self.pending[source] and not self.frame.given.get(source):
                yield self.variables[source]

    def _target(self, layer: NodeId, free: set[object]) -> object:
        """Return the variable of a layer's value, its own id for one that no other layer has."""
        frame = self.frame
        if self._is_named(layer):
            return self._fresh(layer, layer)
        sources = [*frame.sources[layer]]
        first = self.variables[sources[0]] if sources else None
        if first in free - self.taken:
            continues = len(sources) == 1 and len(frame.readers[sources[0]]) == 1
            if first in _NEUTRAL or continues:
                return first
        if self.runs[layer] != layer:
            for text in _NEUTRAL:
                if (text not in self.live or text in free) and text not in self.taken:
                    return text
        return self._fresh(layer, self.runs[layer])

    def _fresh(self, layer: NodeId, named: NodeId) -> object:
        """Return a variable with the name of a layer, which may be one of those that are shared."""
        text = named[-1]
        is_free = text in _NEUTRAL and text not in self.live | self.taken
        return text if is_free else layer

    def _is_named(self, layer: NodeId) -> bool:
        """Tell whether a value ends a branch, waits for a reader that is far, or has parts."""
        readers, given = self.frame.readers[layer], self.frame.given.get(layer)
        if given or layer in self.holding.pieces or any(map(self._joins, readers)):
            return True
        if len(readers) < 2:
            return False
        start = self.places[layer] + 1
        is_near = {*self.order[start : start + len(readers)]} == {*readers}
        return not is_near and len({self._meeting(reader) for reader in readers}) > 1

    def _joins(self, layer: NodeId) -> bool:
        """Tell whether a layer puts its inputs side by side."""
        found = _join(self.holding.graph, layer)
        return found is not None and not found.operator

    def _meeting(self, layer: NodeId) -> NodeId:
        """Return the op behind a straight run that reads its end beside something else."""
        readers = [*self.frame.readers[self.runs[layer]]]
        is_alone = len(self.frame.sources[layer]) == 1 and len(readers) == 1
        return readers[0] if is_alone and readers[0] in self.holding.graph.nodes else layer


def _join(graph: Graph, layer: NodeId) -> Join | None:
    """Return the op of a layer that joins its inputs."""
    node = graph.nodes.get(layer)
    return node.op if node is not None and isinstance(node.op, Join) else None


def holding(graph: Graph) -> Mapping[NodeId, int]:
    """Return for each tensor the place of the last node of inference during which it is held."""
    found = _Holding(graph)
    for node in graph.nodes.values():
        found.enter(node)
    for output in graph.outputs:
        found.give(output.node, 0)
    return found.ends()
