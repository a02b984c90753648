"""What is placed: a column of a series with its gaps, and a cluster with the tiles inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netspec.emit.diagram.routes import Routes
from netspec.emit.diagram.stretches import Stretch
from netspec.emit.figure.boxes import Boxes
from netspec.emit.figure.drawing import Tile

TEXT_ROOM = 10.0
"""The height of a shape beside its line."""


@dataclass(slots=True)
class Gap:
    """What lies between two parts: a zone for what leaves, the shape, a zone for what arrives.

    The zone for what leaves begins with the `feet` of frames that end.
    """

    out: float
    text: str
    arrivals: float
    height: float
    right: float = 0.0
    feet: float = 0.0
    top: float = 0.0


@dataclass(slots=True)
class PageColumn:
    """A placed series; `taps` says at which y something may leave to the right after a part.

    `tail` is the y at which the line into the next column starts, `arrivals` those at which rungs
    come from the left; `longer` what a column is longer by that starts at a part, or ends above it.
    """

    tile: Tile
    taps: dict[int, float]
    tail: float
    gaps: list[Gap]
    parts: list[Tile]
    longer: list[tuple[float, float]]
    arrivals: dict[int, float]


@dataclass(frozen=True, slots=True)
class PlacedCluster:
    """A cluster's routes, and the tiles of the blocks inside it; `is_up` if it is to be turned.

    `stretches` are the blocks that are parts of the main series.
    """

    boxes: Boxes
    routes: Routes
    tiles: Mapping[int, Tile]
    is_up: bool = False
    stretches: Sequence[Stretch] = ()
