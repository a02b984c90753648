"""Blocks of one column made equally wide."""

from __future__ import annotations

from dataclasses import replace

from netspec.emit.figure.drawing import Drawing, Tile
from netspec.emit.figure.placed import PlacedCluster


def equally_wide(cluster: PlacedCluster, start: int, stop: int) -> PlacedCluster:
    """Return a cluster in which the blocks of a stretch of the main series are equally wide."""
    parts = cluster.routes.flow.main.parts[start:stop]
    frames = {x: cluster.tiles[x] for x in parts if isinstance(x, int) and x in cluster.tiles}
    left = max((frame.left for frame in frames.values()), default=0.0)
    right = max((frame.right for frame in frames.values()), default=0.0)
    wide = {part: _widened(frame, left, right) for part, frame in frames.items()}
    return replace(cluster, tiles={**cluster.tiles, **wide})


def _widened(frame: Tile, left: float, right: float) -> Tile:
    """Return a frame that reaches further to both sides, its title and costs in the corners."""
    box, *boxes = frame.drawing.boxes
    edges = {4 - frame.left: 4 - left, frame.right - 4: right - 4, -frame.left: -left}
    texts = [
        text._replace(x=edges.get(text.x, text.x)) if text.role in ("title", "note") else text
        for text in frame.drawing.texts
    ]
    lines = [
        line._replace(points=tuple((edges.get(x, x), y) for x, y in line.points))
        for line in frame.drawing.lines
    ]
    box = box._replace(x=-left, width=left + right)
    return replace(frame, left=left, right=right, drawing=Drawing([box, *boxes], texts, lines))
