"""The page figure: what it shows, and that nothing in it overlaps, crosses or is too small."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspec.compiler import compile_spec
from netspec.emit.figure.drawing import Box, Drawing, Line, Point
from netspec.emit.figure.numbers import shape_text, short
from netspec.emit.figure.page import Figure, lay_out, page_size
from netspec.emit.figure.svg import THEMES, to_svg
from netspec.network import Network
from netspec.syntax import decode

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
EPSILON = 1e-6


def compiled(text: str) -> Network:
    return compile_spec(decode(text.encode(), "spec.yaml"))


# ------------------------------------------------------------------ geometry


Rectangle = tuple[float, float, float, float]


def bounds(box: Box) -> Rectangle:
    return box.x, box.y, box.x + box.width, box.y + box.height


def overlap(a: Rectangle, b: Rectangle) -> bool:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width > EPSILON and height > EPSILON


def holds(outer: Rectangle, inner: Rectangle) -> bool:
    low = outer[0] <= inner[0] + EPSILON and outer[1] <= inner[1] + EPSILON
    return low and outer[2] >= inner[2] - EPSILON and outer[3] >= inner[3] - EPSILON


def segments(line: Line) -> list[tuple[Point, Point]]:
    return list(pairwise(line.points))


def touches(segment: tuple[Point, Point], rectangle: Rectangle) -> bool:
    """Tell whether a horizontal or vertical segment runs through the inside of a rectangle."""
    (x0, y0), (x1, y1) = segment
    left, top, right, bottom = rectangle
    across = max(min(x0, x1), left) < min(max(x0, x1), right) - EPSILON
    down = max(min(y0, y1), top) < min(max(y0, y1), bottom) - EPSILON
    if y0 == y1:
        return across and top + EPSILON < y0 < bottom - EPSILON
    return down and left + EPSILON < x0 < right - EPSILON


def meet(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    """Tell whether two horizontal or vertical segments share a point."""
    boxes = [
        (min(p[0], q[0]), min(p[1], q[1]), max(p[0], q[0]), max(p[1], q[1])) for p, q in (a, b)
    ]
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
    return (
        max(ax0, bx0) <= min(ax1, bx1) + EPSILON and max(ay0, by0) <= min(ay1, by1) + EPSILON
    )


def problems(drawing: Drawing) -> list[str]:
    """Return every overlap and crossing in a drawing, in words."""
    return [
        *_overlapping_boxes(drawing),
        *_overlapping_texts(drawing),
        *_lines_through_things(drawing),
        *_crossings(drawing),
    ]


def _overlapping_boxes(drawing: Drawing) -> list[str]:
    found = []
    for a, b in combinations(drawing.boxes, 2):
        if not overlap(bounds(a), bounds(b)):
            continue
        nested = (a.is_group and holds(bounds(a), bounds(b))) or (
            b.is_group and holds(bounds(b), bounds(a))
        )
        if not nested:
            found.append(f"boxes overlap: {a.owner} {b.owner}")
    return found


def _overlapping_texts(drawing: Drawing) -> list[str]:
    found = [
        f"texts overlap: {a.text!r} {b.text!r}"
        for a, b in combinations(drawing.texts, 2)
        if overlap(a.bounds, b.bounds)
    ]
    for text in drawing.texts:
        for box in drawing.boxes:
            if overlap(text.bounds, bounds(box)) and not holds(bounds(box), text.bounds):
                found.append(f"text {text.text!r} crosses the border of {box.owner}")
            elif (
                not box.is_group
                and text.role in ("shape", "title")
                and overlap(text.bounds, bounds(box))
            ):
                found.append(f"text {text.text!r} stands in {box.owner}")
    return found


def _lines_through_things(drawing: Drawing) -> list[str]:
    found = []
    for line in drawing.lines:
        for segment in segments(line):
            found += [
                f"line {line.net} through text {text.text!r}"
                for text in drawing.texts
                if touches(segment, text.bounds)
            ]
            for box in drawing.boxes:
                if not touches(segment, bounds(box)):
                    continue
                ends = (*segment[0], *segment[0]), (*segment[1], *segment[1])
                if not box.is_group or not all(holds(bounds(box), end) for end in ends):
                    found.append(f"line {line.net} through box {box.owner}")
    return found


def _crossings(drawing: Drawing) -> list[str]:
    parts = [(line.net, segment) for line in drawing.lines for segment in segments(line)]
    return [
        f"lines cross: {a} {b}" for (a, p), (b, q) in combinations(parts, 2) if a != b and meet(p, q)
    ]


def assert_clean(figure: Figure) -> None:
    assert problems(figure.drawing) == []
    for box in figure.drawing.boxes:
        assert holds((0, 0, figure.width, figure.height), bounds(box)), box
    for text in figure.drawing.texts:
        assert holds((-0.5, 0, figure.width + 0.5, figure.height), text.bounds), text
