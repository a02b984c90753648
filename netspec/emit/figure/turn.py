"""Blocks on their head, for a column that is read from the bottom up.

A column is laid out downwards and turned as a whole; what is to stand upright is turned before.
"""

from __future__ import annotations

from collections.abc import Mapping

from netspec.emit.diagram.routes import Routes
from netspec.emit.figure.boxes import FOOT
from netspec.emit.figure.drawing import Drawing, Tile


def turned_texts(box: Tile) -> Tile:
    """Return a box whose lines of text are in their order once it is turned."""
    box.drawing.texts = [text.upside_down(box.height) for text in box.drawing.texts]
    return box


def turned_frame(frame: Tile, inner: Tile) -> Tile:
    """Return the frame around some items with its title below them, which is above once turned."""
    header = frame.height - inner.height - FOOT
    old = frame.drawing
    titles = [text.upside_down(frame.height) for text in old.texts if text.y < header]
    drawing = Drawing([old.boxes[0]], titles)
    drawing.include(inner.drawing, 0, FOOT)
    edges = 0.0, frame.height
    for line in old.lines:
        if any(y in edges for _, y in line.points):
            points = [(x, y if y in edges else y - header + FOOT) for x, y in line.points]
            drawing.line(points, line.net, line.is_arrow, line.is_head)
    frame.drawing = drawing
    return frame


def enter_aside(frame: Tile, routes: Routes, beside: Mapping[int, float], top: float) -> None:
    """Draw the lines that enter a block from the left."""
    for port, y in beside.items():
        frame.beside[port] = top + y
        ends = [(-frame.left, top + y), (0.0, top + y)]
        frame.drawing.line(ends, routes.output(-1 - port), False, routes.cluster.train_only)
