"""Where a series turns back: skips that nest make a U of it, whatever its layers are called."""

from __future__ import annotations

from typing import NamedTuple

from netspec.emit.diagram.flow import ClusterFlow, Fan, Skip
from netspec.emit.diagram.lanes import LEFT, RIGHT

_SHARE = 0.5
"""Of the parts of a series that the longest skip spans, or else not the series turns."""


class Bend(NamedTuple):
    """A series leads down to the part before `down` and up from part `up`.

    `rungs` are the skips from one side to the other, the outermost first.
    """

    down: int
    up: int
    rungs: tuple[Skip, ...]

    @property
    def breaks(self) -> tuple[int, int]:
        """The parts at which it turns."""
        return self.down - 1, self.up - 1

    def side(self, skip: Skip) -> tuple[int, ...]:
        """Return where a skip of one side may run: not where the rungs are."""
        if skip.end < self.down:
            return (LEFT,)
        return (RIGHT,) if skip.start >= self.up else (LEFT, RIGHT)


def bend(flow: ClusterFlow) -> Bend | None:
    """Return where the main series turns, if at least two skips nest and span most of it."""
    parts = flow.main.parts
    middles = {skip.end for skip in flow.main.skips}
    across = [
        sorted(skip for skip in flow.main.skips if skip.start < middle <= skip.end)
        for middle in sorted(middles)
    ]
    rungs = max(across, key=len, default=[])
    if len(rungs) < 2 or not _nest(rungs):
        return None
    down, up = rungs[-1].start + 1, rungs[-1].end
    # What hangs beside the way down would stand in the way of the rungs.
    if any(side.after < down for side in flow.sides):
        return None
    is_long = rungs[0].end - rungs[0].start >= _SHARE * len(parts)
    is_single = not any(isinstance(parts[i], Fan) for i in (down - 1, up - 1))
    return Bend(down, up, tuple(rungs)) if is_long and is_single else None


def _nest(rungs: list[Skip]) -> bool:
    """Tell whether each skip begins after the one before it and ends before that ends."""
    starts = [rung.start for rung in rungs]
    ends = [rung.end for rung in rungs]
    return sorted(set(starts)) == starts and sorted(set(ends), reverse=True) == ends
