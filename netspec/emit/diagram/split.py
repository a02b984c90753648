"""The network in columns, by what its boxes come to: for pictures that are measured elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import log
from typing import NamedTuple

from netspec.emit.diagram.flow import Fan, Part, Series
from netspec.emit.diagram.routes import Routes
from netspec.emit.diagram.tree import Link, branch_order

_MOST = 20
"""Columns of a page."""
_BOX, _ROW = 75.0, 43.0
"""The width of a box, and the height of one with what stands above it."""
_HEADER, _LEAST, _FRAME = 45.0, 120.0, 14.0
"""The height of a block's name, the width that it needs, and what the frame adds to the inside."""
_GUTTER = 20.0
_CUT = 50.0
"""How much higher a column may be rather than that one more link is cut."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The children of a network in columns, and the links between these.

    `turns` are those from the end of a column to the next one, with the number of that one; `cut`
    those that lead from somewhere to somewhere else. `ratio` is their width by their height.
    """

    ratio: float
    children: Sequence[Sequence[int]]
    turns: Mapping[Link, int]
    cut: Sequence[Link]


class Extent(NamedTuple):
    """About how wide and high something is, in points."""

    wide: float = 0.0
    tall: float = 0.0


def columns(routes: Routes, ratio: float) -> Columns:
    """Return a network in columns; `ratio` is the width of the page by its height."""
    flow, parts = routes.flow, routes.flow.main.parts
    sizes = _Sizes(routes)
    breaks = min(
        map(sizes.balanced, range(1, _MOST + 1)), key=lambda x: abs(log(sizes.ratio(x) / ratio))
    )
    edges = [0, *(i + 1 for i in breaks), len(parts)]
    place: dict[int, int] = {}
    for column, (start, stop) in enumerate(pairwise(edges)):
        beside = [x.series.parts for x in flow.sides if start <= x.after < stop]
        for series in [parts[start:stop], *beside]:
            place |= dict.fromkeys(_children(series), column)
    children = [
        [child for child in branch_order(routes.cluster) if place[child] == column]
        for column in range(len(edges) - 1)
    ]
    ends = {part: i for i, part in enumerate(parts[stop - 1] for stop in edges[1:-1])}
    links = dict.fromkeys(routes.cluster.links)
    between = [link for link in links if place[link.source] != place[link.target]]
    turns = {
        link: place[link.target]
        for link in filter(routes.cluster.is_line, between)
        if ends.get(link.source) == place[link.target] - 1
    }
    cut = [link for link in between if link not in turns]
    return Columns(sizes.ratio(breaks), children, turns, cut)


def _children(parts: Iterable[Part]) -> Iterator[int]:
    for part in parts:
        if isinstance(part, Fan):
            for branch in part.branches:
                yield from _children(branch.parts)
        else:
            yield part


class _Sizes:
    """The size of each part of the main series, and of what hangs beside it."""

    def __init__(self, routes: Routes) -> None:
        main = routes.flow.main
        self._parts = [_extent(routes, part) for part in main.parts]
        self._beside: dict[int, Extent] = {}
        for side in routes.flow.sides:
            one, others = _series(routes, side.series), self._hang(side.after)
            both = Extent(one.wide + others.wide, max(one.tall, others.tall))
            self._beside[side.after] = both
        self._ends = [*accumulate(part.tall for part in self._parts)]
        changes = [0] * (len(main.parts) + 1)
        for skip in main.skips:
            changes[max(skip.start, 0)] += 1
            changes[skip.end] -= 1
        # What hangs beside the end of a column makes it higher.
        lows = accumulate((end + self._hang(i).tall for i, end in enumerate(self._ends)), max)
        over = [low - end for low, end in zip(lows, self._ends, strict=True)]
        cut = accumulate(changes[:-1])
        self._price = [_CUT * links + tall for links, tall in zip(cut, over, strict=True)]
        # The line to the next column leaves from a single box.
        self._free = [i for i, part in enumerate(main.parts[:-1]) if isinstance(part, int)]

    def balanced(self, count: int) -> list[int]:
        """Return the breaks of so many columns of about one height, where few links are cut."""
        found = set()
        for column in range(1, count if self._free else 1):
            end = self._ends[-1] * column / count
            found.add(min(self._free, key=lambda i: abs(self._ends[i] - end) + self._price[i]))
        return sorted(found)

    def ratio(self, breaks: Sequence[int]) -> float:
        """Return the width of columns by their height."""
        edges = [0, *(i + 1 for i in breaks), len(self._parts)]
        found = [self._column(range(start, stop)) for start, stop in pairwise(edges)]
        return sum(x.wide + _GUTTER for x in found) / max(x.tall for x in found)

    def _hang(self, part: int) -> Extent:
        return self._beside.get(part, Extent())

    def _column(self, parts: range) -> Extent:
        beside = {i: self._hang(i) for i in parts}
        top = self._ends[parts[0]] - self._parts[parts[0]].tall
        wide = max(self._parts[i].wide for i in parts) + max(x.wide for x in beside.values())
        lows = [self._ends[i] + x.tall for i, x in beside.items()]
        return Extent(wide, max(lows) - top)


def _extent(routes: Routes, part: Part) -> Extent:
    if isinstance(part, Fan):
        branches = [_series(routes, branch) for branch in part.branches]
        return Extent(sum(x.wide for x in branches), max(x.tall for x in branches))
    if part in routes.inner:
        inner = _series(routes.inner[part], routes.inner[part].flow.main)
        return Extent(max(inner.wide, _LEAST) + _FRAME, inner.tall + _HEADER)
    return Extent(_BOX, _ROW)


def _series(routes: Routes, series: Series) -> Extent:
    found = [_extent(routes, part) for part in series.parts]
    return Extent(max((x.wide for x in found), default=_BOX), sum(x.tall for x in found))
