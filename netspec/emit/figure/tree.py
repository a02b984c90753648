"""What a picture shows: groups of items, and the links between the items of a group.

Every reference of the language stays inside one chain, so a link never crosses a group's border
except through the group's inputs and its one output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from netspec.costs import NodeCost, total
from netspec.emit.palette import kind_of
from netspec.graph import GraphOutput, Node, NodeId, Sizes
from netspec.network import Network
from netspec.ops.window import times
from netspec.spec.model import BlockCall, Chain, Parallel

LIGHT_STYLES = ("norm", "activation", "dropout", "reshape")
"""Kinds of op that a block may add around its one real op and still be drawn as one box."""


class Link(NamedTuple):
    """Data from one item of a group to another; a source below 0 is the group's input -1 - source.

    `node` is the node whose output flows, so that a picture can show its shape.
    """

    source: int
    target: int
    node: NodeId


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One box: an op, a small block around one op, a closed block, an input or an output.

    `nodes` are what it stands for, `block` the block that it is a use of, `count` how many equal
    ones in a row it stands for.
    """

    id: NodeId
    label: str
    kind: str
    nodes: tuple[NodeId, ...]
    reads: tuple[NodeId, ...]
    output: NodeId | None
    shape: Sizes
    cost: NodeCost
    train_only: bool = False
    block: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A block's use with its items; `exit` is the item that gives the output (or an input)."""

    id: NodeId
    label: str
    children: tuple[Item, ...]
    links: tuple[Link, ...]
    exit: int
    nodes: tuple[NodeId, ...]
    reads: tuple[NodeId, ...]
    output: NodeId | None
    shape: Sizes
    cost: NodeCost
    train_only: bool = False
    block: str = ""
    count: int = 1


Item = Leaf | Group

_Trie = dict[str, "_Trie | Node"]


def build(network: Network, depth: int | None = None, fold: bool = True) -> Group:
    """Return the whole network as a group, blocks below `depth` levels closed.

    With `fold`, a block around a single real op (convolution, norm, activation) is one box, and
    what is written inline inside a block has no box of its own.
    """
    return _Builder(network, depth, fold).root()


def title(node: NodeId) -> str:
    """Return an instance's name; numbers keep the name above them: layer1.0."""
    start = len(node) - 1
    while start > 0 and node[start].isdigit():
        start -= 1
    return ".".join(node[start:])


def walk(group: Group) -> Iterator[Item]:
    """Yield all items below a group, outer ones first."""
    for child in group.children:
        yield child
        if isinstance(child, Group):
            yield from walk(child)


def leaves(group: Group) -> Iterator[Leaf]:
    """Yield the boxes below a group."""
    return (item for item in walk(group) if isinstance(item, Leaf))


def branch_order(group: Group) -> list[int]:
    """Return the children in the order in which a walk back from the exit meets them.

    Branches of a join come in the join's order; every child comes behind what it reads.
    """
    sources: dict[int, list[int]] = {}
    for link in group.links:
        sources.setdefault(link.target, []).append(link.source)
    order: list[int] = []
    seen: set[int] = set()
    stack = [(child, False) for child in range(len(group.children) - 1, -1, -1)]
    stack.append((group.exit, False))
    while stack:
        child, is_done = stack.pop()
        if is_done:
            order.append(child)
        elif child >= 0 and child not in seen:
            seen.add(child)
            stack.append((child, True))
            stack += [(source, False) for source in reversed(sources.get(child, []))]
    return order


class _Builder:
    """Builds the tree of one network."""

    def __init__(self, network: Network, depth: int | None, fold: bool) -> None:
        self._network = network
        self._graph = network.graph
        self._depth = depth
        self._fold = fold

    def root(self) -> Group:
        inputs = [self._input(node, shape) for node, shape in self._graph.inputs.items()]
        main = main_output(self._network)
        # A head that is its own output already carries the output's name.
        heads = {layer.name for layer in self._network.spec.heads}
        outputs = [x for x in self._graph.outputs if x is main or x.name not in heads]
        leaves = [self._output(output) for output in outputs]
        items = [*inputs, *self._children((), self._trie(), 1), *leaves]
        group = self._group((), items, (), None)
        exit = len(items) - len(leaves) + outputs.index(main)
        return replace(group, label=self._graph.name, exit=exit)

    def _trie(self) -> _Trie:
        root: _Trie = {}
        for node in self._graph.nodes.values():
            place = root
            for part in node.id[:-1]:
                inner = place.setdefault(part, {})
                assert isinstance(inner, dict)
                place = inner
            place[node.id[-1]] = node
        return root

    def _input(self, node: NodeId, shape: Sizes) -> Leaf:
        label = f"{node[0]} {times(shape)}"
        return Leaf(node, label, "input", (node,), (), node, shape, NodeCost())

    def _output(self, output: GraphOutput) -> Leaf:
        shape = self._network.shapes[output.node]
        id = ("", output.name)  # no layer has an empty name, so this meets no other id
        reads = (output.node,)
        return Leaf(id, output.name, "input", (), reads, None, shape, NodeCost(), output.train_only)

    def _children(self, prefix: NodeId, trie: _Trie, level: int) -> Iterator[Item]:
        for name, below in trie.items():
            id = (*prefix, name)
            if isinstance(below, Node):
                yield self._leaf(id, (below,), below)
            elif self._is_open(id):
                yield from self._children(id, below, level)
            else:
                yield self._item(id, below, level)

    def _is_open(self, id: NodeId) -> bool:
        """Tell whether what stands at a path is drawn without a box of its own."""
        use = self._graph.uses.get(id)
        if use is None:
            # An instance of a `repeat:` is a block of its own, a list branch is not.
            parent = self._graph.uses.get(id[:-1])
            return parent is None or parent.layer.repeat is None
        if use.layer.repeat is not None:
            return True
        return self._fold and isinstance(use.layer.call, Chain | Parallel) and len(id) > 1

    def _item(self, id: NodeId, below: _Trie, level: int) -> Item:
        nodes = tuple(_nodes(below))
        heavy = [node for node in nodes if node.op.style not in LIGHT_STYLES]
        is_small = len(heavy) == 1 and heavy[0].op.style != "join" and _is_path(nodes)
        is_closed = self._depth is not None and level >= self._depth
        if is_small and (self._fold or is_closed):
            return self._leaf(id, nodes, heavy[0])
        if len(nodes) == 1 and self._fold:
            return self._leaf(id, nodes, nodes[0])
        if is_closed:
            return self._closed(id, nodes)
        return self._group(id, list(self._children(id, below, level + 1)), nodes, nodes[-1].id)

    def _leaf(self, id: NodeId, nodes: tuple[Node, ...], main: Node) -> Leaf:
        """Return the box of an op, or of a block around it."""
        label = main.op.label()
        if main.op.op_name == "concat":
            label += f" → {self._network.shapes[nodes[-1].id][0]}"
        return self._box(id, nodes, label, kind_of(main.op))

    def _closed(self, id: NodeId, nodes: tuple[Node, ...]) -> Leaf:
        return self._box(id, nodes, title(id), "block")

    def _box(self, id: NodeId, nodes: tuple[Node, ...], label: str, kind: str) -> Leaf:
        ids = tuple(node.id for node in nodes)
        output, is_head = ids[-1], all(node.train_only for node in nodes)
        shape = self._network.shapes[output]
        reads, cost, block = self._reads(id, nodes), self._cost(ids), self._block(id)
        return Leaf(id, label, kind, ids, reads, output, shape, cost, is_head, block)

    def _group(
        self, id: NodeId, items: list[Item], nodes: Sequence[Node], output: NodeId | None
    ) -> Group:
        """Return a group with its items in branch order, linked."""
        reads = self._reads(id, nodes)
        ids = tuple(node.id for node in nodes)
        links, exit = link(items, reads, output)
        shape = self._network.shapes[output] if output else ()
        is_head = bool(nodes) and all(node.train_only for node in nodes)
        block, cost = self._block(id), self._cost(ids)
        return Group(
            id, title(id) if id else "", tuple(items), links, exit,
            ids, reads, output, shape, cost, is_head, block,
        )  # fmt: skip

    def _reads(self, id: NodeId, nodes: Sequence[Node]) -> tuple[NodeId, ...]:
        """Return the nodes outside an item that it reads, a block's inputs in their order."""
        if len(nodes) == 1:
            return nodes[0].inputs
        own = {node.id for node in nodes}
        found = dict.fromkeys(x for node in nodes for x in node.inputs if x not in own)
        use = self._graph.uses.get(id)
        first = [x for x in use.inputs if x in found] if use else []
        return tuple(dict.fromkeys([*first, *found]))

    def _cost(self, nodes: tuple[NodeId, ...]) -> NodeCost:
        return total(self._network.costs[node] for node in nodes)

    def _block(self, id: NodeId) -> str:
        uses = self._graph.uses
        use = uses.get(id)
        if use is None:
            # An instance of a repeated layer: the use stands one level up.
            use = uses.get(id[:-1])
            if use is None or use.layer.repeat is None:
                return ""
        return use.layer.call.block if isinstance(use.layer.call, BlockCall) else ""


def _nodes(trie: _Trie) -> Iterator[Node]:
    for below in trie.values():
        if isinstance(below, Node):
            yield below
        else:
            yield from _nodes(below)


def _is_path(nodes: Sequence[Node]) -> bool:
    """Tell whether each node reads only the one before it."""
    pairs = pairwise(nodes)
    return len(nodes[0].inputs) == 1 and all(b.inputs == (a.id,) for a, b in pairs)


def link(
    items: Sequence[Item], reads: tuple[NodeId, ...], output: NodeId | None
) -> tuple[tuple[Link, ...], int]:
    """Link the items of a group; return the links and the item that gives the output."""
    owner: Mapping[NodeId, int] = {
        **{node: -1 - i for i, node in enumerate(reads)},
        **{node: i for i, item in enumerate(items) for node in item.nodes},
    }
    links = tuple(
        Link(owner[node], target, node) for target, item in enumerate(items) for node in item.reads
    )
    return links, owner[output] if output else len(items) - 1


def main_output(network: Network) -> GraphOutput:
    """Return the output that the figure follows: most layers lie before it."""
    return max(
        network.graph.outputs,
        key=lambda output: (not output.train_only, len(_ancestors(network, output.node))),
    )


def _ancestors(network: Network, node: NodeId) -> set[NodeId]:
    found: set[NodeId] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current not in found and current in network.graph.nodes:
            found.add(current)
            stack += network.graph.nodes[current].inputs
    return found
