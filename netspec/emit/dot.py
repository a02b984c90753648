"""Graphviz: a network as DOT text, and a picture of it through the `dot` program."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import cost_text
from netspec.emit.diagram.runs import readable, shorten
from netspec.emit.diagram.tree import Cluster, Item, Leaf, Link, Outline, branch_order, leaves, tail
from netspec.emit.palette import fills
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

    outline = Outline(network, fold=False)
    root = outline.at(readable(outline, depth, limits.DOT_BOXES))
    if len(root.children) > limits.DOT_BOXES:
        root = shorten(root, limits.DOT_BOXES)
    dot = graphviz.Digraph(network.graph.name)
    # With `newrank` boxes of several clusters can share a row, as the entries of branches must.
    dot.attr(rankdir="TB", newrank="true", nodesep="0.15", ranksep="0.3", fontname=_FONT)
    dot.attr("node", shape="box", style="filled", fontname=_FONT, fontsize="11", margin="0.08,0.04")
    dot.attr("edge", fontname=_FONT, fontsize="9", color=_EDGE, fontcolor=_EDGE, arrowsize="0.6")
    _contents(root, network, dot)
    _legend(root, dot)
    return str(dot.source)


def render_dot(source: str, format: str, timeout: float = 30.0) -> bytes:
    """Return Graphviz text as a picture (`svg`, `png`, `pdf` …). Raises DotError."""
    try:
        result = subprocess.run(
            ["dot", f"-T{format}"],
            input=source.encode(), capture_output=True, timeout=timeout, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        message = "the `dot` program is not installed; get it from https://graphviz.org/download/"
        hint = "(apt install graphviz, brew install graphviz), or write a .dot file"
        raise DotError(f"{message} {hint}") from None
    except subprocess.TimeoutExpired:
        raise DotError(f"`dot` took longer than {timeout:g} s; close blocks with --depth") from None
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode(errors="replace").strip()
        raise DotError(f"`dot` failed: {text}") from None
    return bytes(result.stdout)


def _contents(cluster: Cluster, network: Network, dot: graphviz.Digraph) -> None:
    """Write a cluster's items, their links, and what keeps its branches in order."""
    order = branch_order(cluster)
    for index in order:
        item = cluster.children[index]
        if isinstance(item, Leaf):
            _node(item, dot)
        else:
            with dot.subgraph(name=f"cluster_{path(item.id)}") as inner:
                _cluster(item, network, inner)
    place = {index: i for i, index in enumerate(order)}
    for link in sorted(cluster.links, key=lambda link: place[link.target]):
        _link(cluster, link, network, dot)
    readers: dict[int, set[int]] = {}
    for link in cluster.links:
        readers.setdefault(link.target, set()).add(link.source)
    firsts = [cluster.children[i] for i in order if readers.get(i) == {-1}]
    _keep_order([path(x.id) if isinstance(x, Leaf) else _hub(x, 0) for x in firsts], dot)


def _cluster(item: Cluster, network: Network, dot: graphviz.Digraph) -> None:
    """Write a block; each of its inputs is a hub point from which branches fan out."""
    style = "dashed" if item.train_only else "rounded"
    colour = _HEAD if item.train_only else "#999999"
    label = _text(f"{item.label} · {cost_text(item.cost)}{_note(item)}")
    dot.attr(label=label, labeljust="l", style=style, color=colour, fontsize="11")
    for i in range(len(item.reads)):
        dot.node(_hub(item, i), shape="point", width="0.03", label="", color=_EDGE)
    _contents(item, network, dot)


def _link(cluster: Cluster, link: Link, network: Network, dot: graphviz.Digraph) -> None:
    """Write a link; its shape stands on the way into a block, not again on each branch."""
    target = cluster.children[link.target]
    home, source = tail(cluster, link.source)
    start = path(home.children[source].id) if source >= 0 else _hub(home, -1 - source)
    style = "dashed" if target.train_only else "solid"
    label = "" if link.source < 0 else _text(times(network.shapes[link.node]))
    if isinstance(target, Leaf):
        dot.edge(start, path(target.id), label=label, style=style)
    else:
        hub = _hub(target, target.reads.index(link.node))
        dot.edge(start, hub, label=label, style=style, arrowhead="none")


def _node(leaf: Leaf, dot: graphviz.Digraph) -> None:
    lines = [leaf.label]
    if leaf.block and leaf.kind != "block":
        lines.insert(0, leaf.id[-1])
    if leaf.block or leaf.kind == "block":
        lines.append(cost_text(leaf.cost))
    text = _text("\n".join(lines) + _note(leaf))
    style = "filled,dashed" if leaf.train_only else "filled"
    colour = _HEAD if leaf.train_only else "#333333"
    rounded = "rounded," if leaf.kind in ("input", "block") else ""
    fill = leaf.fill.light
    dot.node(path(leaf.id), text, fillcolor=fill, style=rounded + style, color=colour)


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
    used = fills((leaf.kind, leaf.kernel) for leaf in leaves(root))
    kinds = {f"legend {kind.key}": kind for kind in used}
    with dot.subgraph(name="cluster legend") as legend:
        legend.attr(label="legend", style="rounded", color="#cccccc", fontsize="10")
        for name, kind in kinds.items():
            legend.node(name, _text(kind.name), fillcolor=kind.light, fontsize="9")
        names = [*kinds]
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


def _hub(cluster: Cluster, index: int) -> str:
    return f"{path(cluster.id)} in{index}"
