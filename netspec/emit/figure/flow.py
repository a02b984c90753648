"""How the items of a group follow each other: series, fans of branches, and skips beside them.

An item that every path crosses stands alone in the series; what lies between two such items falls
apart into branches. What cannot be told apart so stands in one column, with skips beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Union

from netspec.emit.figure.tree import Group, Link, branch_order


class Skip(NamedTuple):
    """A link from one position of a series to a later one, not its neighbour; -1 is the entry."""

    start: int
    end: int
    link: Link


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Parts one below the other. A part is a child (below 0: an input of the group) or a fan.

    `linked[i]` is the link that enters part i from the part above, None where there is none.
    """

    parts: tuple[Part, ...]
    linked: tuple[Link | None, ...]
    skips: tuple[Skip, ...]
    entry: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """Branches side by side; an empty branch is a link past the others.

    `exits` are the links into the part below; `loose` links cannot be drawn from where they start.
    """

    branches: tuple[Series, ...]


class Side(NamedTuple):
    """What hangs beside the main path: a training-only head, or a further output."""

    anchor: int
    link: Link
    series: Series


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A whole group: its main series, what hangs beside it, and links that only a tag can show."""

    main: Series
    sides: tuple[Side, ...]
    tags: tuple[Link, ...]


Part = Union[int, Fan]  # noqa: UP007  # evaluated at run time, where Fan | int needs the class


def flow(group: Group) -> Flow:
    """Return how a group's items follow each other."""
    return _Weaver(group).run()


class _Weaver:
    """Takes one group apart."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._order = branch_order(group)
        self._into: dict[int, list[Link]] = {}
        self._out: dict[int, list[Link]] = {}
        for link in group.links:
            self._into.setdefault(link.target, []).append(link)
            self._out.setdefault(link.source, []).append(link)
        self._tags: list[Link] = []

    def run(self) -> Flow:
        """Separate the main path from the sides, then take each apart."""
        end = self._order.index(self._group.exit) + 1
        ports = [-1 - i for i in range(len(self._group.reads))]
        entry = ports[0] if len(ports) == 1 else None
        main = [*(ports if entry is None else []), *self._order[:end]]
        series = self.series(main, entry)
        rest = self._order[end:]
        sides = tuple(self._side(nodes, main) for nodes in self._components(rest))
        return Flow(series, sides, tuple(self._tags))

    def series(self, nodes: Sequence[int], entry: int | None, goal: int | None = None) -> Series:
        """Return the series of nodes that start at `entry` and end at `goal`."""
        parts = list(self._parts(nodes, entry, goal))
        place = {part: i for i, part in enumerate(parts) if isinstance(part, int)}
        if entry is not None:
            place[entry] = -1
        linked: list[Link | None] = []
        skips: list[Skip] = []
        for i, part in enumerate(parts):
            linked.append(None)
            if isinstance(part, Fan):
                continue
            before = parts[i - 1] if i else None
            near = set(exits(before)) if isinstance(before, Fan) else set()
            for link in self._distinct(part):
                start = place.get(link.source)
                if start == i - 1:
                    linked[i] = link
                elif start is not None:
                    skips.append(Skip(start, i, link))
                elif link.source not in near:
                    self._tags.append(link)
        return Series(tuple(parts), tuple(linked), tuple(skips), entry)

    def _parts(self, nodes: Sequence[int], entry: int | None, goal: int | None) -> Iterable[Part]:
        """Yield the parts: items that all paths cross, and what lies between two of them."""
        cuts = self._cuts(nodes, entry, goal)
        start, above = 0, entry
        for cut in [*cuts, len(nodes)]:
            below = nodes[cut] if cut < len(nodes) else goal
            yield from self._between(nodes[start:cut], above, below)
            if cut < len(nodes):
                yield nodes[cut]
            start, above = cut + 1, below

    def _between(self, nodes: Sequence[int], above: int | None, below: int | None) -> list[Part]:
        """Return the parts between two items that all paths cross."""
        if not nodes:
            return []
        branches = self._components(nodes)
        into = [] if below is None else self._distinct(below)
        direct = [link for link in into if link.source == above]
        if len(branches) > 1:
            return [self._fan(branches, direct, above, below)]
        if direct and len(nodes) > 1 and above is not None:
            return list(self._parts(nodes, above, below))
        return list(nodes)

    def _fan(
        self, branches: list[list[int]], direct: list[Link], above: int | None, below: int | None
    ) -> Fan:
        """Return branches in the order in which the item below reads them."""
        slots = {} if below is None else {x.source: i for i, x in enumerate(self._distinct(below))}
        last = len(slots)
        found = [
            (min(slots.get(node, last) for node in nodes), self.series(nodes, above, below))
            for nodes in branches
        ]
        found += [(slots[link.source], Series((), (), (), above)) for link in direct[:1]]
        return Fan(tuple(series for _, series in sorted(found, key=lambda pair: pair[0])))

    def _cuts(self, nodes: Sequence[int], entry: int | None, goal: int | None) -> list[int]:
        """Return the positions that every path from entry to goal crosses: no link spans them."""
        place = {node: i for i, node in enumerate(nodes)}
        reach, cuts = 0, []
        for i, node in enumerate(nodes):
            if not self._into.get(node) and entry is None and i > 0:
                # A second start: paths from it cross nothing that stands before it.
                cuts = []
        starts = [i for i, node in enumerate(nodes) if not self._into.get(node)]
        if entry is None:
            reach = max(starts, default=0)
        ends = [place.get(x.target, len(nodes)) for x in self._out.get(entry, [])] if entry else []
        spans = [end for end in ends if end <= len(nodes)]
        if entry is not None:
            inner = [place[x.target] for x in self._out.get(entry, []) if x.target in place]
            passes = any(x.target == goal for x in self._out.get(entry, []))
            reach = len(nodes) if passes and goal is not None else max(inner, default=0)
        del spans
        for i, node in enumerate(nodes):
            if i >= reach:
                cuts.append(i)
            reach = max(reach, self._reach(node, place, goal))
        return cuts

    def _reach(self, node: int, place: dict[int, int], goal: int | None) -> int:
        """Return the last position that a node's links reach; its goal, or nothing, lies behind."""
        targets = [link.target for link in self._out.get(node, [])]
        inner = [place[target] for target in targets if target in place]
        if goal in targets or not inner:
            return len(place)
        return max(inner)

    def _components(self, nodes: Sequence[int]) -> list[list[int]]:
        """Return what hangs together without the rest, in the order of the nodes."""
        inside = set(nodes)
        seen: set[int] = set()
        found = []
        for first in nodes:
            if first in seen:
                continue
            seen.add(first)
            stack = [first]
            while stack:
                node = stack.pop()
                near = [x.source for x in self._into.get(node, [])]
                near += [x.target for x in self._out.get(node, [])]
                fresh = [x for x in near if x in inside and x not in seen]
                seen.update(fresh)
                stack += fresh
            found.append(first)
        return self._gather(nodes, found)

    def _gather(self, nodes: Sequence[int], firsts: list[int]) -> list[list[int]]:
        """Return the nodes by component, each in the order of `nodes`."""
        inside = set(nodes)
        root: dict[int, int] = {}
        for first in firsts:
            stack = [first]
            root[first] = first
            while stack:
                node = stack.pop()
                near = [x.source for x in self._into.get(node, [])]
                near += [x.target for x in self._out.get(node, [])]
                fresh = [x for x in dict.fromkeys(near) if x in inside and x not in root]
                root.update(dict.fromkeys(fresh, first))
                stack += fresh
        return [[node for node in nodes if root[node] == first] for first in firsts]

    def _side(self, nodes: list[int], main: Sequence[int]) -> Side:
        """Return what hangs beside the main path, anchored at the first item that it reads."""
        inside = set(nodes)
        outer = [x for node in nodes for x in self._into.get(node, []) if x.source not in inside]
        link = outer[0]
        self._tags += [x for x in outer[1:] if x.source != link.source]
        return Side(link.source, link, self.series(nodes, link.source))

    def _distinct(self, node: int) -> list[Link]:
        """Return the links into a node, one for each source."""
        return list({link.source: link for link in reversed(self._into.get(node, []))}.values())[
            ::-1
        ]


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
