"""The page figure: what it shows, and that nothing in it overlaps, crosses or is too small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.diagram.numbers import shape_text, short
from netspec.emit.diagram.tree import build
from netspec.emit.figure.drawing import Box, Drawing, Line, Point, Text
from netspec.emit.figure.page import Figure, lay_out, page_size
from netspec.emit.figure.svg import THEMES, to_svg, write
from netspec.emit.palette import KINDS
from netspec.text.syntax import decode
from tests.support import mostly

SPECS = Path(__file__).parent.parent / "specs"
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
    return max(ax0, bx0) <= min(ax1, bx1) + EPSILON and max(ay0, by0) <= min(ay1, by1) + EPSILON


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
        f"lines cross: {a} {b}"
        for (a, p), (b, q) in combinations(parts, 2)
        if a != b and meet(p, q)
    ]


def assert_clean(figure: Figure) -> None:
    assert problems(figure.drawing) == []
    for box in figure.drawing.boxes:
        assert holds((0, 0, figure.width, figure.height), bounds(box)), box
    for text in figure.drawing.texts:
        assert holds((-0.5, 0, figure.width + 0.5, figure.height), text.bounds), text


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
    ops += [f"Single{depth}: []", f"Fan{depth}: []"] if depth else []
    return f"{{{draw(st.sampled_from(ops))}, from: {sources[0]}}}"


@st.composite
def random_spec(draw: st.DrawFn) -> str:
    """Return a spec with nested blocks, skips, several inputs, outputs and heads."""
    lines = ["netspec: 1", "name: Random"]
    inputs = ["left", "right"][: draw(st.integers(1, 2))]
    lines += ["inputs: {" + ", ".join(f"{name}: [4, 8, 8]" for name in inputs) + "}", "blocks:"]
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


RANDOM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@RANDOM
@given(random_spec(), st.sampled_from(["letter", "none"]), st.sampled_from([None, 1]))
def test_random_networks_have_no_overlap_and_no_crossing(
    text: str, page: str, depth: int | None
) -> None:
    network = compiled(text)
    assert_clean(lay_out(network, page_size(page, "landscape"), depth))


# ------------------------------------------------------------------ the shipped specs


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return netspec.load(str(SPECS / "googlenet.yaml")).network


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("orientation", mostly(["landscape"], ["landscape", "portrait"]))
@pytest.mark.parametrize("page", mostly(["letter"], ["letter", "a4", "slide", "none"]))
def test_shipped_specs_have_no_overlap_and_no_crossing(
    path: Path, page: str, orientation: str
) -> None:
    room = page_size(page, orientation)
    figure = lay_out(netspec.load(str(path)).network, room)
    assert_clean(figure)
    if room:
        assert figure.smallest_text >= room.floor
        assert (figure.width + 8) * figure.scale <= room.width + 0.1
        assert (figure.height + 8) * figure.scale <= room.height + 0.1


@pytest.mark.parametrize(("orientation", "floor"), [("landscape", 6.5), ("portrait", 5.0)])
def test_the_whole_of_googlenet_is_readable_on_one_page(
    googlenet: Network, orientation: str, floor: float
) -> None:
    figure = lay_out(googlenet, page_size("letter", orientation))
    assert figure.smallest_text >= floor
    shown = Counter(box.kind for box in figure.drawing.boxes if box.owner[0] != "legend")
    assert sum(shown[kind] for kind in ("conv1", "conv3", "conv5", "conv7")) == 59
    assert shown["join"] == 9
    assert sum(box.is_group for box in figure.drawing.boxes) == 11


def test_branches_stand_in_the_order_of_the_concat(googlenet: Network) -> None:
    boxes = {box.owner: box for box in lay_out(googlenet, None).drawing.boxes}
    names = ["conv1x1", "conv3x3", "conv5x5", "pool_proj"]
    xs = [boxes["inception_3a", name].x for name in names]
    assert xs == sorted(xs)
    assert len({boxes["inception_3a", name].y for name in names}) == 1


def test_heads_are_dashed_beside_their_tap(googlenet: Network) -> None:
    figure = lay_out(googlenet, page_size("letter", "landscape"))
    boxes = {box.owner: box for box in figure.drawing.boxes}
    head, tap = boxes["aux1",], boxes["inception_4a",]
    assert head.is_head
    assert head.x > tap.x + tap.width
    assert not tap.is_head
    assert 'stroke-dasharray="3 2"' in to_svg(googlenet)


def test_text_tells_kernel_stride_channels_shapes_and_costs(googlenet: Network) -> None:
    texts = [text.text for text in lay_out(googlenet, None).drawing.texts]
    for expected in ("conv 7×7/2, 64", "max pool 3×3/2", "64×112²", "inception 3a", "5×5, 32"):
        assert expected in texts
    assert "164k params · 128M MACs" in texts
    assert any("6,998,552 params · 1.58G MACs" in text for text in texts)
    assert any(text == "bar: MACs (full = 347M, 22 %)" for text in texts)


def test_depth_closes_blocks(googlenet: Network) -> None:
    figure = lay_out(googlenet, None, depth=1)
    assert not any(box.is_group for box in figure.drawing.boxes)
    assert "inception 3a" in [text.text for text in figure.drawing.texts]


def test_the_same_network_gives_the_same_bytes(googlenet: Network) -> None:
    program = (
        "import sys, netspec; from netspec.emit.figure.svg import to_svg;"
        "sys.stdout.write(to_svg(netspec.load(sys.argv[1]).network))"
    )
    for seed in ("0", "1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program, str(SPECS / "googlenet.yaml")],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        )
        assert run.stdout.decode() == to_svg(googlenet)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_svg_is_plain(googlenet: Network, theme: str) -> None:
    text = to_svg(googlenet, theme=theme)
    tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(text).iter()}
    assert tags <= {"svg", "title", "rect", "text", "polyline", "polygon"}
    assert not re.search(r"href|script|url\(|<!|onload|https?://(?!www.w3.org/2000/svg)", text)


def test_text_never_becomes_markup() -> None:
    leaf = Text(0, 0, "</text><script>alert(1)</script>&amp;")
    box = Box(0, 0, 10, 10, "conv1", ("<a>",))
    root = build(compiled(CHAIN))
    figure = Figure(Drawing([box], [leaf], []), 10, 10, 1.0, root)
    elements = ElementTree.fromstring(write(figure, THEMES["light"]))
    assert [x.text for x in elements if x.tag.endswith("text")] == [leaf.text]


@pytest.mark.parametrize(
    "wrong", [{"page": "A3"}, {"orientation": "up"}, {"theme": "pink"}], ids=str
)
def test_unknown_settings_are_refused(googlenet: Network, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        to_svg(googlenet, **wrong)


# ------------------------------------------------------------------ other kinds of network


CHAIN = """
netspec: 1
name: Chain
inputs: {image: [3, 32, 32]}
graph:
  conv: {conv2d: [8, 3], padding: 1}
  relu: relu
outputs: {out: relu}
"""

RESIDUAL = """
netspec: 1
name: Residual
inputs: {image: [16, 32, 32]}
blocks:
  ConvBN:
    params: [out, k]
    chain:
      conv: {conv2d: [$out, $k], padding: $k // 2, bias: false}
      norm: batch_norm2d
  Basic:
    chain:
      conv1: {ConvBN: [16, 3]}
      relu1: relu
      conv2: {ConvBN: [16, 3]}
      add: {add: [], from: [conv2, input]}
      relu2: relu
  Identity:
    parallel:
      - conv1: {ConvBN: [16, 3]}
        conv2: {ConvBN: [16, 3]}
      - []
    join: add
graph:
  stem: {Identity: []}
  stage: {Basic: [], repeat: REPEAT}
outputs: {out: stage}
"""

UNET = """
netspec: 1
name: UNet
inputs: {image: [3, 64, 64]}
blocks:
  Merge:
    inputs: [x, skip]
    params: [out]
    chain:
      up: {conv2d: [$out, 1], from: x}
      cat: {concat: [], from: [up, skip]}
      conv: {conv2d: [$out, 3], padding: 1}
graph:
  enc1: {conv2d: [16, 3], padding: 1}
  enc2: {conv2d: [32, 3], padding: 1}
  enc3: {conv2d: [64, 3], padding: 1}
  middle: {conv2d: [128, 3], padding: 1}
  dec3: {Merge: [64], from: [middle, enc3]}
  dec2: {Merge: [32], from: [dec3, enc2]}
  dec1: {concat: [], from: [dec2, enc1]}
outputs: {mask: dec1}
"""

TOWERS = """
netspec: 1
name: Towers
inputs: {left: [3, 32, 32], right: [1, 32, 32]}
graph:
  a: {conv2d: [16, 3], from: left}
  b: {conv2d: [16, 3], from: right}
  both: {concat: [], from: [a, b]}
  boxes: {conv2d: [4, 1], from: both}
  classes: {conv2d: [10, 1], from: both}
outputs: {where: boxes, what: classes}
"""

CROSSING = """
netspec: 1
name: Crossing
inputs: {image: [4, 8, 8]}
graph:
  a: {conv2d: [4, 1]}
  b: {conv2d: [4, 1]}
  ab: {add: [], from: [a, b, image]}
  c: {conv2d: [4, 1]}
  abc: {add: [], from: [a, b, c, image]}
  d: {conv2d: [4, 1]}
  abcd: {add: [], from: [a, b, c, d, ab]}
outputs: {out: abcd}
"""


def wide(branches: int) -> str:
    lines = [f"      - c{i}: {{conv2d: [8, 1]}}" for i in range(branches)]
    head = ["netspec: 1", "name: Wide", "inputs: {image: [16, 32, 32]}", "blocks:", "  W:"]
    tail = ["    join: concat", "graph:", "  one: {W: []}", "  two: {W: []}", "outputs: {out: two}"]
    return "\n".join([*head, "    parallel:", *lines, *tail])


NETWORKS = {
    "residual": RESIDUAL.replace("REPEAT", "3"),
    "deep": RESIDUAL.replace("REPEAT", "75"),
    "unet": UNET,
    "towers": TOWERS,
    "crossing": CROSSING,
    "wide": wide(24),
}


@pytest.mark.parametrize("page", ["letter", "none"])
@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("name", mostly({*NETWORKS} - {"deep"}, NETWORKS))
def test_other_networks_are_clean_and_readable(name: str, orientation: str, page: str) -> None:
    room = page_size(page, orientation)
    figure = lay_out(compiled(NETWORKS[name]), room)
    assert_clean(figure)
    assert room is None or figure.smallest_text >= room.floor


def test_equal_blocks_in_a_row_are_drawn_once() -> None:
    figure = lay_out(compiled(NETWORKS["deep"]), page_size("letter", "landscape"))
    texts = [text.text for text in figure.drawing.texts]
    assert "stage.0–74 ×75" in texts
    assert "each 4.67k params" in texts


def test_an_identity_branch_is_a_line_past_the_others() -> None:
    figure = lay_out(compiled(NETWORKS["residual"]), None)
    boxes = {box.owner: box for box in figure.drawing.boxes}
    ends = [line.points[-1] for line in figure.drawing.lines if line.net == ("image",)]
    add = boxes["stem", "add"]
    assert any(
        add.x <= x <= add.x + add.width and add.y <= y <= add.y + add.height for x, y in ends
    )


def test_skips_run_in_lanes_and_what_would_cross_gets_a_number() -> None:
    unet = lay_out(compiled(UNET), None).drawing
    assert not any(box.kind == "tag" for box in unet.boxes)
    crossing = lay_out(compiled(CROSSING), None).drawing
    tags = Counter(text.text for text in crossing.texts if text.role == "tag")
    assert tags
    numbers = Counter(number for text in tags for number in text.split(","))
    assert min(numbers.values()) >= 2


def test_numbers_have_three_digits() -> None:
    assert [short(x) for x in (0, 999, 1000, 9996, 163_696, 999_600, 1_582_671_872)] == [
        "0", "999", "1.00k", "10.0k", "164k", "1.00M", "1.58G",
    ]  # fmt: skip
    assert shape_text((64, 56, 56)) == "64×56²"
    assert shape_text((1024, 1, 1)) == "1024×1×1"
    assert shape_text((1000,)) == "1000"


def test_kinds_differ_in_grey() -> None:
    """Kinds that no label tells apart at a glance keep a distance in lightness."""
    for field in ("light", "grey"):
        fills = [getattr(KINDS[f"conv{size}"], field) for size in (1, 3, 5, 7)]
        shades = [lightness(fill) for fill in fills]
        assert all(a - b > 8 for a, b in pairwise(shades))
    others = ["pool", "norm", "linear", "dropout", "join", "activation"]
    shades = sorted(lightness(KINDS[kind].light) for kind in others)
    assert all(b - a > 2 for a, b in pairwise(shades))


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_kinds_differ_for_colour_blind_readers(deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]
    kinds = [key for key in KINDS if key not in ("input", "block", "reshape")]
    for a, b in combinations(kinds, 2):
        one, other = (seen(KINDS[key].light, matrix) for key in (a, b))
        assert sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) ** 0.5 > 6, (a, b)


def seen(colour: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """Return CIE L*a*b* of a colour as a colour-blind reader sees it."""
    linear = linear_rgb(colour)
    r, g, b = (
        min(1.0, max(0.0, sum(x * y for x, y in zip(row, linear, strict=True)))) for row in matrix
    )
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.0888
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def linear_rgb(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]


def lightness(colour: str) -> float:
    """Return CIE L* of a colour."""
    red, green, blue = linear_rgb(colour)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * luminance ** (1 / 3) - 16


def test_a_very_long_network_is_closed_in_stretches_and_stays_readable() -> None:
    layers = [f"  c{i}: {{conv2d: [{8 + i % 5}, 3], padding: 1}}" for i in range(2000)]
    head = ["netspec: 1", "name: Long", "inputs: {image: [3, 16, 16]}", "graph:"]
    network = compiled("\n".join([*head, *layers, "outputs: {out: c1999}"]))
    room = page_size("letter", "landscape")
    figure = lay_out(network, room)
    assert_clean(figure)
    assert room is not None
    assert figure.smallest_text >= room.floor
    closed = [box for box in figure.drawing.boxes if box.kind == "block"]
    assert 20 < len(closed) < 210


def test_every_output_is_drawn_whatever_layers_are_called():
    network = compiled(
        """
netspec: 1
name: Pyramid
inputs: {image: [3, 16, 16]}
graph:
  p3: {conv2d: [4, 3], padding: 1}
  p4: {conv2d: [4, 3], padding: 1}
  low: {conv2d: [4, 1], from: p3}
  high: {conv2d: [4, 1], from: p4}
outputs: {p3: low, p4: high}
"""
    )
    labels = [item.label for item in build(network).children]
    assert labels.count("p3") == labels.count("p4") == 1
