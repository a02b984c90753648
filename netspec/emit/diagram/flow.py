"""How the items of a cluster follow each other: series, fans of branches, and skips beside them.

An item that every path crosses stands alone in the series; what lies between two such items falls
apart into branches. What cannot be told apart so stands in one column, with skips beside it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netspec import limits
from netspec.emit.diagram.tree import Cluster, Link, branch_order


class Skip(NamedTuple):
    """A link from one position of a series to a later one, not its neighbour; -1 is the entry."""

    start: int
    end: int
    link: Link


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Parts one below the other. A part is a child (below 0: an input of the cluster) or a fan.

    `linked[i]` is the link that enters part i from the part above, None where there is none.
    """

    parts: tuple[Part, ...]
    linked: tuple[Link | None, ...]
    skips: tuple[Skip, ...]
    entry: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """Branches side by side; an empty branch is a link past the others."""

    branches: tuple[Series, ...]

    @property
    def entry(self) -> int | None:
        """The item above that the branches fork from; some may begin without it."""
        return next((x.entry for x in self.branches if x.entry is not None), None)


class Side(NamedTuple):
    """What hangs beside the main path: a training-only head, or a further output.

    `after` is the position in the main series; without a tap only a tag tells where it comes from.
    """

    after: int
    is_tap: bool
    link: Link
    series: Series


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFlow:
    """A whole cluster: its main series, what hangs beside it, and links that only tags show."""

    main: Series
    sides: tuple[Side, ...]
    tags: tuple[Link, ...]

    @property
    def columns(self) -> list[Series]:
        """The main series and what hangs beside it; any other is a branch of a fan."""
        return [self.main, *(side.series for side in self.sides)]

    @property
    def branched(self) -> set[int]:
        """The children that stand in branches."""
        parts = (part for column in self.columns for part in column.parts)
        return set().union(*(within(part) for part in parts if isinstance(part, Fan)))


Part = int | Fan


def flow(cluster: Cluster) -> ClusterFlow:
    """Return how a cluster's items follow each other."""
    return _Weaver(cluster).run()


class _Weaver:
    """Takes one cluster apart."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._order = branch_order(cluster)
        self._into: dict[int, list[Link]] = {}
        self._out: dict[int, list[Link]] = {}
        self._tags = [link for link in cluster.links if not cluster.is_line(link)]
        for link in filter(cluster.is_line, cluster.links):
            self._into.setdefault(link.target, []).append(link)
            self._out.setdefault(link.source, []).append(link)
        ports = [-1 - i for i in range(len(cluster.reads))]
        # A single input is where every path begins; several are parts, that paths may begin apart.
        self._entry = ports[0] if len(ports) == 1 else None
        self._ports = ports if self._entry is None else []

    def run(self) -> ClusterFlow:
        """Separate the main path from the sides, then take each apart."""
        if len(self._order) > limits.WOVEN:
            return self._column()
        end = self._order.index(self._cluster.exit)
        before, beside = self._order[:end], self._components(self._order[end + 1 :])
        # A free tensor that a condition leaves without reader hangs at nothing: it comes first.
        alone = [x for nodes in beside if not self._outer(nodes) for x in nodes]
        nodes = self._with_ports([*alone, *before, self._cluster.exit])
        if self._cluster.id and len(self._order) > len(alone) + end + 1:
            # In a block nothing hangs beside: further outputs stand above the one that leaves it.
            rest = [x for x in self._order[end + 1 :] if x not in alone]
            parts = [*nodes[:-1], *rest, self._cluster.exit]
            return ClusterFlow(self._linked(parts, self._entry), (), tuple(self._tags))
        series = self.series(nodes, self._entry)
        sides = [self._side(nodes, series) for nodes in beside if self._outer(nodes)]
        sides.sort(key=lambda side: side.after)
        return ClusterFlow(series, tuple(sides), tuple(self._tags))

    def _with_ports(self, nodes: Sequence[int]) -> list[int]:
        """Return the first input, then nodes with each other input above what reads it first."""
        found = self._ports[:1]
        for node in nodes:
            read = {port for port in self._ports if self._reads([node], {port})}
            found += [port for port in self._ports if port in read and port not in found]
            found.append(node)
        return [*(port for port in self._ports if port not in found), *found]

    def _column(self) -> ClusterFlow:
        """Return all items in one column; what is not read from the item above has a tag."""
        parts = (*self._ports, *self._order)
        linked: list[Link | None] = [None] * len(parts)
        for i, part in enumerate(parts):
            before = parts[i - 1] if i else self._entry
            for link in self._distinct(part):
                if link.source == before:
                    linked[i] = link
                else:
                    self._tags.append(link)
        return ClusterFlow(Series(parts, tuple(linked), (), self._entry), (), tuple(self._tags))

    def series(self, nodes: Sequence[int], entry: int | None, goal: int | None = None) -> Series:
        """Return the series of nodes that start at `entry` and end at `goal`."""
        return self._linked([*self._parts(nodes, entry, goal)], entry)

    def _linked(self, parts: Sequence[Part], entry: int | None) -> Series:
        """Return parts as a series, with the links from part to part and past others."""
        place = {part: i for i, part in enumerate(parts) if isinstance(part, int)}
        if entry is not None:
            place[entry] = -1
        linked: list[Link | None] = [None] * len(parts)
        skips: list[Skip] = []
        for i, part in enumerate(parts):
            before = parts[i - 1] if i else None
            near = exits(before) if isinstance(before, Fan) else []
            for link in [] if isinstance(part, Fan) else self._distinct(part):
                start = place.get(link.source)
                if start == i - 1:
                    linked[i] = link
                elif start is None and link.source not in near:
                    self._tags.append(link)
                elif start is not None and link.source not in near:
                    skips.append(Skip(start, i, link))
        return Series(tuple(parts), tuple(linked), tuple(skips), entry)

    def _parts(self, nodes: Sequence[int], entry: int | None, goal: int | None) -> Iterable[Part]:
        """Yield the parts: items that all paths cross, and what lies between two of them."""
        cuts = self._cuts(nodes, entry, goal)
        if not cuts:
            yield from self._between(nodes, entry, goal, is_whole=True)
            return
        start, above = 0, entry
        for cut in cuts:
            yield from self._between(nodes[start:cut], above, nodes[cut])
            yield nodes[cut]
            start, above = cut + 1, nodes[cut]
        yield from self._between(nodes[start:], above, goal)

    def _between(
        self, nodes: Sequence[int], above: int | None, below: int | None, is_whole: bool = False
    ) -> Iterable[Part]:
        """Return the parts between two items that all paths cross."""
        branches = self._components(nodes)
        if len(branches) > 1:
            return [self._fan(branches, above, below)]
        # Without the link past them, the nodes may have items of their own that all paths cross.
        return nodes if is_whole or not nodes else self._parts(nodes, above, below)

    def _fan(self, branches: list[list[int]], above: int | None, below: int | None) -> Fan:
        """Return branches in the order in which the item below reads them."""
        # In the order of a join's inputs the branches enter it without crossing each other.
        into = [] if below is None else self._distinct(below)
        slots = {link.source: i for i, link in enumerate(into)}
        found = [
            (
                min(slots.get(node, len(slots)) for node in nodes),
                self.series(nodes, above if self._reads(nodes, {above}) else None, below),
            )
            for nodes in branches
        ]
        if above in slots:
            found.append((slots[above], Series((), (), (), above)))
        return Fan(tuple(series for _, series in sorted(found, key=lambda pair: pair[0])))

    def _cuts(self, nodes: Sequence[int], entry: int | None, goal: int | None) -> list[int]:
        """Return the positions that every path from entry to goal crosses: no link spans them."""
        place = {node: i for i, node in enumerate(nodes)}
        # Every link leads further down, so `reach` is how far those from above lead: a node at
        # which all of them have ended lies on every path.
        reach = max((place[node] for node in self._starts(nodes, entry)), default=0)
        cuts = []
        for i, node in enumerate(nodes):
            if reach <= i:
                cuts.append(i)
            targets = [link.target for link in self._out.get(node, [])]
            inner = [place[target] for target in targets if target in place]
            # What leaves to the goal passes over all that is left.
            leaves = not inner or (goal is not None and goal in targets)
            reach = max(reach, len(nodes) if leaves else max(inner))
        return cuts

    def _starts(self, nodes: Sequence[int], entry: int | None) -> list[int]:
        """Return where paths start: at what reads the entry, or else at what reads nothing here."""
        # A constant is no start beside the entry: what it joins still lies on every path.
        inside = set(nodes)
        return [node for node in nodes if self._reads([node], {entry})] or [
            node for node in nodes if not self._reads([node], inside)
        ]

    def _reads(self, nodes: Iterable[int], sources: Container[int | None]) -> bool:
        """Tell whether one of some nodes reads one of some others."""
        return any(link.source in sources for node in nodes for link in self._into.get(node, []))

    def _components(self, nodes: Sequence[int]) -> list[list[int]]:
        """Return what hangs together without the rest, each in the order of the nodes."""
        place = {node: i for i, node in enumerate(nodes)}
        unseen, found = set(nodes), []
        for first in nodes:
            members, stack = [], [first]
            while stack:
                if (node := stack.pop()) in unseen:
                    unseen.remove(node)
                    members.append(node)
                    stack += [link.source for link in self._into.get(node, [])]
                    stack += [link.target for link in self._out.get(node, [])]
            if members:
                found.append(sorted(members, key=place.__getitem__))
        return found

    def _side(self, nodes: list[int], main: Series) -> Side:
        """Return what hangs beside the main path, anchored at the first item that it reads."""
        link = self._outer(nodes)[0]
        place = {part: i for i, part in enumerate(main.parts) if isinstance(part, int)}
        if link.source in place:
            is_tap = self._cluster.is_line(link)
            series = self.series(nodes, link.source if is_tap else None)
            return Side(place[link.source], is_tap, link, series)
        # What branches off inside a fan hangs beside the first single item below it.
        fans = [(i, x) for i, x in enumerate(main.parts) if isinstance(x, Fan)]
        last = len(main.parts) - 1
        below = [min(i + 1, last) for i, fan in fans if link.source in within(fan)]
        return Side(below[0] if below else 0, False, link, self.series(nodes, None))

    def _outer(self, nodes: Sequence[int]) -> list[Link]:
        """Return the links into some nodes from others."""
        found = (x for x in self._cluster.links if x.target in nodes and x.source not in nodes)
        return sorted(found, key=lambda link: nodes.index(link.target))

    def _distinct(self, node: int) -> list[Link]:
        """Return the links into a node, one for each source."""
        found: dict[int, Link] = {}
        for link in self._into.get(node, []):
            found.setdefault(link.source, link)
        return list(found.values())


def within(fan: Fan) -> set[int]:
    """Return all children in a fan."""
    parts = [part for branch in fan.branches for part in branch.parts]
    found = {part for part in parts if isinstance(part, int)}
    return found.union(*(within(part) for part in parts if isinstance(part, Fan)))


def exits(fan: Fan) -> list[int]:
    """Return the children (or the entry) at the ends of a fan's branches, from left to right."""
    found: list[int] = []
    for branch in fan.branches:
        last = branch.parts[-1] if branch.parts else branch.entry
        if isinstance(last, Fan):
            found += exits(last)
        elif last is not None:
            found.append(last)
    return found
