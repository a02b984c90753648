"""Which skips run beside their series, on which side, and which ones only a tag can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.emit.diagram.flow import Series, Skip
from netspec.emit.diagram.tree import Link

LEFT, RIGHT = -1, 1


class Lane(NamedTuple):
    """A skip and the side on which it runs."""

    skip: Skip
    side: int


@dataclass(slots=True)
class Lanes:
    """The skips of one series."""

    lanes: list[Lane] = field(default_factory=list)
    tags: list[Link] = field(default_factory=list)

    def starting(self, position: int, side: int) -> bool:
        return any(lane.skip.start == position and lane.side == side for lane in self.lanes)

    def ending(self, position: int, side: int) -> list[Lane]:
        """Return the lanes into a part, the innermost first."""
        found = [x for x in self.lanes if x.skip.end == position and x.side == side]
        return sorted(found, key=lambda lane: -lane.skip.start)


def length(skip: Skip) -> tuple[int, int]:
    """Return how far a skip leads; of equally long ones the upper one comes first."""
    return skip.end - skip.start, skip.start


def assign(
    series: Series,
    sides: Callable[[Skip, list[Lane]], Iterable[int]],
    taps: Sequence[int] = (),
    breaks: Sequence[int] = (),
    arrivals: Sequence[int] = (),
) -> Lanes:
    """Give each skip the first side on which it crosses nothing, or else a tag.

    `sides` says which sides a skip's target accepts; `taps` are positions after which something
    leaves to the right, `arrivals` ones at which something comes from the left; `breaks` are
    positions after which a new column begins.
    """
    result = Lanes()
    # Short skips choose first: a longer one can run around them, but not they around it.
    for skip in sorted(series.skips, key=length):
        free = [
            side
            for side in sides(skip, result.lanes)
            # What leaves or comes would cross the lane; a lane cannot go on in a new column.
            if not any(skip.start < x < skip.end for x in (taps if side == RIGHT else arrivals))
            if not any(skip.start <= end < skip.end for end in breaks)
            if not any(lane.side == side and _cross(lane.skip, skip) for lane in result.lanes)
        ]
        if free:
            result.lanes.append(Lane(skip, free[0]))
        else:
            result.tags.append(skip.link)
    return result


def _cross(one: Skip, other: Skip) -> bool:
    """Tell whether two skips on one side meet: one begins inside the other and ends outside."""
    first, second = sorted((one, other), key=lambda skip: (skip.start, -skip.end))
    return first.start < second.start < first.end < second.end
