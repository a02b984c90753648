"""The branches of a fan side by side, with the lines that lead to them and away from them."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.emit.diagram.flow import Fan, Series
from netspec.emit.diagram.routes import Routes
from netspec.emit.figure.drawing import Drawing, Point, Tile

BRANCH_GAP = 6.0
FORK = 5.0


def side_by_side(routes: Routes, fan: Fan, branches: Sequence[Tile]) -> Tile:
    """Return the branches of a fan, each drawn already, as one tile."""
    # Branches from one source end on one row, above the join that reads them; those that the
    # inputs of a block feed begin on one row, where the lines from outside come in.
    fork = 0.0 if fan.entry is None else FORK
    total = sum(x.left + x.right for x in branches) + BRANCH_GAP * (len(branches) - 1)
    tall = max(x.height for x in branches)
    result = Tile(total / 2, total / 2, fork + tall, Drawing())
    x = -total / 2
    for series, branch in zip(fan.branches, branches, strict=True):
        x += branch.left
        drop = 0.0 if fan.entry is None else tall - branch.height
        _draw(result, routes, series, branch, (x, fork + drop))
        x += branch.right + BRANCH_GAP
    return result


def _draw(fan: Tile, routes: Routes, series: Series, branch: Tile, at: Point) -> None:
    """Add a branch to its fan, with the lines that lead to it and to the fan's bottom."""
    x, y = at
    fan.drawing.include(branch.drawing, x, y)
    is_head = routes.are_heads(series)
    if series.entry is not None:
        node = routes.output(series.entry)
        fan.drawing.line([(0, 0), (0, FORK), (x, FORK), (x, y)], node, False, is_head)
        if not series.parts:
            fan.drawing.line([(x, y), (x, fan.height)], node)
            fan.exits[series.entry] = x
    for part, offset in branch.exits.items():
        start, end = (x + offset, y + branch.height), (x + offset, fan.height)
        fan.drawing.line([start, end], routes.output(part), False, is_head)
        fan.exits[part] = x + offset
    fan.ports.update({k: (px + x, py + y) for k, (px, py) in branch.ports.items()})
