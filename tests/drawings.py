"""Random networks with skips and nested blocks, and what is wrong with a drawing of one."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations, pairwise

from hypothesis import strategies as st

from netspec.emit.figure.drawing import Box, Drawing, Line, Point, Text

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


class RandomChain:
    """Lines of a chain whose maps all have one shape, so that any layer may read any other."""

    def __init__(self, draw: st.DrawFn, depth: int, prefix: str, inputs: list[str]) -> None:
        self._draw = draw
        self._depth = depth
        self.names = [*inputs]
        self._halves: list[str] = []
        self._modules: list[str] = []
        self.lines: list[str] = []
        self.unread = [*inputs]
        for i in range(draw(st.integers(1, 6))):
            self._step(f"{prefix}{i}")
        if self._chance(20):
            self._climb(prefix)

    def add(self, name: str, op: str, sources: list[str], ports: Collection[str] = ()) -> None:
        """Add a line, which gives one map or one for each port."""
        sources = list(dict.fromkeys(sources))
        self.lines.append(f"{name}: {{{op}, from: [{', '.join(sources)}]}}")
        given = [f"{name}.{port}" for port in ports] or [name]
        self.unread = [x for x in self.unread if x not in sources]
        if not op.startswith("chunk"):
            self.unread += given
            self.names += given

    def _chance(self, percent: int) -> bool:
        return self._draw(st.integers(0, 99)) >= 100 - percent

    def _step(self, name: str) -> None:
        sources = self._draw(st.lists(st.sampled_from(self.names), min_size=1, max_size=3))
        if self.unread and self._chance(50):
            sources[0] = self.unread[-1]
        if self._chance(12):
            sources.append(f"{name}free")
            self.lines.append(f"{name}free: {{parameter: [[4, 8, 8]]}}")
        if len(set(sources)) > 1:
            pair = [f"Pair{self._depth}: []"] if self._depth and len(set(sources)) == 2 else []
            self.add(name, self._draw(st.sampled_from(["add: []", "mul: []", *pair])), sources)
        elif self._modules and self._chance(15):
            self.add(name, f"share: {self._draw(st.sampled_from(self._modules))}", sources)
        elif self._chance(12):
            self._cut(name, sources[0])
        else:
            self._single(name, sources[0])

    def _climb(self, prefix: str) -> None:
        """Add layers that read the earlier ones from the last to the first, as a U does."""
        for i, earlier in enumerate(reversed(self.names[:-2])):
            self.add(f"{prefix}up{i}", "add: []", [self.names[-1], earlier])

    def _single(self, name: str, source: str) -> None:
        ops = ["conv2d: [4, 3], padding: 1", "batch_norm2d: []", "relu: []", "dropout: 0.5"]
        if depth := self._depth:
            ops += [f"Single{depth}: []", f"Fan{depth}: []", "Two: []", "Halves: []", "Both: []"]
        op = self._draw(st.sampled_from(ops))
        if op.startswith(("conv2d", "batch_norm2d", "Single", "Fan")):
            self._modules.append(name)
        self.add(name, op, [source], ["low", "high"] if op.startswith("Two") else [])

    def _cut(self, name: str, source: str) -> None:
        """Add a split and what reads its parts, and perhaps an earlier one's."""
        self.add(f"{name}cut", "chunk: 2, dim: 1", [source])
        halves = self._draw(st.permutations([f"{name}cut.0", f"{name}cut.1"]))
        self._halves += halves
        self.add(name, "conv2d: [4, 1]", [halves[0]])
        if self._chance(70):
            self.add(f"{name}both", "concat: []", halves)
        if self._chance(30):
            other = self._draw(st.sampled_from(self._halves))
            self.add(f"{name}more", "conv2d: [4, 1]", [other])


@st.composite
def random_body(draw: st.DrawFn, depth: int, prefix: str, inputs: list[str]) -> list[str]:
    """Return the lines of a block's chain: its last layer reads what nothing else does."""
    chain = RandomChain(draw, depth, prefix, inputs)
    if len(chain.unread) > 1 or "." in chain.unread[0]:
        chain.add(f"{prefix}end", "add: []", [*chain.unread, inputs[0]])
    return chain.lines


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
def random_blocks(draw: st.DrawFn) -> list[str]:
    """Return the lines of blocks, nested in each other."""
    lines = PARTED.replace("FROM", draw(st.sampled_from(["input", "low"]))).splitlines()
    for depth in (1, 2):
        lines += [f"  Single{depth}:", "    chain:"]
        lines += [f"      {x}" for x in draw(random_body(depth - 1, "s", ["input"]))]
        lines += [f"  Pair{depth}:", "    inputs: [p, q]", "    chain:"]
        lines += [f"      {x}" for x in draw(random_body(depth - 1, "t", ["p", "q"]))]
        lines += [f"  Fan{depth}:", "    parallel:"]
        for branch in range(draw(st.integers(2, 5))):
            chain = draw(random_body(depth - 1, f"b{branch}", ["input"]))
            lines += [f"      {'- ' if i == 0 else '  '}{x}" for i, x in enumerate(chain)]
        lines += ["      - []"] if draw(st.booleans()) else []
        lines += ["    join: add"]
    return lines


@st.composite
def random_spec(draw: st.DrawFn) -> str:
    """Return a spec with inputs and outputs that may never meet, skips, shares, splits, heads."""
    inputs = ["left", "right", "third"][: draw(st.integers(1, 3))]
    lines = ["netspec: 1", "name: Random"]
    lines += ["inputs: {" + ", ".join(f"{name}: [4, 8, 8]" for name in inputs) + "}"]
    depth = draw(st.sampled_from([0, 2]))
    lines += ["blocks:", *draw(random_blocks())] if depth else []
    chain = RandomChain(draw, depth, "g", inputs)
    if len(chain.unread) > 1 and draw(st.booleans()):
        chain.add("gend", "add: []", chain.unread)
    for name in [name for name in chain.unread if name in inputs]:
        chain.add(f"{name}end", "conv2d: [4, 1]", [name])
    lines += ["graph:", *(f"  {line}" for line in chain.lines), "outputs:"]
    lines += [f"  out{i}: {name}" for i, name in enumerate(chain.unread)]
    for i in range(draw(st.integers(0, 3))):
        tap = draw(st.sampled_from(chain.names[len(inputs) :]))
        op = draw(
            st.sampled_from(["relu: []", f"Single{depth}: []" if depth else "conv2d: [4, 1]"])
        )
        only = draw(st.sampled_from(["", ", when: train"]))
        lines.append(f"  head{i}: " + draw(st.sampled_from([f"{{{op}, from: {tap}{only}}}", tap])))
    return "\n".join(lines) + "\n"
