"""Mermaid: a network as the text that GitHub draws inside a ```mermaid block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import shape_text
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import JOINER, Cluster, Item, Leaf, branch_order, leaves, tail
from netspec.emit.palette import fills
from netspec.graph.model import NodeId

_Names = defaultdict[NodeId, str]
_SAFE = frozenset(" ·×²→–.,:/+-_()%")


def to_mermaid(network: Network, depth: int | None = None) -> str:
    """Return the network as a Mermaid flowchart; blocks more than `depth` levels down are closed.

    Further ones are closed where the text would pass the limits at which Mermaid refuses to draw.
    """
    for root in Details(network, depth):
        lines = _chart(root, network)
        text = "\n".join([*lines, ""])
        arrows = sum("->" in line for line in lines)
        if len(text) < limits.MERMAID_TEXT and arrows < limits.MERMAID_EDGES:
            break
    return text


def _chart(root: Cluster, network: Network) -> list[str]:
    # Short names for Mermaid: a layer may be called `end`, a node may not.
    names: _Names = defaultdict(lambda: f"n{len(names)}")
    lines = ["flowchart TB", *_contents(root, network, names, "  ")]
    for fill in fills((leaf.kind, leaf.kernel) for leaf in leaves(root)):
        lines.append(f"  classDef op_{fill.key} fill:{fill.light},stroke:#333,color:#111")
    if heads := [names[leaf.id] for leaf in leaves(root) if leaf.train_only]:
        lines.append("  classDef head stroke:#8a2f8a,stroke-dasharray:4 3")
        lines.append(f"  class {','.join(heads)} head")
    return lines


def _contents(cluster: Cluster, network: Network, names: _Names, indent: str) -> Iterator[str]:
    """Yield the lines of a cluster: its items in branch order, then what links them."""
    for index in branch_order(cluster):
        item = cluster.children[index]
        if isinstance(item, Leaf):
            yield indent + _node(item, names)
            continue
        title = JOINER.join(filter(None, (item.counted, item.costs)))
        title += " · training only" if item.train_only and not cluster.id else ""
        yield f'{indent}subgraph {names[item.id]}["{_text(title)}"]'
        yield from _contents(item, network, names, indent + "  ")
        yield f"{indent}end"
    for link in cluster.links:
        home, source = tail(cluster, link.source)
        # What enters a cluster is linked from outside of it, to all that read it inside.
        for head in _heads(cluster.children[link.target], link.node) if source >= 0 else ():
            arrow = "-.->" if head.train_only else "-->"
            shape = _text(shape_text(network.shapes[link.node]))
            label = f'|"{shape}"| ' if not cluster.id else ""
            yield f"{indent}{names[home.children[source].id]} {arrow} {label}{names[head.id]}"


def _node(leaf: Leaf, names: _Names) -> str:
    text = JOINER.join(filter(None, (leaf.counted, leaf.note)))
    opening, closing = ("([", "])") if leaf.kind == "input" else ("[", "]")
    return f'{names[leaf.id]}{opening}"{_text(text)}"{closing}:::op_{leaf.fill.key}'


def _heads(item: Item, node: NodeId) -> list[Leaf]:
    """Return the boxes inside an item that read a node from outside it."""
    if isinstance(item, Leaf):
        return [item]
    port = -1 - item.reads.index(node)
    readers = [item.children[link.target] for link in item.links if link.source == port]
    return [leaf for reader in dict.fromkeys(readers) for leaf in _heads(reader, node)]


def _text(text: str) -> str:
    """Return text in which every character that Mermaid or HTML might read is an entity."""
    return "".join(x if x.isalnum() or x in _SAFE else f"#{ord(x)};" for x in text)
