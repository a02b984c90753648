"""What hangs beside a column: training-only heads, and further outputs."""

from __future__ import annotations

from netspec.emit.figure.columns import SIDE_GAP
from netspec.emit.figure.drawing import Drawing
from netspec.emit.figure.placed import PageColumn, PlacedCluster
from netspec.emit.figure.stack import SeriesLayout


def hang(column: PageColumn, cluster: PlacedCluster, parts: range) -> tuple[float, float]:
    """Add what hangs beside a column; return how far right and down everything reaches."""
    drawing = column.tile.drawing
    right, low = column.tile.right, column.tile.height
    placed: list[tuple[float, float, float]] = []
    # From the bottom up: the line to a higher one passes above all that hangs further in.
    for side in reversed([side for side in cluster.routes.flow.sides if side.after in parts]):
        tile = SeriesLayout(cluster, side.series).tile()
        tap = column.taps.get(side.after, column.tile.height)
        top = tap + 6
        beside = [x for x, y, end in placed if end > tap - 6 and y < top + tile.height]
        x = max([_reach(drawing, tap, top + tile.height), *beside])
        x += SIDE_GAP + tile.left
        if side.is_tap:
            is_head = cluster.routes.is_head(side.link.target)
            points = [(0.0, tap - 4), (0.0, tap), (x, tap), (x, top)]
            drawing.line(points, side.link.node, False, is_head)
        drawing.include(tile.drawing, x, top)
        placed.append((x + tile.right, tap, top + tile.height))
        right, low = max(right, x + tile.right), max(low, top + tile.height)
    return right, low


def _reach(drawing: Drawing, top: float, bottom: float) -> float:
    """Return how far right anything reaches between two heights."""
    found = [
        box.x + box.width for box in drawing.boxes if box.y < bottom and box.y + box.height > top
    ]
    bounds = [text.bounds for text in drawing.texts]
    found += [right for _, high, right, low in bounds if high < bottom and low > top]
    for line in drawing.lines:
        ys = [y for _, y in line.points]
        if min(ys) < bottom and max(ys) > top:
            found.append(max(x for x, _ in line.points))
    return max(found, default=0.0)
