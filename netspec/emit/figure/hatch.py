"""The lines across a box by which print tells greys apart."""

from __future__ import annotations

from netspec.emit.figure.drawing import Box, Point

_STEP = 4.5
_INSET = 0.6
_EDGE = 2.0


def hatch(box: Box, stroke: str) -> list[Point]:
    """Return the lines of a stroke across a box as one path, which turns at the border."""
    wide, tall = box.width - 2 * _INSET, box.height - 2 * _INSET
    length = {"|": wide, ".": tall}.get(stroke, wide + tall)
    # Level lines stay clear of the words.
    steps = [i * _STEP for i in range(1, int(length / _STEP) + 1)]
    points: list[Point] = []
    for i, step in enumerate([_EDGE, tall - _EDGE] if stroke == "-" else steps):
        ends = _ends(stroke, step, wide, tall)
        points += ends if i % 2 else ends[::-1]
    return [(box.x + _INSET + x, box.y + _INSET + y) for x, y in points]


def _ends(stroke: str, step: float, wide: float, tall: float) -> tuple[Point, Point]:
    """Return where the line enters and leaves the box that is a step away from its first corner."""
    match stroke:
        case "|":
            return (step, 0), (step, tall)
        case "/":
            return (max(0, step - tall), min(tall, step)), (min(wide, step), max(0, step - wide))
        case "\\":
            (left, low), (right, high) = _ends("/", step, wide, tall)
            return (left, tall - low), (right, tall - high)
    return (0, step), (wide, step)
