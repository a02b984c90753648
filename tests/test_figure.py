"""The page figure: what it shows, and that nothing in it overlaps, crosses or is too small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.diagram.numbers import shape_text, short
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import Cluster, build, leaves, main_output, walk
from netspec.emit.figure.drawing import Box, Drawing, Text
from netspec.emit.figure.page import Figure, lay_out
from netspec.emit.figure.room import Room, room
from netspec.emit.figure.svg import THEMES, to_svg, write
from netspec.emit.look import Look
from netspec.text.syntax import decode
from tests.drawings import bounds, holds, problems, random_spec
from tests.support import draws, mostly
from tests.wiring import drawn_edges, shown_edges

SPECS = Path(__file__).parent.parent / "specs"


def compiled(text: str) -> Network:
    return compile_spec(decode(text.encode(), "spec.yaml"))


def page_size(page: str, orientation: str) -> Room | None:
    return room(Look(page=page, orientation=orientation))


def assert_clean(figure: Figure) -> None:
    assert problems(figure.drawing) == []
    assert drawn_edges(figure.drawing) == (shown_edges(leaves(figure.root), figure.root), [])
    for box in figure.drawing.boxes:
        assert holds((0, 0, figure.width, figure.height), bounds(box)), box
    for text in figure.drawing.texts:
        assert holds((-0.5, 0, figure.width + 0.5, figure.height), text.bounds), text


RANDOM = settings(
    max_examples=draws(15, 250), deadline=None, suppress_health_check=list(HealthCheck)
)


@RANDOM
@given(random_spec(), st.sampled_from(["letter", "none"]), st.sampled_from([None, 1, 2]))
def test_random_networks_have_no_overlap_and_no_crossing(
    text: str, page: str, depth: int | None
) -> None:
    network = compiled(text)
    assert_clean(lay_out(network, page_size(page, "landscape"), depth))


# ------------------------------------------------------------------ the shipped specs


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return netspec.load(str(SPECS / "googlenet.yaml")).network


ROOMS = ["letter landscape", "letter portrait", "slide landscape", "none portrait"]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("room", mostly(["letter landscape"], ROOMS))
def test_shipped_specs_have_no_overlap_and_no_crossing(path: Path, room: str) -> None:
    space = page_size(*room.split())
    figure = lay_out(netspec.load(str(path)).network, space)
    assert_clean(figure)
    if space:
        assert figure.smallest_text >= space.least
        assert (figure.width + 8) * figure.scale <= space.width + 0.1
        assert (figure.height + 8) * figure.scale <= space.height + 0.1


@pytest.mark.parametrize("name", ["fpn", "unet", "inception_v3"])
def test_a_number_leads_from_somewhere_to_somewhere(name: str) -> None:
    """One of several outputs of an open block carries its number inside of the block."""
    figure = lay_out(
        netspec.load(str(SPECS / f"{name}.yaml")).network, page_size("letter", "landscape")
    )
    texts = [text for text in figure.drawing.texts if text.role == "tag"]
    ends = Counter(number for text in texts for number in text.text.split(","))
    assert all(count > 1 for count in ends.values())
    assert bool(ends) == any("one connection" in text.text for text in figure.drawing.texts)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("densenet121", ["denselayer1", "denseblock1 ×5", "transition1", "denseblock2 ×12"]),
        ("swin_t", ["features.1.0", "features.1.1", "layer norm · fc 192", "features.3.0–1 ×2"]),
        ("efficientnet_b0", ["features.1.0", "features.2.0", "features.2.1", "features.3.0"]),
    ],
)
def test_the_stages_of_a_network_are_rows(name: str, rows: list[str]) -> None:
    figure = lay_out(
        netspec.load(str(SPECS / f"{name}.yaml")).network, page_size("letter", "landscape")
    )
    texts = [text.text for text in figure.drawing.texts]
    assert [text for text in texts if text in rows] == rows


def test_a_frame_around_nearly_everything_goes_before_detail_does() -> None:
    """No page can break a frame, so the network within it would have to be small."""
    network = netspec.load(str(SPECS / "vgg16.yaml")).network
    root = lay_out(network, page_size("letter", "landscape")).root
    whole = build(network)
    assert [leaf.id for leaf in leaves(root)] == [leaf.id for leaf in leaves(whole)]
    frames = [[x.id for x in walk(it) if isinstance(x, Cluster)] for it in (whole, root)]
    assert frames == [[("features",), ("classifier",)], [("classifier",)]]


@pytest.mark.parametrize(("orientation", "floor"), [("landscape", 6.5), ("portrait", 5.0)])
def test_the_whole_of_googlenet_is_readable_on_one_page(
    googlenet: Network, orientation: str, floor: float
) -> None:
    figure = lay_out(googlenet, page_size("letter", orientation))
    assert figure.smallest_text >= floor
    shown = Counter(box.kind for box in figure.drawing.boxes if box.owner[0] != "legend")
    assert shown["conv"] == 59
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


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_less_detail_still_follows_the_output_of_inference(path: Path) -> None:
    network = netspec.load(str(path)).network
    for root in Details(network):
        end = root.children[root.exit]
        assert (end.id, end.train_only) == (("", main_output(network).name), False)


def test_text_tells_kernel_stride_channels_shapes_and_costs(googlenet: Network) -> None:
    texts = [text.text for text in lay_out(googlenet, None).drawing.texts]
    for expected in ("conv 7×7/2, 64", "max pool 3×3/2", "64×112²", "inception 3a", "5×5, 32"):
        assert expected in texts
    assert "164k params · 128M MACs" in texts
    assert any("6,998,552 params · 1.58G MACs" in text for text in texts)
    assert any(text == "bar: MACs (full width = 347M, 22 %)" for text in texts)


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
    text = to_svg(googlenet, Look(theme=theme))
    tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(text).iter()}
    assert tags <= {"svg", "g", "title", "rect", "text", "polyline", "polygon"}
    assert not re.search(r"href|script|url\(|<!|onload|https?://(?!www.w3.org/2000/svg)", text)


def test_text_never_becomes_markup() -> None:
    leaf = Text(0, 0, "</text><script>alert(1)</script>&amp;")
    box = Box(0, 0, 10, 10, "conv", ("<a>",), about="</title><b>&lt;")
    root = build(compiled(CHAIN))
    figure = Figure(Drawing([box], [leaf], []), 10, 10, 1.0, root)
    elements = [*ElementTree.fromstring(write(figure, THEMES["light"])).iter()]
    assert [x.text for x in elements if x.tag.endswith("text")] == [leaf.text]
    assert [x.text for x in elements if x.tag.endswith("title")] == ["Chain", box.about]


@pytest.mark.parametrize(
    "wrong", [{"page": "A3"}, {"orientation": "up"}, {"theme": "pink"}], ids=str
)
def test_unknown_settings_are_refused(googlenet: Network, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        to_svg(googlenet, Look(**wrong))


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
    space = page_size(page, orientation)
    figure = lay_out(compiled(NETWORKS[name]), space)
    assert_clean(figure)
    assert space is None or figure.smallest_text >= space.least


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


def test_a_very_long_network_is_closed_in_stretches_and_stays_readable() -> None:
    layers = [f"  c{i}: {{conv2d: [{8 + i % 5}, 3], padding: 1}}" for i in range(2000)]
    head = ["netspec: 1", "name: Long", "inputs: {image: [3, 16, 16]}", "graph:"]
    network = compiled("\n".join([*head, *layers, "outputs: {out: c1999}"]))
    space = page_size("letter", "landscape")
    figure = lay_out(network, space)
    assert_clean(figure)
    assert space is not None
    assert figure.smallest_text >= space.least
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
