"""Graphviz: a network as DOT text, and a picture of it through the `dot` program."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.emit.diagram.flow import Fan, Series, exits
from netspec.emit.diagram.numbers import total_text
from netspec.emit.diagram.routes import Routes, route
from netspec.emit.diagram.runs import Details, unframed
from netspec.emit.diagram.split import columns
from netspec.emit.diagram.tree import JOINER, Cluster, Leaf, Link, branch_order, leaves, tail, walk
from netspec.emit.figure.boxes import Boxes
from netspec.emit.figure.drawing import SMALL, TEXT
from netspec.emit.figure.legend import LegendEntry, entries
from netspec.emit.figure.room import Room, room
from netspec.emit.figure.svg import themed
from netspec.emit.figure.text import FAMILY
from netspec.emit.look import Look
from netspec.graph.model import path
from netspec.text.files import Refused

if TYPE_CHECKING:
    import graphviz

_FONT = FAMILY.replace("'", "").replace(", ", ",")
_STRIP = 0.25
"""What is narrower than so much of a page is a strip."""
_ENTRIES = 6
"""Of the legend on one row."""
_RATIO = 1.4
"""The width by the height where nothing says how large the picture may be."""


class DotError(Refused):
    """The `dot` program is missing, failed or took too long; the text says what to do."""


def to_dot(network: Network, look: Look | None = None) -> str:
    """Return the network as Graphviz text, a cluster per use of a block.

    A long network is split into columns, so that it has the proportions of a page; blocks are
    closed as `look` says, and further ones where a single one would be a strip. Raises LookError.
    """
    look = look or Look()
    best: Routes | None = None
    widest, ratio = 0.0, _ratio(look)
    for root in Details(network, look.depth, look.open):
        routes = route(unframed(root))
        found = columns(routes, ratio).ratio
        if best is None or found > widest:
            best, widest = routes, found
        if widest > ratio * _STRIP:
            break
    assert best
    return _Writer(network, best, look).source(room(look))


def _ratio(look: Look) -> float:
    """Return the width of a picture by its height."""
    bounds = room(look)
    return bounds.width / bounds.height if bounds else _RATIO


def render_dot(source: str, format: str, timeout: float = 30.0) -> bytes:
    """Return Graphviz text as a picture (`svg`, `png`, `pdf` …). Raises DotError."""
    try:
        result = subprocess.run(
            ["dot", f"-T{format}"],
            input=source.encode(), capture_output=True, timeout=timeout, check=True,
        )  # fmt: skip
    except (FileNotFoundError, PermissionError) as error:
        message = "the `dot` program is not installed; get it from https://graphviz.org/download/"
        hint = "(apt install graphviz, brew install graphviz), or write a .dot file"
        raise DotError(error.errno, f"{message} {hint}", "dot") from None
    except subprocess.TimeoutExpired:
        message = f"`dot` took longer than {timeout:g} s; close blocks with --depth"
        raise DotError(errno.ETIMEDOUT, message, "dot") from None
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode(errors="replace").strip()
        raise DotError(errno.EIO, f"`dot` failed: {text}", "dot") from None
    return bytes(result.stdout)


class _Writer:
    """Writes one network: first all boxes in their clusters, then what links and holds them."""

    def __init__(self, network: Network, routes: Routes, look: Look) -> None:
        import graphviz

        self._network, self._routes, self._theme = network, routes, themed(look)
        self._root = root = routes.cluster
        self._said = Boxes(network, root, look.names)
        self._owner = {node: path(leaf.id) for leaf in leaves(root) for node in leaf.exits}
        # A row of equal blocks is drawn as its first one, and read as its last.
        for block in [item for item in walk(root) if isinstance(item, Cluster)]:
            home, exit = tail(block, block.exit)
            self._owner[block.output or ()] = path(home.children[exit].id)
        self._columns = columns(routes, _ratio(look))
        cut = dict.fromkeys(link.node for link in self._columns.cut)
        self._numbers = {node: i for i, node in enumerate(cut, 1)}
        self._dot = graphviz.Digraph(network.graph.name)

    def source(self, bounds: Room | None) -> str:
        """Return the text of a picture for some room."""
        self._looks()
        for i, children in enumerate(self._columns.children):
            self._boxes(self._routes, children, self._dot)
            self._ends(i)
        for routes in self._routes.walk():
            self._links(routes)
            for series in routes.lanes:
                self._branches(routes, series)
        self._turns()
        # Written last, these are no cluster's.
        self._dot.attr(label=self._legend(), margin="0.06")
        if bounds:
            exact = "!" if bounds.is_exact else ""
            self._dot.attr(size=f"{bounds.width / 72:.4g},{bounds.height / 72:.4g}{exact}")
        return str(self._dot.source)

    def _looks(self) -> None:
        """Write what all boxes and lines have in common."""
        theme, dot = self._theme, self._dot
        # With `newrank` boxes of several clusters can share a row, as the ends of branches must.
        dot.attr(
            rankdir="TB", newrank="true", nodesep="0.12", ranksep="0.16", fontname=_FONT,
            bgcolor=theme.paper, fontcolor=theme.ink, fontsize=str(SMALL),
        )  # fmt: skip
        dot.attr(
            "node", shape="box", style="filled", fontname=_FONT, fontsize=str(TEXT), penwidth="0.7",
            margin="0.07,0.03", height="0.22", width="0.64", fontcolor=theme.ink, color=theme.line,
        )  # fmt: skip
        dot.attr(
            "edge", fontname=_FONT, fontsize=str(SMALL), color=theme.line, fontcolor=theme.faint,
            arrowsize="0.5", penwidth="1",
        )  # fmt: skip

    # ------------------------------------------------------------------ boxes

    def _boxes(self, routes: Routes, children: Iterable[int], dot: graphviz.Digraph) -> None:
        narrow = routes.flow.branched
        for child in children:
            item = routes.cluster.children[child]
            if isinstance(item, Leaf):
                self._leaf(item, child in narrow, dot)
            else:
                with dot.subgraph(name=f"cluster_{path(item.id)}") as inner:
                    self._frame(item, inner)
                    self._boxes(routes.inner[child], branch_order(item), inner)

    def _leaf(self, leaf: Leaf, is_narrow: bool, dot: graphviz.Digraph) -> None:
        text = "\n".join(line for line, *_ in self._said.lines(leaf, is_narrow))
        style = "filled"
        style += ",rounded" if leaf.kind in ("input", "block") else ""
        style += ",dashed" if leaf.train_only else ""
        colour = self._theme.head if leaf.train_only else self._theme.line
        fill = getattr(leaf.fill, self._theme.fill)
        dot.node(path(leaf.id), _text(text), fillcolor=fill, style=style, color=colour)

    def _frame(self, block: Cluster, dot: graphviz.Digraph) -> None:
        """Write a block's border, and the row of its name, its inputs and its costs."""
        theme = self._theme
        stroke, style = (theme.head, "dashed") if block.train_only else (theme.line, "solid")
        border = theme.head if block.train_only else theme.border
        dot.attr(
            bgcolor=theme.group, color=border, style=f"rounded,{style}", margin="6", penwidth="0.7"
        )
        # A cluster's own label would be no obstacle to edges; boxes beside its inputs are.
        name, costs = f"{path(block.id)} name", f"{path(block.id)} costs"
        looks = {"shape": "plaintext", "style": "", "margin": "0.02,0", "width": "0"}
        dot.node(name, _text(block.counted.replace("_", " ")), **looks)
        words = block.costs.replace(JOINER, "\n")
        dot.node(costs, _text(words), fontsize=str(SMALL), fontcolor=theme.faint, **looks)
        for hub in [_hub(block, i) for i in range(len(block.reads))]:
            # As high as the texts beside it, or a line that leaves it sideways would cross them.
            dot.node(hub, "", width="0.01", height="0.36", fixedsize="true", color="transparent",
                     fillcolor=stroke)  # fmt: skip
            _row([name, hub, costs], dot)

    def _ends(self, column: int) -> None:
        """Write where lines enter and leave a column, and the numbers of those that are cut."""
        here = self._columns.children[column]
        points = []
        for link, turn in self._columns.turns.items():
            points += [f"{x} {turn}" for x in ("high", "enter", "low") if link.target in here]
            points += [f"leave {turn}"] if link.source in here else []
        for point in dict.fromkeys(points):
            self._dot.node(point, "", shape="point", width="0.01", height="0.01", style="")
        given = {self._out(x): x.node for x in self._columns.cut if x.source in here}
        taken = dict.fromkeys(self._in(x) for x in self._columns.cut if x.target in here)
        for name in (*given, *taken):
            self._dot.node(name, name.split()[1], shape="circle", width="0.18", margin="0.01",
                           fontsize=str(SMALL), fillcolor=self._theme.paper)  # fmt: skip
        for name, node in given.items():
            self._dot.edge(self._owner[node], name, arrowhead="none")

    def _out(self, link: Link) -> str:
        return f"number {self._numbers[link.node]}"

    def _in(self, link: Link) -> str:
        return f"{self._out(link)} into {link.target}"

    # ------------------------------------------------------------------ lines

    def _links(self, routes: Routes) -> None:
        """Write the links of a cluster, in the order of their targets."""
        spine = {link for series in routes.lanes for link in series.linked}
        place = {child: i for i, child in enumerate(branch_order(routes.cluster))}
        is_root, cut = routes is self._routes, {*self._columns.cut}
        for link in sorted(dict.fromkeys(routes.cluster.links), key=lambda x: place[x.target]):
            target = routes.cluster.children[link.target]
            looks = {"style": "dashed", "color": self._theme.head} if target.train_only else {}
            if link.source < 0:
                start = _hub(routes.cluster, -1 - link.source)
                looks["tailport"] = "s"
            else:
                start = self._owner[link.node]
            if is_root and link in cut:
                start = self._in(link)
            elif is_root and link in self._columns.turns:
                start = f"enter {self._columns.turns[link]}"
            if link in spine:
                shape = self._said.shape(link, routes.cluster)
                looks |= {"weight": "8", "label": _text(f" {shape}".rstrip())}
            if isinstance(target, Cluster):
                hub = _hub(target, target.reads.index(link.node))
                self._dot.edge(start, hub, arrowhead="none", headport="n", **looks)
            else:
                self._dot.edge(start, path(target.id), **looks)

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
        found = entries(self._network, self._root, self._said, bool(self._columns.cut))
        samples = [self._sample(x) for x in found if x.fill]
        rows = ["".join(samples[i : i + _ENTRIES]) for i in range(0, len(samples), _ENTRIES)]
        # There are no bars here.
        words = [x.text for x in found if not x.kind] + [total_text(self._network)]
        lines = [f"<TD>{escape(text)}</TD>" for text in words]
        return f"<{self._table([f'<TD>{self._table(rows)}</TD>', *lines])}>"

    def _table(self, rows: Iterable[str]) -> str:
        lines = "".join(f"<TR>{row}</TR>" for row in rows)
        return f'<TABLE BORDER="0" CELLBORDER="0" COLOR="{self._theme.line}">{lines}</TABLE>'

    def _sample(self, entry: LegendEntry) -> str:
        looks = f'STYLE="dashed" COLOR="{self._theme.head}"' if entry.is_head else ""
        fill = getattr(entry.fill, self._theme.fill)
        box = f'<TD BORDER="1" WIDTH="16" BGCOLOR="{fill}" {looks}> </TD>'
        return f'{box}<TD ALIGN="LEFT">{escape(entry.text)}</TD>'


def _hub(cluster: Cluster, index: int) -> str:
    return f"{path(cluster.id)} in{index}"


def _row(names: Sequence[str], dot: graphviz.Digraph, **looks: str) -> None:
    """Keep boxes on one row, and from left to right."""
    if len(names) < 2:
        return
    with dot.subgraph() as row:
        row.attr(rank="same")
        for left, right in pairwise(names):
            row.edge(left, right, **(looks or {"style": "invis"}))


def _text(text: str) -> str:
    """Return spec text so that Graphviz can read neither markup nor escapes from it."""
    import graphviz

    lines = (str(graphviz.escape(line)) for line in text.split("\n"))
    # Only the type that `nohtml` returns says so: as a plain string `<b>` would be HTML again.
    quoted: str = graphviz.nohtml("\\n".join(lines))
    return quoted
