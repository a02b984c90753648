"""A block as it is written: its widths, and what follows from them, by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import cast

from pydantic import ValidationError

from netspec.analysis.costs import NodeCost, sum_up
from netspec.analysis.network import Network
from netspec.graph.bind import made_by
from netspec.graph.model import Node, NodeId, Sizes
from netspec.language.model import Block, BlockCall, GivenCall, Layer, ShareCall
from netspec.language.names import widths
from netspec.language.terms import INDEX
from netspec.ops.base import Op
from netspec.ops.collect import collected
from netspec.ops.dim import Shape, name, substitute
from netspec.ops.split import Piece

_Values = Mapping[str, object]
_LETTERS = {1: "C", 2: "CL", 3: "CHW", 4: "CDHW"}
"""What the sizes of an input are called, by how many there are."""


def symbolic(network: Network, block: Block) -> Network:
    """Return the network of a block's use with the block's parameters in place of their values."""
    graph = network.graph
    symbols = _Symbols(network, block)
    nodes = {id: node._replace(op=symbols.op(node)) for id, node in graph.nodes.items()}
    costs = dict.fromkeys(nodes, NodeCost())
    inputs = {id: symbols.shapes[id] for id in graph.inputs}
    part = replace(graph, nodes=nodes, inputs=cast("Mapping[NodeId, Sizes]", inputs))
    shapes = cast("Mapping[NodeId, Sizes]", symbols.shapes)
    return replace(network, graph=part, shapes=shapes, costs=costs, totals=sum_up(part, costs))


class _Symbols:
    """Finds ops and shapes from the inputs on; `op` is asked for nodes in their order."""

    def __init__(self, network: Network, block: Block) -> None:
        self._graph = graph = network.graph
        self._blocks = network.spec.blocks
        self._instances = {use.id: use for uses in graph.instances.values() for use in uses}
        self._globals = {text: name(f"${text}") for text in graph.params}
        own = {text: name(f"${text}") for text in (*block.params, *block.measured)}
        self._known: dict[NodeId, _Values] = {(): {**self._globals, **own}}
        self.shapes: dict[NodeId, Shape] = {}
        for id, shape in graph.inputs.items():
            suffix = f"_{id[0]}" if len(graph.inputs) > 1 else ""
            self.shapes[id] = tuple(name(letter + suffix) for letter in _letters(len(shape)))
        for text in block.measured:
            source = self._instances[()].inputs[widths(block.inputs)[text].input]
            sizes = [*self.shapes[source]]
            sizes[widths(block.inputs)[text].axis] = own[text]
            self.shapes[source] = tuple(sizes)

    def op(self, node: Node) -> Op:
        """Return a node's op over names, or as it is where it takes none; note its shape."""
        try:
            op = node.call.op.bind(self._at(node.id))
        except (ValidationError, ArithmeticError, TypeError):
            op = node.op.whole if isinstance(node.op, Piece) else node.op
        if isinstance(node.op, Piece):
            op = Piece(whole=op, index=node.op.index)
        shape = op.shape(*(self.shapes[source] for source in node.inputs))
        self.shapes[node.id] = tuple(map(collected, shape))
        return op

    def _at(self, id: NodeId) -> _Values:
        """Return what names stand for at a path."""
        if id not in self._known:
            outer = self._at(id[:-1])
            layer, item = self._layer(id)
            values = {**outer, INDEX: item}
            call = layer.call_of(item) if layer else None
            if isinstance(call, GivenCall):
                use = self._graph.uses.get(id) or self._graph.uses[id[:-1]]
                call = made_by(call, use.bindings)
            self._known[id] = values
            if isinstance(call, BlockCall):
                self._known[id] = self._bound(call, values, id)
        return self._known[id]

    def _layer(self, id: NodeId) -> tuple[Layer | None, int]:
        """Return the layer that stands at a path, and which of its copies does."""
        layer, above = (self._actor(x) for x in (id, id[:-1]))
        if layer and layer.said.repeat is None:
            return layer, layer.index or 0
        if layer is None and above and above.said.repeat is not None:
            return above, next(i for i in count() if above.said.copies.name(i) == id[-1])
        return None, 0

    def _actor(self, id: NodeId) -> Layer | None:
        """Return the layer at a path, or the one that it shares."""
        use = self._graph.uses.get(id)
        if use and isinstance(use.layer.call, ShareCall):
            return self._actor((*id[:-1], use.layer.call.target.name))
        return use.layer if use else None

    def _bound(self, call: BlockCall, values: _Values, id: NodeId) -> _Values:
        """Return what a block's parameters stand for in a use."""
        block = self._blocks[call.block]
        result: dict[str, object] = {**self._globals}
        for param in block.params.values():
            given = call.arguments.get(param.name)
            result[param.name] = substitute(given.value, values) if given else param.default
        for text in block.measured:
            width = widths(block.inputs)[text]
            result[text] = self.shapes[self._instances[id].inputs[width.input]][width.axis]
        return result


def _letters(rank: int) -> Sequence[str]:
    return _LETTERS.get(rank) or [f"S{axis}" for axis in range(rank)]
