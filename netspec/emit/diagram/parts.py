"""The network as the tree of its paths, each part summed up once for all pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from netspec.analysis.costs import Costs, NodeCost, total
from netspec.graph.model import Graph, Node, NodeId

FEW = 7
"""How many of a part's nodes are kept by name."""

_Tree = dict[str, "_Tree | Node"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What stands at a path: a node, or all the nodes below it, `count` of them.

    `few` and `heavy` are the first ones only. `reads` are the nodes outside that these read,
    `exits` those of them that others read; `is_path` if each reads only the one before it.
    """

    id: NodeId
    children: tuple[Part, ...]
    first: Node
    last: Node
    count: int
    few: tuple[NodeId, ...]
    heavy: tuple[Node, ...]
    reads: tuple[NodeId, ...]
    exits: tuple[NodeId, ...]
    cost: NodeCost
    is_path: bool
    is_head: bool


def parts(graph: Graph, costs: Costs) -> Part:
    """Return the whole network as a part."""
    return _part((), _tree(graph), costs, _reach(graph))


def _tree(graph: Graph) -> _Tree:
    root: _Tree = {}
    for node in graph.nodes.values():
        place = root
        for name in node.id[:-1]:
            inner = place.setdefault(name, {})
            assert isinstance(inner, dict)
            place = inner
        place[node.id[-1]] = node
    return root


def _reach(graph: Graph) -> Mapping[NodeId, int]:
    """Return for each node that is read how many levels its farthest reader shares with it."""
    reach: dict[NodeId, int] = {output.node: 0 for output in graph.outputs}
    for node in graph.nodes.values():
        for source in node.inputs:
            same = takewhile(lambda pair: pair[0] == pair[1], zip(source, node.id, strict=False))
            shared = len(list(same))
            if shared < reach.get(source, shared + 1):
                reach[source] = shared
    return reach


def _part(id: NodeId, tree: _Tree | Node, costs: Costs, reach: Mapping[NodeId, int]) -> Part:
    if isinstance(tree, Node):
        return Part(
            id, (), tree, tree, 1, (id,), () if tree.op.is_light else (tree,), tree.inputs,
            (id,) if id in reach else (), costs[id], True, tree.train_only,
        )  # fmt: skip
    below = tuple([_part((*id, name), inner, costs, reach) for name, inner in tree.items()])
    level = len(id)
    outside = (x for part in below for x in part.reads if x[:level] != id)
    reads = tuple(dict.fromkeys(outside)) if id else ()
    # Few of each level: kept whole, the nodes would stand in every level above them again.
    heavy = tuple([node for part in below for node in part.heavy][:2])
    few = tuple([node for part in below[:FEW] for node in part.few][:FEW])
    return Part(
        id, below, below[0].first, below[-1].last, sum([part.count for part in below]),
        few, heavy, reads, tuple([x for part in below for x in part.exits if reach[x] < level]),
        total(part.cost for part in below), _is_path(below), all(part.is_head for part in below),
    )  # fmt: skip


def _is_path(below: Sequence[Part]) -> bool:
    """Tell whether each node of these parts reads only the one before it."""
    steps = all(b.first.inputs == (a.last.id,) for a, b in pairwise(below))
    return steps and all(part.is_path for part in below)
