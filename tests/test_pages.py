"""Figures for whatever room: nothing is outside of it or too small, and what is closed is told."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.network import Network
from netspec.cli import main
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import Cluster, Leaf, walk
from netspec.emit.figure.drawing import Box
from netspec.emit.figure.page import LEGIBLE, MARGIN, Figure, FigureError, lay_out
from netspec.emit.figure.room import Room, points, room
from netspec.emit.figure.svg import to_svg
from netspec.emit.look import Look, LookError, Options
from netspec.graph.model import NodeId, path
from tests.drawings import bounds, holds, random_spec
from tests.support import FEW, compiled, draws, mostly
from tests.test_figure import assert_clean

SPECS = Path(__file__).parent.parent / "specs"
LOOKS = {
    "letter": Look(),
    "3.5in": Look(width="3.5in"),
    "6.5in": Look(width="6.5in"),
    "low": Look(width="6.5in", height="4in"),
    "portrait": Look(page="a4", orientation="portrait"),
    "slide": Look(page="slide"),
}
TOO_MUCH = {("fpn", "3.5in"), ("unet", "low")}
"""What has smaller text than it should even with all blocks closed."""
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))


def network(name: str) -> Network:
    return netspec.load(str(SPECS / f"{name}.yaml")).network


def printed(figure: Figure) -> tuple[float, float]:
    """Return the width and the height of a figure in points."""
    return tuple((x + 2 * MARGIN) * figure.scale for x in (figure.width, figure.height))


def assert_fits(figure: Figure, space: Room) -> None:
    wide, tall = printed(figure)
    assert wide <= space.width + 0.01 and tall <= space.height + 0.01
    assert LEGIBLE <= figure.smallest_text <= space.largest
    if space.is_exact:
        assert wide == pytest.approx(space.width)


@settings(max_examples=draws(15, 120), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec(), st.sampled_from([*LOOKS]))
def test_any_network_fits_its_room_or_the_figure_says_why_not(text: str, look: str) -> None:
    space = room(LOOKS[look])
    assert space
    try:
        figure = lay_out(compiled(text), space)
    except FigureError as error:
        assert f"and {space.least:g} pt are wanted" in str(error)
        return
    assert_clean(figure)
    assert_fits(figure, space)


@pytest.mark.parametrize("look", mostly(["6.5in"], LOOKS))
@pytest.mark.parametrize("name", mostly([path.stem for path in FEW], NAMES))
def test_shipped_specs_fit_any_room(name: str, look: str) -> None:
    space = room(LOOKS[look])
    assert space
    figure = lay_out(network(name), space)
    assert_clean(figure)
    assert_fits(figure, space)
    assert (figure.smallest_text < space.least) == ((name, look) in TOO_MUCH)
    if (name, look) in TOO_MUCH:
        with pytest.raises(FigureError, match=f"and {space.least:g} pt are wanted"):
            lay_out(network(name), space._replace(is_strict=True))


# ------------------------------------------------------------------ which blocks stand open


def opened(root: Cluster) -> list[str]:
    """Return the blocks that stand open."""
    return [path(item.id) for item in walk(root) if isinstance(item, Cluster)]


def figure(name: str, look: Look) -> Figure:
    return lay_out(network(name), room(look), look.depth, look.open)


STAGES = """
netspec: 1
name: Stages
inputs: {image: [16, 32, 32]}
blocks:
  Unit:
    params: [out, wide=false]
    chain:
      one: {conv2d: [$out, 3], padding: 1}
      two: {conv2d: [$out, 3], padding: 1}
      more: {conv2d: [$out, 5], padding: 2, when: $wide}
  Stage:
    params: [out]
    chain:
      first: {Unit: [$out, true]}
      rest: {Unit: [$out], repeat: 3}
graph:
  a: {Stage: [16]}
  b: {Stage: [32]}
  c: {Stage: [64]}
  end: {Unit: [16]}
outputs: {out: end}
"""


def test_further_uses_close_before_first_ones_and_inner_blocks_before_outer_ones() -> None:
    steps = [opened(root) for root in Details(compiled(STAGES))]
    assert [step for i, step in enumerate(steps) if step not in steps[:i]][1:] == [
        # Equal ones in a row are one.
        ["a", "a.first", "a.rest.0", "b", "b.first", "b.rest.0", "c", "c.first", "c.rest.0", "end"],
        # Most layers have the further uses of the unit as it stands in `rest`.
        ["a", "a.first", "a.rest.0", "b", "b.first", "c", "c.first"],
        ["a", "a.first", "a.rest.0", "b", "c"],
        ["a", "a.first", "a.rest.0"],
        ["a", "a.rest.0"],
        ["a"],
        [],
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_use_of_a_block_stays_open_while_further_ones_close(name: str) -> None:
    """What is closed as a further use has one of the same layers open before it."""
    net = network(name)
    steps = [opened(root) for root in Details(net)]
    for before, after in pairwise(steps):
        assert {*after} <= {*before}
    assert steps[-1] == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"depth": 1, "open": ["inception_4b"]}, ["inception_4b"]),
        ({"depth": 1, "open": ["AuxHead"]}, ["aux1", "aux2"]),
        ({"depth": 1, "open": ["aux1", "inception_3a"]}, ["aux1", "inception_3a"]),
    ],
)
def test_what_is_named_stays_open(asked: Options, expected: list[str]) -> None:
    assert sorted(opened(figure("googlenet", Look(**asked)).root)) == expected
    svg = netspec.load(str(SPECS / "googlenet.yaml")).to_svg(**asked)
    assert svg == to_svg(network("googlenet"), Look(**asked))


def test_a_block_around_one_op_is_opened_by_name() -> None:
    found = opened(figure("googlenet", Look(page="none", open=["conv1"])).root)
    assert "conv1" in found and "conv2" not in found


def test_nothing_else_is_closed_for_what_is_asked_for() -> None:
    """What must stay open leaves no room: the figure says so, whatever else could be closed."""
    with pytest.raises(FigureError, match=r"--min-text \d"):
        figure("googlenet", Look(width="3.5in", open=["Inception"]))
    small = figure("googlenet", Look(width="3.5in", open=["Inception"], min_text=4))
    assert 4 <= small.smallest_text < 6
    assert sum(name.startswith("inception") for name in opened(small.root)) == 9


def test_an_unknown_name_is_told_with_a_suggestion() -> None:
    with pytest.raises(LookError, match="no block is called `Incepton`; did you mean `Inception`"):
        figure("googlenet", Look(open=["Incepton"]))
    with pytest.raises(TypeError, match="expected a list of names, found 'Inception'"):
        netspec.load(str(SPECS / "googlenet.yaml")).to_svg(open="Inception")


def test_inception_v3_closes_only_further_uses_of_its_largest_block() -> None:
    found = figure("inception_v3", Look())
    closed = [x.counted for x in walk(found.root) if isinstance(x, Leaf) and x.kind == "block"]
    assert closed == ["Mixed_6c–Mixed_6d ×2", "Mixed_6e"]
    assert "Mixed_6b" in opened(found.root)


# ------------------------------------------------------------------ rooms


@pytest.mark.parametrize("text", ["252pt", "3.5in", "8.89cm", "88.9mm", "3.5 in", "3.50in"])
def test_a_length_has_a_number_and_a_unit(text: str) -> None:
    assert points(text) == pytest.approx(252)


@pytest.mark.parametrize("text", ["", "3.5", "in", "3,5in", "-3in", "1e2in", "0in", "201in", "٣in"])
def test_other_lengths_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["render", str(SPECS / "vgg16.yaml"), "-o", "-", f"--width={text}"])
    assert exit.value.code == 2
    expected = "expected a length from 0.5in to 200in, such as 3.5in, 84mm, 8.4cm or 252pt"
    assert f"{expected}, found `{text}`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--page", "none", "--height", "4in"], "a height needs a width or a page"),
        (["--open", "Nothing"], "no block is called `Nothing`"),
        (["--width", "1in"], "the smallest text of GoogLeNet would have"),
        (["--min-text", "40"], "and 40 pt are wanted"),
        (
            ["--format", "mmd", "--width", "3in"],
            "--width is for .svg, .png, .pdf, .dot, not for .mmd",
        ),
        (
            ["--format", "html", "--open", "Inception"],
            "--open is for .svg, .png, .pdf, .dot, not for .html",
        ),
        (["--format", "html", "--page", "a4"], "--page is for .svg"),
        (["--format", "html", "--depth", "1"], "--depth is for .svg"),
        (["--format", "svg", "--dpi", "90"], "--dpi is for .png, not for .svg"),
        (["--format", "mmd", "--names"], "--names is for .svg"),
        (["--format", "dot", "--min-text", "7"], "--min-text is for .svg, .png and .pdf"),
        (["--engine", "graphviz", "--min-text", "7"], "--min-text is for .svg, .png and .pdf"),
    ],
)
def test_what_cannot_be_is_a_mistake_of_usage(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(SPECS / "googlenet.yaml"), "-o", "-", *options]) == 2
    assert message in capsys.readouterr().err


def test_graphviz_heeds_the_width_and_what_stays_open(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--width", "3.5in", "--height", "4in", "--depth", "1", "--open", "inception_4a"]
    assert main(["render", str(SPECS / "googlenet.yaml"), "-o", "-", "--format=dot", *options]) == 0
    text = capsys.readouterr().out
    assert 'size="3.5,4!"' in text
    assert re.findall(r'subgraph "?cluster_([\w.]+)', text) == ["inception_4a"]


def test_a_figure_of_a_width_has_that_width(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(SPECS / "vgg16.yaml"), "-o", "-", "--width", "3.5in"]) == 0
    root = ElementTree.fromstring(capsys.readouterr().out)
    assert root.get("width") == "252pt"


def test_googlenet_with_its_heads_is_whole_on_the_text_of_a_page() -> None:
    found = figure("googlenet", Look(width="6.5in", height="9in"))
    assert found.smallest_text >= 6
    kinds = [box.kind for box in found.drawing.boxes if box.owner[0] != "legend"]
    assert "block" not in {x.kind for x in walk(found.root) if isinstance(x, Leaf)}
    assert sum(kind.startswith("conv") for kind in kinds) == 59


@pytest.mark.parametrize("name", ["alexnet", "nin", "vgg16", "vgg19_bn", "convnext_tiny"])
def test_a_chain_uses_the_page_in_columns_with_large_text(name: str) -> None:
    space = room(Look())
    assert space
    found = figure(name, Look())
    wide, tall = printed(found)
    assert found.smallest_text > 9
    assert wide * tall > 0.4 * space.width * space.height


@pytest.mark.parametrize("name", NAMES)
def test_no_column_ends_with_an_input_or_begins_with_an_output(name: str) -> None:
    found = figure(name, Look(width="6.5in"))
    boxes = {box.owner: box for box in found.drawing.boxes}
    ends = {item.output: item.id for item in walk(found.root)}
    for item in walk(found.root):
        for source in item.reads:
            ids = item.id, ends.get(source)
            if any(id in boxes and boxes[id].kind == "input" for id in ids) and ids[1] in boxes:
                above, below = boxes[ids[1]], boxes[ids[0]]
                assert above.x < below.x + below.width and below.x < above.x + above.width


# ------------------------------------------------------------------ blocks in a column


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "inception_bn"])
def test_blocks_of_a_column_are_equally_wide_and_hold_their_items_in_the_middle(name: str) -> None:
    found = figure(name, Look())
    outer = [
        box
        for box in found.drawing.boxes
        if box.is_group and len(box.owner) < 3 and not box.is_head
    ]
    columns: dict[float, list[Box]] = {}
    for box in outer:
        columns.setdefault(round(box.x + box.width / 2, 3), []).append(box)
    assert len(columns) < len(outer)
    for boxes in columns.values():
        assert max(box.width for box in boxes) == pytest.approx(min(box.width for box in boxes))


def test_a_block_goes_on_in_the_next_column() -> None:
    found = figure("vgg16", Look())
    titles = [text.text for text in found.drawing.texts if text.role == "title"]
    assert titles.count("features") == 1 and titles.count("… features") >= 1
    pieces = [box for box in found.drawing.boxes if box.owner == ("features",)]
    assert len(pieces) == titles.count("features") + titles.count("… features")
    items = [box for box in found.drawing.boxes if box.owner[0] == "features" and not box.is_group]
    assert all(any(holds(bounds(piece), bounds(item)) for piece in pieces) for item in items)


# ------------------------------------------------------------------ networks that turn


@pytest.mark.parametrize("look", [Look(), Look(width="6.5in")], ids=["page", "6.5in"])
@pytest.mark.parametrize(
    ("name", "rungs"),
    [
        ("unet", [(("down1",), ("up1",)), (("down2",), ("up2",)), (("down4",), ("up4",))]),
        ("fpn", [(("body", "layer3", "1"), ("merge4",)), (("body", "layer2", "1"), ("merge3",))]),
    ],
)
def test_a_u_has_its_ways_down_and_up_beside_each_other(
    name: str, rungs: list[tuple[NodeId, NodeId]], look: Look
) -> None:
    found = figure(name, look)
    assert found.is_bent
    boxes = {box.owner: box for box in found.drawing.boxes}
    for source, target in rungs:
        down, up = boxes[source], boxes[target]
        assert down.x + down.width < up.x
        # A level line that leaves below the one arrives at the other.
        level = [
            (y0, min(x0, x1), max(x0, x1))
            for line in found.drawing.lines
            for (x0, y0), (x1, y1) in pairwise(line.points)
            if y0 == y1
        ]
        bottom, right = down.y + down.height, down.x + down.width
        leaving = [y for y, start, end in level if bottom < y < bottom + 12 and start < right < end]
        arriving = [
            y
            for y, start, end in level
            if start < up.x <= end and up.y - 1 < y < up.y + up.height + 8
        ]
        assert any(a == pytest.approx(b) for a in leaving for b in arriving), (source, target)


def test_other_networks_do_not_turn() -> None:
    for name in ("googlenet", "resnet50", "vit_b_16", "densenet121"):
        assert not figure(name, Look()).is_bent


@st.composite
def ladder(draw: st.DrawFn) -> str:
    """Return a network whose skips nest, with blocks and plain ops at their ends."""
    lines = ["netspec: 1", "name: Ladder", "inputs: {image: [4, 8, 8]}", "blocks:"]
    lines += ["  Low:", "    chain: [{conv2d: [4, 3], padding: 1}, relu]"]
    first = draw(st.sampled_from(["x", "skip"]))
    lines += ["  Up:", f"    inputs: [{'x, skip' if first == 'x' else 'skip, x'}]", "    chain:"]
    lines += ["      up: {conv2d: [4, 1], from: x}", "      cut: {add: [], from: [skip, up]}"]
    lines += [f"      sum: {{add: [], from: [cut, {draw(st.sampled_from(['up', 'x', 'skip']))}]}}"]
    lines += ["graph:"]
    depth, last = draw(st.integers(2, 4)), "image"
    ops = ["conv2d: [4, 3], padding: 1", "Low: []", "relu: []"]
    for level in range(depth):
        for i in range(draw(st.integers(1, 3))):
            name = f"down{level}_{i}"
            lines.append(f"  {name}: {{{draw(st.sampled_from(ops))}, from: {last}}}")
            last = name
        lines.append(f"  pool{level}: {{{draw(st.sampled_from(ops))}, from: {last}}}")
        last = f"pool{level}"
    for level in reversed(range(depth)):
        skip = f"down{level}_0"
        ends = [last, skip] if first == "x" else [skip, last]
        op = draw(st.sampled_from(["Up: []", "add: []", "add: []"]))
        lines.append(f"  up{level}: {{{op}, from: [{', '.join(ends)}]}}")
        lines.append(f"  after{level}: {{{draw(st.sampled_from(ops))}, from: up{level}}}")
        last = f"after{level}"
    lines += ["outputs:", f"  out: {last}"]
    if draw(st.booleans()):
        lines.append(f"  more: {{conv2d: [2, 1], from: after{draw(st.integers(0, depth - 1))}}}")
    return "\n".join(lines) + "\n"


@settings(max_examples=draws(15, 120), deadline=None, suppress_health_check=list(HealthCheck))
@given(ladder(), st.sampled_from([*LOOKS]))
def test_any_network_whose_skips_nest_is_a_clean_u(text: str, look: str) -> None:
    space = room(LOOKS[look])
    assert space
    try:
        found = lay_out(compiled(text), space)
    except FigureError:
        return
    assert_clean(found)
    assert_fits(found, space)
    assert lay_out(compiled(text), None).is_bent
