"""Graphviz: a network as DOT text, and a picture of it through the `dot` program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.diagram.flow import Fan, Series, exits
from netspec.emit.diagram.numbers import cost_text, shape_text, total_text
from netspec.emit.diagram.routes import Routes, route
from netspec.emit.diagram.runs import details, readable, shorten, unframed
from netspec.emit.diagram.split import columns
from netspec.emit.diagram.tree import Cluster, Leaf, Link, Outline, branch_order, leaves, tail, walk
from netspec.emit.figure.svg import THEMES, Theme
from netspec.emit.palette import KINDS
from netspec.graph.model import path

if TYPE_CHECKING:
    import graphviz

_FONT = "Helvetica,Arial,sans-serif"
_ENTRIES = 6
"""Of the legend on one row."""
_RATIO = 4 / 3
"""The width of a landscape page by its height."""


class DotError(OSError):
    """The `dot` program is missing, failed or took too long; the text says what to do."""


def to_dot(network: Network, depth: int | None = None, theme: str = "light") -> str:
    """Return the network as Graphviz text, a cluster per use of a block.

    Blocks more than `depth` levels down are closed, and further ones where the program `dot` could
    not lay out so many boxes. A long network is split into columns, so that it fits a page.
    """
    best: Routes | None = None
    ratio = 0.0
    for root in _details(network, depth):
        routes = route(root)
        found = columns(routes, _RATIO).ratio
        if best is None or found > ratio:
            best, ratio = routes, found
        if ratio > _RATIO / 4:
            break
    assert best
    return _Writer(network, best, THEMES[theme]).source()


def _details(network: Network, depth: int | None) -> Iterator[Cluster]:
    """Yield the network with ever less detail: what stands in one frame cannot be in columns."""
    outline = Outline(network)
    root = outline.at(readable(outline, depth, limits.DOT_BOXES))
    if len(root.children) > limits.DOT_BOXES:
        root = shorten(root, limits.DOT_BOXES)
    yield unframed(root)
    if depth is None:
        yield from details(network, depth)


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


class _Writer:
    """Writes one network: first all boxes in their clusters, then what links and holds them."""

    def __init__(self, network: Network, routes: Routes, theme: Theme) -> None:
        import graphviz

        self._network, self._routes, self._theme = network, routes, theme
        self._root = root = routes.cluster
        self._owner = {node: path(leaf.id) for leaf in leaves(root) for node in leaf.exits}
        # A row of equal blocks is drawn as its first one, and read as its last.
        for block in [item for item in walk(root) if isinstance(item, Cluster)]:
            home, exit = tail(block, block.exit)
            self._owner[block.output or ()] = path(home.children[exit].id)
        self._columns = columns(self._routes, _RATIO)
        self._numbers = {link.node: 0 for link in self._columns.cut}
        self._numbers = {node: i for i, node in enumerate(self._numbers, 1)}
        self._dot = graphviz.Digraph(network.graph.name)

    def source(self) -> str:
        """Return the text."""
        self._looks()
        for i, children in enumerate(self._columns.children):
            self._boxes(self._routes, children, self._dot)
            self._ends(i, self._dot)
        for routes in _below(self._routes):
            self._links(routes)
            for series in routes.lanes:
                self._branches(routes, series)
        self._turns()
        # Written last, it is the label of no cluster.
        self._dot.attr(label=self._legend())
        return str(self._dot.source)

    def _looks(self) -> None:
        """Write what all boxes and lines have in common, and the legend."""
        theme, dot = self._theme, self._dot
        # With `newrank` boxes of several clusters can share a row, as the ends of branches must.
        dot.attr(
            rankdir="TB", newrank="true", nodesep="0.12", ranksep="0.16", fontname=_FONT,
            bgcolor=theme.paper, fontcolor=theme.ink, fontsize="9",
        )  # fmt: skip
        dot.attr(
            "node", shape="box", style="filled", fontname=_FONT, fontsize="9.5", penwidth="0.7",
            margin="0.07,0.03", height="0.22", width="0.64", fontcolor=theme.ink, color=theme.line,
        )  # fmt: skip
        dot.attr(
            "edge", fontname=_FONT, fontsize="9", color=theme.line, fontcolor=theme.faint,
            arrowsize="0.5", penwidth="0.8",
        )  # fmt: skip

    # ------------------------------------------------------------------ boxes

    def _boxes(self, routes: Routes, children: Iterable[int], dot: graphviz.Digraph) -> None:
        for child in children:
            item = routes.cluster.children[child]
            if isinstance(item, Leaf):
                self._leaf(item, dot)
            else:
                with dot.subgraph(name=f"cluster_{path(item.id)}") as inner:
                    self._frame(item, inner)
                    self._boxes(routes.inner[child], branch_order(item), inner)

    def _leaf(self, leaf: Leaf, dot: graphviz.Digraph) -> None:
        text = leaf.counted
        if leaf.kind == "block":
            text = f"{text.replace('_', ' ')}\n{leaf.each}{cost_text(leaf.cost)}"
        style = "filled"
        style += ",rounded" if leaf.kind in ("input", "block") else ""
        style += ",dashed" if leaf.train_only else ""
        colour = self._theme.head if leaf.train_only else self._theme.line
        fill = getattr(KINDS[leaf.kind], self._theme.fill)
        dot.node(path(leaf.id), _text(text), fillcolor=fill, style=style, color=colour)

    def _frame(self, block: Cluster, dot: graphviz.Digraph) -> None:
        """Write a block's border and the row of its name and inputs, from which its lines fork."""
        theme = self._theme
        dot.attr(
            bgcolor=theme.group, color=theme.head if block.train_only else theme.border,
            style="rounded,dashed" if block.train_only else "rounded", margin="6", penwidth="0.7",
        )  # fmt: skip
        # A cluster's own label would be no obstacle to edges; boxes beside its inputs are.
        words = f"{block.each}{cost_text(block.cost).replace(' · ', chr(10))}"
        name, costs = f"{path(block.id)} name", f"{path(block.id)} costs"
        looks = {"shape": "plaintext", "style": "", "margin": "0.02,0", "width": "0"}
        dot.node(name, _text(block.counted.replace("_", " ")), **looks)
        dot.node(costs, _text(words), fontsize="9", fontcolor=theme.faint, **looks)
        hubs = [_hub(block, i) for i in range(len(block.reads))]
        for hub in hubs:
            # As high as the texts beside it, or a line that leaves it sideways would cross them.
            dot.node(hub, "", width="0.01", height="0.36", fixedsize="true", penwidth="0",
                     fillcolor=theme.head if block.train_only else theme.line)  # fmt: skip
            _row([name, hub, costs], dot)

    def _ends(self, column: int, dot: graphviz.Digraph) -> None:
        """Write where lines enter and leave a column, and the numbers of those that are cut."""
        here = self._columns.children[column]
        for link, turn in self._columns.turns.items():
            if link.target in here:
                for name in ("high", "enter", "low"):
                    _point(f"{name} {turn}", dot)
            elif link.source in here:
                _point(f"leave {turn}", dot)
        names = [self._out(link) for link in self._columns.cut if link.source in here]
        names += [self._in(link) for link in self._columns.cut if link.target in here]
        for name in dict.fromkeys(names):
            number = name.split()[1]
            dot.node(name, number, shape="circle", width="0.18", margin="0.01", fontsize="9",
                     fillcolor=self._theme.paper)  # fmt: skip

    def _out(self, link: Link) -> str:
        return f"number {self._numbers[link.node]}"

    def _in(self, link: Link) -> str:
        return f"{self._out(link)} into {link.target}"

    # ------------------------------------------------------------------ lines

    def _links(self, routes: Routes) -> None:
        """Write the links of a cluster, in the order of their targets."""
        spine = {link for series in routes.lanes for link in series.linked}
        place = {child: i for i, child in enumerate(branch_order(routes.cluster))}
        is_root = routes is self._routes
        for link in sorted(dict.fromkeys(routes.cluster.links), key=lambda x: place[x.target]):
            target = routes.cluster.children[link.target]
            looks = {"style": "dashed", "color": self._theme.head} if target.train_only else {}
            if link.source < 0:
                start = _hub(routes.cluster, -1 - link.source)
                looks["tailport"] = "s"
            else:
                start = self._owner[link.node]
            if is_root and link in self._columns.cut:
                self._dot.edge(start, self._out(link), arrowhead="none")
                start = self._in(link)
            elif is_root and link in self._columns.turns:
                start = f"enter {self._columns.turns[link]}"
            if link in spine:
                looks |= {
                    "weight": "8",
                    "label": _text(f" {self._shape(link, routes.cluster)}".rstrip()),
                }
            if isinstance(target, Cluster):
                hub = _hub(target, target.reads.index(link.node))
                self._dot.edge(start, hub, arrowhead="none", headport="n", **looks)
            else:
                self._dot.edge(start, path(target.id), **looks)

    def _shape(self, link: Link, cluster: Cluster) -> str:
        """Return the shape to write beside a link; inside a block only where the size changed."""
        shape = self._network.shapes[link.node]
        if cluster.id:
            outer = self._network.shapes[cluster.reads[0]]
            if shape[1:] == outer[1:] or link.source < 0:
                return ""
        return _text(f" {shape_text(shape)}")

    def _branches(self, routes: Routes, series: Series) -> None:
        """Let branches end on one row, in the order in which a join reads them."""
        for fan in [part for part in series.parts if isinstance(part, Fan)]:
            ends = [routes.cluster.children[x] for x in exits(fan) if x >= 0 and x != fan.entry]
            _row([self._owner[x.output] for x in ends if x.output in self._owner], self._dot)

    def _turns(self) -> None:
        """Write the lines from the end of a column up to the top of the next one."""
        last = next(path(leaf.id) for leaf in leaves(self._root) if not leaf.reads)
        for column, link in {column: x for x, column in self._columns.turns.items()}.items():
            enter, leave, high, low = (f"{x} {column}" for x in ("enter", "leave", "high", "low"))
            self._dot.edge(self._owner[link.node], leave, arrowhead="none", weight="8")
            self._dot.edge(high, low, arrowhead="none", weight="8")
            _row([leave, low], self._dot, arrowhead="none")
            _row([high, enter], self._dot, arrowhead="none")
            _row([last, high], self._dot)
            # The line runs below all that hangs beside the column.
            for name in self._open_ends(column - 1):
                self._dot.edge(name, leave, style="invis", weight="0")
            cut = [self._in(x) for x in self._columns.cut if x.target == link.target]
            _row([enter, *dict.fromkeys(cut)], self._dot)
            last = [enter, *cut][-1]

    def _open_ends(self, column: int) -> list[str]:
        """Return the boxes of a column that nothing reads."""
        read = {link.source for link in self._root.links}
        items = [self._root.children[x] for x in self._columns.children[column] if x not in read]
        return [self._owner.get(item.output or (), path(item.id)) for item in items]

    # ------------------------------------------------------------------ the legend

    def _legend(self) -> str:
        """Return the colours that occur, what dashed lines mean, and the totals, as a table."""
        theme, shown = self._theme, [*leaves(self._root)]
        used = {leaf.kind for leaf in shown}
        entries = [
            (f'BORDER="1" BGCOLOR="{getattr(kind, theme.fill)}"', kind.name)
            for key, kind in KINDS.items()
            if key in used
        ]
        if any(leaf.train_only for leaf in shown):
            entries.append((f'BORDER="1" STYLE="dashed" COLOR="{theme.head}"', "training only"))
        if self._columns.cut:
            entries.append(('BORDER="0"', "equal numbers: one connection"))
        rows = [entries[i : i + _ENTRIES] for i in range(0, len(entries), _ENTRIES)]
        cells = [
            "".join(
                f'<TD WIDTH="16" {looks}> </TD><TD ALIGN="LEFT">{escape(words)}</TD>'
                for looks, words in row
            )
            for row in rows
        ]
        cells.append(f'<TD COLSPAN="{2 * _ENTRIES}">{escape(total_text(self._network))}</TD>')
        table = "".join(f"<TR>{row}</TR>" for row in cells)
        return f'<<TABLE BORDER="0" CELLBORDER="0" COLOR="{theme.line}">{table}</TABLE>>'


def _below(routes: Routes) -> Iterator[Routes]:
    """Yield the routes of a cluster and of all that lie in it."""
    yield routes
    for inner in routes.inner.values():
        yield from _below(inner)


def _hub(cluster: Cluster, index: int) -> str:
    return f"{path(cluster.id)} in{index}"


def _point(name: str, dot: graphviz.Digraph) -> None:
    dot.node(name, "", shape="point", width="0.01", height="0.01", style="")


def _row(names: Sequence[str], dot: graphviz.Digraph, **looks: str) -> None:
    """Keep boxes on one row, and from left to right."""
    if len(names) < 2:
        return
    with dot.subgraph() as row:
        row.attr(rank="same")
        for left, right in pairwise(names):
            row.edge(left, right, **(looks or {"style": "invis"}))


def _text(text: str, justify: str = "n") -> str:
    """Return spec text so that Graphviz can read neither markup nor escapes from it."""
    import graphviz

    lines = [str(graphviz.escape(line)) for line in text.split("\n")]
    # Only the type that `nohtml` returns says so: as a plain string `<b>` would be HTML again.
    quoted: str = graphviz.nohtml(f"\\{justify}".join([*lines, ""] if justify == "l" else lines))
    return quoted
