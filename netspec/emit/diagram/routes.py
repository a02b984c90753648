"""How each link of a cluster is drawn: from the part above, on a lane beside, or by tags.

Only the order of things decides here, never a size: so the page and the browser, which measure
texts differently, draw the same link in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from netspec.emit.diagram.bend import Bend
from netspec.emit.diagram.flow import ClusterFlow, Fan, Series, Skip, exits, flow
from netspec.emit.diagram.lanes import LEFT, RIGHT, Lane, Lanes, assign
from netspec.emit.diagram.tree import Cluster, Leaf, Link
from netspec.graph.model import NodeId


@dataclass(slots=True)
class Routes:
    """The routes of a cluster's links, and those of the clusters inside it.

    `entries` are the inputs of the cluster that a line can enter, from left to right; `into` are
    the sources whose tags point at a child, `out` the children (or inputs) that carry a tag.
    `beside` are the inputs that a line enters from the left; where the main series turns, `bend`.
    """

    cluster: Cluster
    flow: ClusterFlow
    inner: dict[int, Routes]
    entries: Sequence[int]
    lanes: dict[Series, Lanes] = field(default_factory=dict)
    into: dict[int, list[NodeId]] = field(default_factory=dict)
    out: dict[int, list[NodeId]] = field(default_factory=dict)
    beside: Sequence[int] = ()
    bend: Bend | None = None

    @property
    def has_tags(self) -> bool:
        """Whether some link goes on elsewhere, here or inside."""
        return any(routes.out for routes in self.walk())

    def walk(self) -> Iterator[Routes]:
        """Yield these routes and those of all clusters inside, outer ones first."""
        yield self
        for inner in self.inner.values():
            yield from inner.walk()

    def output(self, part: int) -> NodeId:
        """Return the node whose output leaves a child, or enters by an input of the cluster."""
        if part < 0:
            return self.cluster.reads[-1 - part]
        return self.cluster.children[part].output or ()

    def is_head(self, part: int) -> bool:
        """Tell whether a child runs only in training."""
        return part >= 0 and self.cluster.children[part].train_only

    def are_heads(self, series: Series) -> bool:
        """Tell whether a series has only what runs in training."""
        return bool(series.parts) and all(
            self.is_head(part) for part in series.parts if isinstance(part, int)
        )

    def port(self, link: Link) -> int:
        """Return by which of its inputs a link enters its target."""
        return self.cluster.children[link.target].reads.index(link.node)

    def before(self, series: Series, i: int) -> int | None:
        """Return the child above a part, or the entry; None under a fan or where nothing enters."""
        part = series.parts[i - 1] if i else series.entry
        return None if isinstance(part, Fan) else part

    def fed(self, i: int) -> NodeId | None:
        """Return whose output a line brings to a part of the main series that starts a column."""
        main, before = self.flow.main, self.before(self.flow.main, i)
        is_read = main.linked[i] or isinstance(main.parts[i], Fan)
        return self.output(before) if before is not None and is_read else None

    def drawn(self, series: Series, i: int) -> list[Link]:
        """Return the links into a part from the part above that are lines, not tags."""
        links = self.above(series, i) if i < len(series.parts) else []
        return [link for link in links if link.node not in self.into.get(link.target, [])]

    def above(self, series: Series, i: int) -> list[Link]:
        """Return the links that enter a part from the part above it, from left to right."""
        link = series.linked[i]
        before = series.parts[i - 1] if i else None
        if not isinstance(before, Fan):
            return [link] if link else []
        part = series.parts[i]
        lines = filter(self.cluster.is_line, self.cluster.links)
        into = {link.source: link for link in lines if link.target == part}
        return [into[source] for source in exits(before) if source in into]


def route(cluster: Cluster) -> Routes:
    """Return the routes of a cluster and of all clusters inside it."""
    # From the inside out: which inputs a lane can reach follows from the order inside a block.
    inner = {i: route(x) for i, x in enumerate(cluster.children) if isinstance(x, Cluster)}
    found = flow(cluster)
    # A block with one input is entered above its first box, which no port stands for.
    return _routed(Routes(cluster, found, inner, _entries(found.main) or [0]), ())


def bent(routes: Routes, bend: Bend) -> Routes:
    """Return the routes if the main series leads down and up again, rungs from left to right."""
    inner, rungs = dict(routes.inner), []
    for rung in bend.rungs:
        part, port = rung.link.target, routes.port(rung.link)
        if part in inner:
            inner[part] = _open_left(inner[part], port)
        if part not in inner or port in (*inner[part].beside, inner[part].entries[0]):
            rungs.append(rung)
    found = bend._replace(rungs=tuple(rungs))
    new = Routes(routes.cluster, routes.flow, inner, routes.entries, bend=found)
    return _routed(new, bend.breaks)


def _open_left(routes: Routes, port: int) -> Routes:
    """Return the routes of a block that an input enters from the left, if one is found."""
    flow, entries = routes.flow, routes.entries
    first = flow.main.parts[0]
    if isinstance(first, Fan) and port in entries[1:]:
        branches = sorted(first.branches, key=lambda branch: port not in _entries(branch))
        main = replace(flow.main, parts=(Fan(tuple(branches)), *flow.main.parts[1:]))
        flow, entries = replace(flow, main=main), _entries(main)
    # An input that stands further down has its line there.
    beside = [port] if -1 - port in flow.main.parts[1:] else []
    return _routed(Routes(routes.cluster, flow, routes.inner, entries, beside=beside), ())


def broken(routes: Routes, breaks: Sequence[int]) -> Routes:
    """Return the routes if a new column begins after some parts of the main series."""
    return _routed(Routes(routes.cluster, routes.flow, routes.inner, routes.entries), breaks)


def _routed(routes: Routes, breaks: Sequence[int]) -> Routes:
    """Put skips on lanes, and behind tags what would cross something."""
    tags = list(routes.flow.tags)
    rungs = {rung.link for rung in routes.bend.rungs} if routes.bend else set()
    taps = [side.after for side in routes.flow.sides if side.is_tap]
    main = routes.flow.main
    arrivals = [main.parts.index(-1 - port) for port in routes.beside]
    # Tags come last: a link has one where no series found it a way.
    for series in [series for column in routes.flow.columns for series in _below(column)]:
        around = (taps, breaks, arrivals) if series is main else ()
        lanes = assign(series, lambda skip, found: _sides(routes, skip, found), *around)
        routes.lanes[series] = lanes
        tags += [*(link for link in lanes.tags if link not in rungs), *_misplaced(routes, series)]
    for link in tags:
        routes.into.setdefault(link.target, []).append(link.node)
        _carry(routes, link.source, link.node)
    return routes


def _carry(routes: Routes, part: int, node: NodeId) -> None:
    """Let a part carry a tag; one of several outputs of an open block leaves from inside of it."""
    if part in routes.inner and node != routes.output(part):
        inner = routes.inner[part]
        for i, child in enumerate(inner.cluster.children):
            if node == child.output or child.id == node[: len(child.id)]:
                _carry(inner, i, node)
                return
    carried = routes.out.setdefault(part, [])
    carried += [node] if node not in carried else []


def _below(series: Series) -> Iterator[Series]:
    yield series
    for part in series.parts:
        if isinstance(part, Fan):
            for branch in part.branches:
                yield from _below(branch)


def _entries(series: Series) -> list[int]:
    """Return the inputs at the top of a series; one that stands further down has only a tag."""
    first = series.parts[0] if series.parts else 0
    if isinstance(first, Fan):
        return [entry for branch in first.branches for entry in _entries(branch)]
    return [-1 - first] if first < 0 else []


def _sides(routes: Routes, skip: Skip, lanes: Sequence[Lane]) -> Sequence[int]:
    """Return the sides on which a lane may reach its target, the better one first."""
    free: Sequence[int] = (LEFT, RIGHT)
    if routes.bend and skip in routes.flow.main.skips:
        free = routes.bend.side(skip)
    if isinstance(routes.cluster.children[skip.link.target], Leaf):
        return free
    # A lane comes from outside: only the outermost entry is not behind another one's line.
    entries, port = routes.inner[skip.link.target].entries, routes.port(skip.link)
    taken = [lane.side for lane in lanes if lane.skip.end == skip.end]
    allowed = [side for side, end in ((LEFT, 0), (RIGHT, -1)) if entries[end] == port]
    return [side for side in allowed if side not in taken and side in free]


def _misplaced(routes: Routes, series: Series) -> Iterator[Link]:
    """Yield the links from the part above that enter a block where no line can reach.

    Lines that leave from left to right must enter from left to right, or they would cross.
    """
    for i, part in enumerate(series.parts):
        if isinstance(part, Fan) or part not in routes.inner:
            continue
        order = {entry: place for place, entry in enumerate(routes.inner[part].entries)}
        last = -1
        for link in routes.above(series, i):
            place = order.get(routes.port(link), -1)
            if place <= last:
                yield link
            last = max(last, place)
