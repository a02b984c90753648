"""The numbers behind names: what the flat network has where a class is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Instance, Node, NodeId
from netspec.language.model import Block, Body, Layer, OpCall
from netspec.language.terms import Maker
from netspec.ops.base import Storage


class Instances:
    """Finds the instances of a body, and of what stands in it."""

    def __init__(self, graph: Graph, shapes: Shapes) -> None:
        self._graph = graph
        self._shapes = shapes
        self._nodes: dict[OpCall, list[Node]] = {}
        for node in graph.nodes.values():
            self._nodes.setdefault(node.call, []).append(node)
        self._by_layer: dict[Body, dict[Layer, list[Instance]]] = {}
        self._layers = {use.layer for use in graph.uses.values()}

    def lack(self, value: object, blocks: Mapping[str, Block]) -> bool:
        """Tell whether an argument names a block of which the network has no instance."""
        if not isinstance(value, Maker) or value.name not in blocks:
            return False
        return blocks[value.name].body not in self._graph.instances

    def have(self, layer: Layer) -> bool:
        """Tell whether some instance of a layer's body has the layer."""
        return layer in self._layers

    def _written(self, id: NodeId) -> NodeId:
        """Return an id by the numbers of lists as written, which all uses of a class share."""
        return self._graph.written.get(id, id)

    def of(self, body: Body, layer: Layer | None, path: NodeId) -> Sequence[Instance]:
        """Return the instances of a body that a layer makes at a path of its class."""
        found = [one._replace(id=self._written(one.id)) for one in self._made_by(body, layer)]
        return [one for one in found if one.id[-len(path) :] == path]

    def _made_by(self, body: Body, layer: Layer | None) -> Sequence[Instance]:
        if layer is None:
            return self._graph.instances[body]
        if body not in self._by_layer:
            groups = self._by_layer[body] = {}
            for instance in self._graph.instances[body]:
                groups.setdefault(self._graph.uses[instance.use].layer, []).append(instance)
        return self._by_layer[body].get(layer, ())

    def sizes(self, instances: Iterable[Instance], index: int, axis: int) -> list[int]:
        """Return a size of one of the inputs in each instance."""
        return [self._shapes[instance.inputs[index]][axis] for instance in instances]

    def ranks(self, body: Body) -> list[int]:
        """Return the number of dimensions of each input of a body."""
        return [len(self._shapes[source]) for source in self._graph.instances[body][0].inputs]

    def inferred(self, call: OpCall, argument: str, path: NodeId) -> dict[NodeId, int]:
        """Return an inferred argument's value in each instance; `path` leads from there to it."""
        found = {}
        for node in self._nodes.get(call, ()):
            id = self._written(node.id)
            if id[-len(path) :] == path:
                value = node.op.inferred(*(self._shapes[x] for x in node.inputs))[argument]
                assert isinstance(value, int)
                found[id[: -len(path)]] = value
        return found

    def arithmetic(self, call: OpCall, value: int) -> str:
        """Return the product behind a flattened size, such as `128 * 4 * 4`."""
        node = self._nodes[call][0]
        while node.inputs and node.inputs[0] in self._graph.nodes:
            node = self._graph.nodes[node.inputs[0]]
            before = self._shapes[node.inputs[0]] if node.inputs else ()
            if len(before) > len(self._shapes[node.id]) and prod(before) == value:
                return " * ".join(map(str, before)) if sum(size > 1 for size in before) > 1 else ""
            # Behind an op that makes values of its own the number is no longer that of a map.
            if node.op.storage is Storage.OWN:
                break
        return ""

    def type_of(self, body: Body, param: str, default: object = None) -> str:
        """Return the type of a parameter, from its default and its value in each instance."""
        values = [instance.bindings[param].value for instance in self._graph.instances[body]]
        known = values if default is None else [default, *values]
        types = dict.fromkeys(map(type_name, known))
        # To a type checker an integer is a float as well.
        if "float" in types:
            types.pop("int", None)
        return " | ".join(types)


MAKER = "Callable[[], nn.Module]"
"""The type of an argument that makes a module."""


def type_name(value: object) -> str:
    """Write the type of a value."""
    if isinstance(value, Maker):
        return MAKER
    if isinstance(value, tuple):
        return f"tuple[{', '.join(type_name(item) for item in value)}]"
    return type(value).__name__
