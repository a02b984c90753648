"""Graphviz: a network as DOT text, and a picture of it through the `dot` program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import cost_text
from netspec.emit.diagram.runs import readable, shorten
from netspec.emit.diagram.tree import Cluster, Item, Leaf, Link, Outline, branch_order, leaves
from netspec.emit.palette import KINDS
from netspec.graph.model import path
from netspec.ops.window import times

if TYPE_CHECKING:
    import graphviz


_FONT = "Helvetica,Arial,sans-serif"
_EDGE = "#555555"
_HEAD = "#8a3c8a"


class DotError(OSError):
    """The `dot` program is missing, failed or took too long; the text says what to do."""


def to_dot(network: Network, depth: int | None = None) -> str:
    """Return the network as Graphviz text, a cluster per use of a block.

    Blocks more than `depth` levels down are closed, and further ones where the program `dot` could
    not lay out so many boxes. Branches stand from left to right in the order of their join.
    """
    import graphviz

    root = _root(network, depth)
    dot = graphviz.Digraph(network.graph.name)
    dot.attr(rankdir="TB", newrank="true", nodesep="0.15", ranksep="0.3", fontname=_FONT)
    dot.attr("node", shape="box", style="filled", fontname=_FONT, fontsize="11", margin="0.08,0.04")
    dot.attr("edge", fontname=_FONT, fontsize="9", color=_EDGE, fontcolor=_EDGE, arrowsize="0.6")
    _Writer(network).contents(root, dot)
    _legend(root, dot)
    return str(dot.source)


def _root(network: Network, depth: int | None) -> Cluster:
    """Return what is drawn: as much as `dot` can lay out."""
    outline = Outline(network, fold=False)
    root = outline.at(readable(outline, depth, limits.DOT_BOXES))
    return shorten(root, limits.DOT_BOXES) if len(root.children) > limits.DOT_BOXES else root


def render_dot(source: str, format: str, timeout: float = 30.0) -> bytes:
    """Return Graphviz text as a picture (`svg`, `png`, `pdf` …). Raises DotError."""
    command = ["dot", f"-T{format}"]
    try:
        result = subprocess.run(
            command, input=source.encode(), capture_output=True, timeout=timeout, check=True
        )
    except FileNotFoundError:
        message = "the `dot` program is not installed; get it from https://graphviz.org/download/"
        hint = "(apt install graphviz, brew install graphviz), or write a .dot file"
        raise DotError(f"{message} {hint}") from None
    except subprocess.TimeoutExpired:
        message = f"`dot` took longer than {timeout:g} s; close blocks with --depth"
        raise DotError(message) from None
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode(errors="replace").strip()
        raise DotError(f"`dot` failed: {text}") from None
    return bytes(result.stdout)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes clusters. Each input of one is a hub point from which branches fan out."""

    network: Network

    def contents(self, cluster: Cluster, dot: graphviz.Digraph) -> None:
        """Write a cluster's items, their links, and what keeps its branches in order."""
        order = branch_order(cluster)
        for index in order:
            self._item(cluster.children[index], dot)
        place = {index: i for i, index in enumerate(order)}
        for link in sorted(cluster.links, key=lambda link: place[link.target]):
            self._link(cluster, link, dot)
        _keep_order(_entries(cluster, order), dot)

    def _item(self, item: Item, dot: graphviz.Digraph) -> None:
        if isinstance(item, Leaf):
            _node(item, dot)
            return
        with dot.subgraph(name=f"cluster_{path(item.id)}") as cluster:
            style = "dashed" if item.train_only else "rounded"
            colour = _HEAD if item.train_only else "#999999"
            label = _text(f"{item.label} · {cost_text(item.cost)}{_note(item)}")
            cluster.attr(label=label, labeljust="l", style=style, color=colour, fontsize="11")
            for i in range(len(item.reads)):
                cluster.node(_hub(item, i), shape="point", width="0.03", label="", color=_EDGE)
            self.contents(item, cluster)

    def _link(self, cluster: Cluster, link: Link, dot: graphviz.Digraph) -> None:
        """Write a link; its shape stands on the way into a block, not again on each branch."""
        target = cluster.children[link.target]
        tail = _tail(cluster, link.source)
        style = "dashed" if target.train_only else "solid"
        label = "" if link.source < 0 else _text(times(self.network.shapes[link.node]))
        if isinstance(target, Leaf):
            dot.edge(tail, _name(target), label=label, style=style)
        else:
            hub = _hub(target, target.reads.index(link.node))
            dot.edge(tail, hub, label=label, style=style, arrowhead="none")


def _node(leaf: Leaf, dot: graphviz.Digraph) -> None:
    lines = [leaf.label]
    if leaf.block and leaf.kind != "block":
        lines.insert(0, leaf.id[-1])
    if leaf.block or leaf.kind == "block":
        lines.append(cost_text(leaf.cost))
    text = _text("\n".join(lines) + _note(leaf))
    style = "filled,dashed" if leaf.train_only else "filled"
    colour = _HEAD if leaf.train_only else "#333333"
    rounded = {"input": "rounded,", "block": "rounded,"}.get(leaf.kind, "")
    dot.node(
        _name(leaf), text, fillcolor=KINDS[leaf.kind].light, style=rounded + style, color=colour
    )


def _entries(cluster: Cluster, order: list[int]) -> list[str]:
    """Return the first node of each branch of a cluster, in the order of the join."""
    readers: dict[int, set[int]] = {}
    for link in cluster.links:
        readers.setdefault(link.target, set()).add(link.source)
    firsts = [i for i in order if readers.get(i) == {-1}]
    return [_entry(cluster.children[i]) for i in firsts]


def _keep_order(entries: list[str], dot: graphviz.Digraph) -> None:
    """Chain the entries of branches on one row: Graphviz then keeps them from left to right."""
    if len(entries) < 2:
        return
    with dot.subgraph() as row:
        row.attr(rank="same")
        for left, right in pairwise(entries):
            row.edge(left, right, style="invis")


def _legend(root: Cluster, dot: graphviz.Digraph) -> None:
    """Write a row with the colours that occur, and what dashed lines mean."""
    used = {leaf.kind for leaf in leaves(root)}
    kinds = [key for key in KINDS if key in used]
    names = [f"legend {key}" for key in kinds]
    with dot.subgraph(name="cluster legend") as legend:
        legend.attr(label="legend", style="rounded", color="#cccccc", fontsize="10")
        for key, name in zip(kinds, names, strict=True):
            kind = KINDS[key]
            legend.node(name, _text(kind.name), fillcolor=kind.light, fontsize="9")
        if any(item.train_only for item in leaves(root)):
            names.append("legend head")
            legend.node(names[-1], "training only", style="dashed", color=_HEAD, fontsize="9")
        _keep_order(names, legend)


def _text(text: str) -> str:
    """Return spec text so that Graphviz can read neither markup nor escapes from it."""
    import graphviz

    lines = (str(graphviz.escape(line)) for line in text.split("\n"))
    # Only the type that `nohtml` returns says so: as a plain string `<b>` would be HTML again.
    quoted: str = graphviz.nohtml("\\n".join(lines))
    return quoted


def _note(item: Item) -> str:
    return " (training only)" if item.train_only and len(item.id) == 1 else ""


def _name(leaf: Leaf) -> str:
    return path(leaf.id)


def _hub(cluster: Cluster, index: int) -> str:
    return f"{path(cluster.id)} in{index}"


def _entry(item: Item) -> str:
    return _name(item) if isinstance(item, Leaf) else _hub(item, 0)


def _tail(cluster: Cluster, source: int) -> str:
    """Return the node that an item's output leaves from."""
    if source < 0:
        return _hub(cluster, -1 - source)
    item = cluster.children[source]
    while isinstance(item, Cluster):
        if item.exit < 0:
            return _hub(item, -1 - item.exit)
        item = item.children[item.exit]
    return _name(item)
