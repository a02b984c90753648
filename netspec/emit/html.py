"""The network as one HTML file to explore offline: zoom, pan, open and close blocks, search.

The page figure and this page share their routes: which links are lines, on which side a lane runs,
what has tags. That is decided here once, for open blocks, and a closed block keeps it; the script
measures and places with the rules of `figure/stack`, since only it knows what is open.
"""

from __future__ import annotations

import json
import pkgutil
from html import escape
from pathlib import PurePath
from typing import Any

from netspec import limits
from netspec.analysis.network import Network
from netspec.analysis.receptive import describe, see
from netspec.emit.diagram.flow import Fan, Series, Side
from netspec.emit.diagram.numbers import cost_text, shape_text, total_text
from netspec.emit.diagram.routes import Routes, route
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import Cluster, Item, Leaf, leaves
from netspec.emit.palette import fills
from netspec.graph.model import NodeId, path
from netspec.ops.window import times
from netspec.text.diagnostics import escape as shown

_PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1><span class="totals">{totals}</span>
<input id="search" type="search" placeholder="search ( / )" aria-label="search layers">
<span id="count" aria-live="polite"></span>
<button data-key="e">open all (e)</button><button data-key="c">close all (c)</button>
<button data-key="+">+</button><button data-key="-">−</button><button data-key="f">fit (f)</button>
<button data-key="t">theme (t)</button>
</header>
<svg role="group" aria-label="{title}"></svg>
<div id="about" role="status"></div>
<script type="application/json" id="network">{data}</script>
<script>
{script}</script>
</body>
</html>
"""


def to_html(network: Network) -> str:
    """Return the network as a page of at most 300 kB that fetches nothing and opens offline."""
    page = ""
    for root in Details(network):
        page = _page(network, root)
        if len(page.encode()) <= limits.HTML_BYTES:
            break
    return page


def _page(network: Network, root: Cluster) -> str:
    content = _Exporter(network, root).contents(route(root))
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    # Inside a script element only "<" can end it or open a comment.
    return _PAGE.format(
        title=escape(network.graph.name),
        totals=escape(total_text(network).partition(" · ")[2]),
        data=text.replace("<", "\\u003c"),
        style=_style(root),
        script=_asset("figure.js"),
    )


def _asset(name: str) -> str:
    data = pkgutil.get_data("netspec", f"data/{name}")
    assert data is not None
    return data.decode()


def _style(root: Cluster) -> str:
    used = fills((leaf.kind, leaf.kernel) for leaf in leaves(root))
    rules = [f"svg .{fill.key} {{ fill: {fill.light}; }}\n" for fill in used]
    night = '[data-theme="dark"] svg'
    rules += [f"{night} .{fill.key} {{ fill: {fill.dark}; }}\n" for fill in used]
    return _asset("figure.css") + "".join(rules)


class _Exporter:
    """Turns the tree, its flows and its routes into plain data for the script."""

    def __init__(self, network: Network, root: Cluster) -> None:
        self._network = network
        self._busiest = max(1, *(leaf.cost.macs for leaf in leaves(root)))
        self._numbers: dict[NodeId, int] = {}
        self._fields = see(network.graph, network.shapes)

    def contents(self, routes: Routes) -> dict[str, Any]:
        """Return a cluster's items, and its main series with what hangs beside it."""
        items = []
        for i, child in enumerate(routes.cluster.children):
            item = self._item(child)
            if i in routes.inner:
                item |= self.contents(routes.inner[i]) | {"cost": cost_text(child.cost)}
            items.append(item)
        flow = self._series(routes, routes.flow.main)
        sides = [self._side(routes, side) for side in routes.flow.sides]
        return {"items": items, "flow": flow | ({"sides": sides} if sides else {})}

    def _item(self, item: Item) -> dict[str, Any]:
        """Return what the page shows of a box."""
        result: dict[str, Any] = {"label": item.counted, "about": self._about(item)}
        result |= {"path": path(item.id)} if item.nodes and item.id[0] else {}
        result |= {"block": item.block} if item.block else {}
        result |= {"head": 1} if item.train_only else {}
        result |= {"yaml": yaml} if (yaml := self._yaml(item)) else {}
        if item.cost.macs:
            result["bar"] = round(min(1.0, item.cost.macs / self._busiest), 3)
        return result | ({"kind": item.fill.key} if isinstance(item, Leaf) else {})

    def _about(self, item: Item) -> str:
        """Return the words of the box that appears on hovering."""
        lines = [f"use of {item.block}" if item.block else "", self._ops(item)]
        lines.append(f"output {times(item.shape)}")
        if item.cost.params or item.cost.macs:
            lines.append(f"{item.each}{item.cost.params:,} parameters · {item.cost.macs:,} MACs")
        lines.append(describe(self._fields.get(item.output or (), ())))
        lines.append("runs only in training" if item.train_only else "")
        return "\n".join(filter(None, lines))

    def _ops(self, item: Item) -> str:
        """Return the ops in a box that stands for several."""
        nodes = self._network.graph.nodes
        found = [nodes[x].op.label() for x in item.nodes if x in nodes and isinstance(item, Leaf)]
        return " → ".join(found) if 1 < len(found) <= 6 else ""

    def _yaml(self, item: Item) -> str:
        """Return the line of the spec that a box comes from."""
        graph = self._network.graph
        use = graph.uses.get(item.id) or graph.uses.get(item.id[:-1])
        if use is None or not item.nodes or use.layer.span.source.secret:
            return ""
        span = use.layer.span
        name = PurePath(span.source.name).name
        return shown(f"{name}:{span.line}  {span.source.line(span.line).strip()[:120]}")

    def _side(self, routes: Routes, side: Side) -> dict[str, Any]:
        head, flow = int(routes.is_head(side.link.target)), self._series(routes, side.series)
        return {"after": side.after, "tap": int(side.is_tap), "head": head, "flow": flow}

    def _series(self, routes: Routes, series: Series) -> dict[str, Any]:
        parts = [self._part(routes, series, i) for i in range(len(series.parts))]
        skips = []
        for skip, side in routes.lanes[series].lanes:
            port, head = routes.port(skip.link), int(routes.is_head(skip.link.target))
            skips.append([skip.start, skip.end, side, port, head])
        result = {"entry": series.entry, "parts": parts, "skips": skips}
        return result | ({"head": 1} if routes.are_heads(series) else {})

    def _part(self, routes: Routes, series: Series, i: int) -> dict[str, Any]:
        """Return one part, with what stands on the lines from the part above."""
        part, before = series.parts[i], routes.before(series, i)
        lines = [[link.source, routes.port(link)] for link in routes.drawn(series, i)]
        result: dict[str, Any] = {}
        if isinstance(part, Fan):
            result["fan"] = [self._series(routes, branch) for branch in part.branches]
        elif part < 0:
            result["port"] = -1 - part
            result |= {"into": [[self._number(routes.output(part)), 0]]} if i else {}
        else:
            result |= {"item": part, "lines": lines} | self._tags(routes, part)
            result |= {"head": 1} if routes.is_head(part) else {}
        if before is None:
            return result
        if i and (lines or (isinstance(part, Fan) and part.entry is not None)):
            result["shape"] = shape_text(self._network.shapes[routes.output(before)])
        if before in routes.out:
            result["out"] = ",".join(map(self._number, routes.out[before]))
        return result

    def _tags(self, routes: Routes, part: int) -> dict[str, Any]:
        """Return the numbers that point at a child, each with the input that it belongs to."""
        reads, nodes = routes.cluster.children[part].reads, routes.into.get(part, [])
        tags = [[self._number(x), reads.index(x)] for x in dict.fromkeys(nodes)]
        return {"into": tags} if tags else {}

    def _number(self, node: NodeId) -> str:
        return str(self._numbers.setdefault(node, len(self._numbers) + 1))
