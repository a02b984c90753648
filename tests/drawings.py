"""Random networks with skips and nested blocks, and what is wrong with a drawing of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations, pairwise

from hypothesis import strategies as st

from netspec.emit.figure.drawing import Box, Drawing, Line, Point, Text
from netspec.graph.model import NodeId

EPSILON = 1e-6


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
    return max(ax0, bx0) <= min(ax1, bx1) + EPSILON and max(ay0, by0) <= min(ay1, by1) + EPSILON


def problems(drawing: Drawing) -> list[str]:
    """Return every overlap and crossing in a drawing, in words."""
    return [
        *overlapping_boxes(drawing),
        *overlapping_texts(drawing),
        *lines_through_things(drawing),
        *crossings(drawing),
    ]


def entered_by_others(drawing: Drawing, reads: Mapping[NodeId, Collection[NodeId]]) -> list[str]:
    """Return the arrows that end at a box which reads something else, in words."""
    return [
        f"{line.net} enters {box.owner}"
        for line in drawing.lines
        for box in drawing.boxes
        if line.is_arrow and box.owner in reads and line.net not in reads[box.owner]
        if holds((box.x, box.y, box.x + box.width, box.y + box.height), (*line.points[-1],) * 2)
    ]


def overlapping_boxes(drawing: Drawing) -> list[str]:
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


def overlapping_texts(drawing: Drawing) -> list[str]:
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


def apart(text: Text) -> Rectangle:
    """Return the room of a text that lines leave free: a header stands apart from what enters."""
    left, top, right, bottom = text.bounds
    free = 3.0 if text.role in ("title", "note") else 0.0
    return left - free, top, right + free, bottom


def lines_through_things(drawing: Drawing) -> list[str]:
    found = []
    for line in drawing.lines:
        for segment in segments(line):
            found += [
                f"line {line.net} through text {text.text!r}"
                for text in drawing.texts
                if touches(segment, apart(text))
            ]
            for box in drawing.boxes:
                if not touches(segment, bounds(box)):
                    continue
                ends = (*segment[0], *segment[0]), (*segment[1], *segment[1])
                if not box.is_group or not all(holds(bounds(box), end) for end in ends):
                    found.append(f"line {line.net} through box {box.owner}")
    return found


def crossings(drawing: Drawing) -> list[str]:
    parts = [(line.net, segment) for line in drawing.lines for segment in segments(line)]
    return [
        f"lines cross: {a} {b}"
        for (a, p), (b, q) in combinations(parts, 2)
        if a != b and meet(p, q)
    ]


# ------------------------------------------------------------------ random networks


@st.composite
def random_chain(draw: st.DrawFn, depth: int, prefix: str, inputs: list[str]) -> list[str]:
    """Return the lines of a chain in which every layer is read and shapes always agree."""
    lines, names = [], list(inputs)
    unread = list(inputs)
    for i in range(draw(st.integers(1, 6))):
        name = f"{prefix}{i}"
        count = draw(st.integers(1, 3))
        sources = draw(
            st.lists(st.sampled_from(names), min_size=count, max_size=count, unique=False)
        )
        if unread and draw(st.booleans()):
            sources[0] = unread[-1]
        sources = list(dict.fromkeys(sources))
        if draw(st.integers(0, 7)) == 0:
            sources.append(f"{name}free")
            lines.append(f"{name}free: {{parameter: [[4, 8, 8]]}}")
        lines.append(f"{name}: {draw(random_layer(depth, sources))}")
        unread = [x for x in unread if x not in sources] + [name]
        names.append(name)
    if len(unread) > 1:
        lines.append(f"{prefix}end: {{add: [], from: [{', '.join([*unread, names[0]])}]}}")
    return lines


@st.composite
def random_layer(draw: st.DrawFn, depth: int, sources: list[str]) -> str:
    if len(sources) > 1:
        pair = [f"Pair{depth}: []"] if depth and len(sources) == 2 else []
        op = draw(st.sampled_from(["add: []", "mul: []", *pair]))
        return f"{{{op}, from: [{', '.join(sources)}]}}"
    ops = ["conv2d: [4, 3], padding: 1", "relu: []", "batch_norm2d: []", "dropout: 0.5"]
    ops += [f"Single{depth}: []", f"Fan{depth}: []", "Halves: []", "Both: []"] if depth else []
    return f"{{{draw(st.sampled_from(ops))}, from: {sources[0]}}}"


PARTED = """\
  Halves:
    chain:
      cut:  {chunk: 2, dim: 1, names: [kept, turned]}
      turn: {relu: [], from: cut.turned}
      both: {concat: [], from: [cut.kept, turn]}
  Two:
    outputs: [low, high]
    chain:
      low:  {conv2d: [4, 3], padding: 1}
      high: {conv2d: [4, 1], from: FROM}
  Both:
    chain:
      two: Two
      sum: {add: [], from: [two.low, two.high]}
"""


@st.composite
def random_spec(draw: st.DrawFn) -> str:
    """Return a spec with nested blocks, skips, several inputs, outputs and heads."""
    lines = ["netspec: 1", "name: Random"]
    inputs = ["left", "right"][: draw(st.integers(1, 2))]
    lines += ["inputs: {" + ", ".join(f"{name}: [4, 8, 8]" for name in inputs) + "}", "blocks:"]
    lines += PARTED.replace("FROM", draw(st.sampled_from(["input", "low"]))).splitlines()
    for depth in (1, 2):
        lines += [f"  Single{depth}:", "    chain:"]
        lines += [f"      {x}" for x in draw(random_chain(depth - 1, "s", ["input"]))]
        lines += [f"  Pair{depth}:", "    inputs: [p, q]", "    chain:"]
        lines += [f"      {x}" for x in draw(random_chain(depth - 1, "t", ["p", "q"]))]
        lines += [f"  Fan{depth}:", "    parallel:"]
        for branch in range(draw(st.integers(2, 5))):
            chain = draw(random_chain(depth - 1, f"b{branch}", ["input"]))
            lines += [f"      {'- ' if i == 0 else '  '}{x}" for i, x in enumerate(chain)]
        lines += ["      - []"] if draw(st.booleans()) else []
        lines += ["    join: add"]
    graph = draw(random_chain(2, "g", inputs))
    layers = [line.split(":")[0] for line in graph]
    lines += ["graph:", *(f"  {line}" for line in graph), "outputs:", f"  out: {layers[-1]}"]
    for i in range(draw(st.integers(0, 3))):
        only = ", when: train" if draw(st.booleans()) else ""
        tap = draw(st.sampled_from(layers))
        lines.append(f"  head{i}: {{Single{draw(st.integers(1, 2))}: [], from: {tap}{only}}}")
    return "\n".join(lines) + "\n"
