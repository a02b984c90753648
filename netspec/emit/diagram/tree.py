"""What a picture shows: clusters of items, and the links between the items of a cluster.

Every reference of the language stays inside one chain, so a link never crosses a cluster's border
except through the cluster's inputs and its one output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from netspec.analysis.costs import NodeCost
from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import borrowed, cost_text
from netspec.emit.diagram.parts import FEW, Part, parts
from netspec.emit.palette import Fill, fill
from netspec.graph.model import GraphOutput, NodeId, Sizes
from netspec.language.model import BlockCall, Chain, OpCall, Parallel
from netspec.ops.base import STYLES, Join
from netspec.ops.dim import Shape
from netspec.ops.window import times

JOINER = " · "
"""What stands between the ops of one box."""


class Link(NamedTuple):
    """Data from one item of a cluster to another; a source below 0 is the input -1 - source.

    `node` is the node whose output flows, so that a picture can show its shape.
    """

    source: int
    target: int
    node: NodeId


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What a box and a block's frame have in common; a frame is of kind "block".

    `nodes` are the first few that it stands for, `exits` those that others read, `block` the block
    that it is a use of, `stack` the repeated layer that it is a copy of, `count` how many equal
    ones in a row it stands for, `lender` the layer beside it whose weights it shares.
    """

    id: NodeId
    label: str
    kind: str
    nodes: tuple[NodeId, ...]
    exits: tuple[NodeId, ...]
    reads: tuple[NodeId, ...]
    output: NodeId | None
    shape: Sizes
    cost: NodeCost
    train_only: bool = False
    block: str = ""
    stack: NodeId = ()
    count: int = 1
    lender: str = ""

    @property
    def times(self) -> str:
        """What stands behind the label: the count."""
        return f" ×{self.count}" if self.count > 1 else ""

    @property
    def counted(self) -> str:
        """The label with the count."""
        return self.label + self.times

    @property
    def each(self) -> str:
        """What stands before the costs, which are those of one of them."""
        return "each " if self.count > 1 else ""

    @property
    def costs(self) -> str:
        """The parameters and multiply-adds in few words; nothing of what has neither."""
        text = cost_text(self.cost, self.lender)
        return self.each + text if text else ""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(_Shown):
    """One box: an op, a small block around one op, a closed block, an input or an output.

    `words` are the labels of the ops in it in their order, of which the one at `main` gives it its
    kind and `kernel`; `brief` is that one's label for narrow boxes, and `has_depth` if papers call
    it a layer. What is no op has no words.
    """

    words: tuple[str, ...] = ()
    main: int = 0
    brief: str = ""
    kernel: Shape = ()
    has_depth: bool = False

    @property
    def around(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words of the ops before the main one, and of those behind it."""
        return self.words[: self.main], self.words[self.main + 1 :]

    @property
    def note(self) -> str:
        """What stands below the words: costs of a closed block, whose weights an op shares."""
        return self.costs if self.kind == "block" else borrowed(self.lender)

    @property
    def fill(self) -> Fill:
        return fill(self.kind, self.kernel)


@dataclass(frozen=True, slots=True, eq=False)
class Cluster(_Shown):
    """A block's use, or the network; `exit` is the item that gives the output."""

    children: tuple[Item, ...] = ()
    links: tuple[Link, ...] = ()
    exit: int = 0

    def is_line(self, link: Link) -> bool:
        """Tell whether a link may be a line: what an item gives beside its output has a number."""
        return link.source < 0 or link.node == self.children[link.source].output


Item = Leaf | Cluster


class View(NamedTuple):
    """Which blocks are closed: those below `depth` levels that are not `opened`, and others."""

    depth: int | None = None
    closed: Collection[NodeId] = ()
    opened: Collection[NodeId] = ()


def build(network: Network, depth: int | None = None, fold: bool = True) -> Cluster:
    """Return the whole network as a cluster, blocks below `depth` levels closed.

    With `fold`, a block around a single real op (convolution, norm, activation) is one box, and
    what is written inline inside a block has no box of its own.
    """
    return Outline(network, fold).at(View(depth))


def title(node: NodeId) -> str:
    """Return an instance's name; numbers keep the name above them: layer1.0."""
    start = len(node) - 1
    while start > 0 and node[start].isdigit():
        start -= 1
    return ".".join(node[start:])


def layers(leaf: Leaf) -> list[str]:
    """Return the names of the layers in a box of ops, or of the first and last of many."""
    if leaf.count > 1 and leaf.output:
        return [f"{title(leaf.id)} … {title(leaf.output[: len(leaf.id)])}"]
    level = len(leaf.id)
    return [*dict.fromkeys(title(leaf.id if x[:level] == leaf.id else x) for x in leaf.nodes)]


def walk(cluster: Cluster) -> Iterator[Item]:
    """Yield all items below a cluster, outer ones first."""
    for child in cluster.children:
        yield child
        if isinstance(child, Cluster):
            yield from walk(child)


def leaves(cluster: Cluster) -> Iterator[Leaf]:
    """Yield the boxes below a cluster."""
    return (item for item in walk(cluster) if isinstance(item, Leaf))


def tail(cluster: Cluster, source: int) -> tuple[Cluster, int]:
    """Return the box from which data comes, in its cluster; below 0 an input of the cluster."""
    while source >= 0 and isinstance(item := cluster.children[source], Cluster):
        cluster, source = item, item.exit
    return cluster, source


def branch_order(cluster: Cluster) -> list[int]:
    """Return the children in the order in which a walk back from the exit meets them.

    Branches of a join come in the join's order; every child comes behind what it reads.
    """
    sources: dict[int, list[int]] = {}
    for link in cluster.links:
        sources.setdefault(link.target, []).append(link.source)
    order: list[int] = []
    seen: set[int] = set()
    stack = [(child, False) for child in range(len(cluster.children) - 1, -1, -1)]
    stack.append((cluster.exit, False))
    while stack:
        child, is_done = stack.pop()
        if is_done:
            order.append(child)
        elif child >= 0 and child not in seen:
            seen.add(child)
            stack.append((child, True))
            stack += [(source, False) for source in reversed(sources.get(child, []))]
    return order


class Outline:
    """What a network's pictures show, known before any is built, at whatever depth."""

    def __init__(self, network: Network, fold: bool = True) -> None:
        self._network = network
        self._graph = network.graph
        self._fold = fold
        self.parts = parts(network.graph, network.costs)

    def at(self, view: View) -> Cluster:
        """Return the network as a cluster with what a view closes."""
        none = NodeCost()
        inputs = [
            Leaf(id, f"{id[0]} {times(shape)}", "input", (id,), (id,), (), id, shape, none)
            for id, shape in self._graph.inputs.items()
        ]
        main = main_output(self._network)
        body = [*self._children(self.parts, 1, view)]
        # A training-only block that is its own output already carries the output's name.
        named = {item.id[0] for item in body if item.train_only and item.label == item.id[0]}
        outputs = [x for x in self._graph.outputs if x is main or x.name not in named]
        shapes = self._network.shapes
        # No layer has an empty name, so an output's id meets no other.
        leaves = [
            Leaf(("", x.name), x.name, "input", (), (), (x.node,), None, shapes[x.node], none,
                 x.train_only)
            for x in outputs
        ]  # fmt: skip
        items = [*inputs, *body, *leaves]
        exit = len(items) - len(leaves) + outputs.index(main)
        whole = Cluster((), self._graph.name, "block", (), (), (), None, (), none)
        return replace(whole, children=tuple(items), links=link(items, ()), exit=exit)

    def boxes(self, view: View, most: int) -> int:
        """Return how many boxes a view shows; what is beyond `most` is not counted."""
        return sum(1 for _ in islice(self.shown(view), most + 1))

    def shown(self, view: View) -> Iterator[tuple[Part, int, bool]]:
        """Yield what a view shows, outer parts first, with its level and whether it is one box."""
        waiting = [(iter(self.parts.children), 1)]
        while waiting:
            children, level = waiting[-1]
            part = next(children, None)
            if part is None:
                waiting.pop()
            elif part.children and self._is_open(part.id):
                waiting.append((iter(part.children), level))
            else:
                is_box = self._is_box(part, level, view)
                yield part, level, is_box
                if not is_box:
                    waiting.append((iter(part.children), level + 1))

    def _children(self, part: Part, level: int, view: View) -> Iterator[Item]:
        for below in part.children:
            if below.children and self._is_open(below.id):
                yield from self._children(below, level, view)
            else:
                yield self._item(below, level, view)

    def _is_open(self, id: NodeId) -> bool:
        """Tell whether what stands at a path is drawn without a box of its own."""
        use = self._graph.uses.get(id)
        if use is None:
            # An instance of a `repeat:` is a block of its own, a list branch is not.
            parent = self._graph.uses.get(id[:-1])
            return parent is None or parent.layer.said.repeat is None
        # An op in pieces is no block: its pieces are boxes of their own, each with its readers.
        if use.layer.said.repeat is not None or isinstance(use.layer.call, OpCall):
            return True
        return self._fold and isinstance(use.layer.call, Chain | Parallel) and len(id) > 1

    def _is_box(self, part: Part, level: int, view: View) -> bool:
        """Tell whether a part is one box: an op, a block around one, or a closed block."""
        is_deep = view.depth is not None and level >= view.depth
        is_opened = part.id in view.opened
        is_closed = part.id in view.closed or (is_deep and not is_opened)
        is_small = self._fold and (part.count == 1 or (self._is_around_one(part) and not is_opened))
        return is_closed or not part.children or is_small

    def _is_around_one(self, part: Part) -> bool:
        """Tell whether a part has one real op, and only light ones on the path through it."""
        # The box says all of its ops, so there must not be too many.
        if len(part.heavy) != 1 or part.count > FEW or isinstance(part.heavy[0].op, Join):
            return False
        return part.is_path and len(part.first.inputs) == 1

    def _item(self, part: Part, level: int, view: View) -> Item:
        """Return a part as one box, or as a cluster with its items linked."""
        output, reads, label, kind = part.last.id, self._reads(part), title(part.id), "block"
        shape, stack = self._network.shapes[output], self._stack(part.id)
        block, lender = self.block(part.id), self._lender(part)
        if not self._is_box(part, level, view):
            items = tuple(self._children(part, level + 1, view))
            return Cluster(
                part.id, label, kind, part.few, part.exits, reads, output, shape, part.cost,
                part.is_head, block, stack, 1, lender, items, link(items, reads), len(items) - 1,
            )  # fmt: skip
        closed = Leaf(
            part.id, label, kind, part.few, part.exits, reads, output, shape, part.cost,
            part.is_head, block, stack, lender=lender,
        )  # fmt: skip
        # What is closed around one op names it even where nothing is folded.
        is_one = not part.children or (self._fold and part.count == 1)
        return self._said(closed, part) if is_one or self._is_around_one(part) else closed

    def _lender(self, part: Part) -> str:
        """Return the layer beside a part whose weights it shares, if there are any."""
        level, owner = len(part.id), part.first.owner
        is_lent = owner[: level - 1] == part.id[:-1] and owner[level - 1 : level] != part.id[-1:]
        has_weights = any(node.op.weights(*map(self.shape, node.inputs)) for node in part.heavy)
        return owner[level - 1] if is_lent and has_weights else ""

    def _said(self, leaf: Leaf, part: Part) -> Leaf:
        """Return a box around one op with the words of what is in it."""
        main = part.heavy[0] if self._is_around_one(part) else part.first
        is_sum = isinstance(main.op, Join) and not main.op.operator
        end, place = f" → {leaf.shape[0]}" if is_sum else "", part.few.index(main.id)
        words = [self._graph.nodes[id].op.label() for id in part.few]
        words[place] += end
        kind = main.op.kind()
        return replace(
            leaf, label=JOINER.join(words), kind=kind if kind in STYLES else "other",
            words=tuple(words), main=place, brief=main.op.brief() + end,
            kernel=main.op.kernel(), has_depth=main.op.has_depth,
        )  # fmt: skip

    def _reads(self, part: Part) -> tuple[NodeId, ...]:
        """Return the nodes outside an item that it reads, a block's inputs in their order."""
        if part.count == 1:
            return part.first.inputs
        use = self._graph.uses.get(part.id)
        first = [x for x in use.inputs if x in part.reads] if use else []
        return tuple(dict.fromkeys([*first, *part.reads]))

    def shape(self, id: NodeId) -> Sizes:
        """Return the shape of what a node gives."""
        return self._network.shapes[id]

    def block(self, id: NodeId) -> str:
        """Return the name of the block that a path is a use of."""
        use = self._graph.uses.get(self._stack(id) or id)
        return use.layer.call.block if use and isinstance(use.layer.call, BlockCall) else ""

    def _stack(self, id: NodeId) -> NodeId:
        """Return the repeated layer of which a copy stands at a path: its use is one level up."""
        use = self._graph.uses.get(id[:-1])
        is_copy = id not in self._graph.uses and use and use.layer.said.repeat is not None
        return id[:-1] if is_copy else ()


def link(items: Sequence[Item], reads: tuple[NodeId, ...]) -> tuple[Link, ...]:
    """Return the links between the items of a cluster."""
    owner: Mapping[NodeId, int] = {
        **{node: -1 - i for i, node in enumerate(reads)},
        **{node: i for i, item in enumerate(items) for node in item.exits},
    }
    return tuple([Link(owner[x], i, x) for i, item in enumerate(items) for x in item.reads])


def main_output(network: Network) -> GraphOutput:
    """Return the output that the figure follows: most layers lie before it."""
    nodes = network.graph.nodes

    def weight(output: GraphOutput) -> tuple[bool, int]:
        # Nodes stand in the order of execution, so one way up meets every reader before its source.
        before = {output.node}
        for node in reversed([*nodes.values()]):
            before.update(node.inputs if node.id in before else ())
        return not output.train_only, len(before & nodes.keys())

    return max(network.graph.outputs, key=weight)
