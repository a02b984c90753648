"""Graphviz text: what it shows, and where the program puts it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import graphviz
import pytest
from hypothesis import HealthCheck, given, settings

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.diagram.routes import route
from netspec.emit.diagram.runs import Details, unframed
from netspec.emit.diagram.split import columns
from netspec.emit.diagram.tree import leaves
from netspec.emit.dot import DotError, _text, render_dot, to_dot
from netspec.emit.figure.page import lay_out
from netspec.emit.figure.svg import THEMES
from netspec.emit.look import Look, LookError
from netspec.graph.model import path
from netspec.text.syntax import decode
from tests.drawings import random_spec
from tests.support import SPECS, draws, mostly
from tests.wiring import shown_edges

HOSTILE = """
netspec: 1
name: Hostile
inputs: {image: [3, 8, 8]}
graph:
  node: {conv2d: [4, 1]}
  edge: relu
  graph: {conv2d: [4, 1]}
  digraph: {add: [], from: [graph, node]}
outputs: {strict: digraph}
"""


@cache
def shipped(name: str) -> Network:
    specs = Path(__file__).parent.parent / "specs"
    return netspec.load(str(specs / f"{name}.yaml")).network


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return shipped("googlenet")


def compiled(text: str) -> Network:
    return compile_spec(decode(text.encode(), "spec.yaml"))


def nodes(source: str) -> dict[str, str]:
    """Return what is written of each box."""
    found = re.findall(r'^\s*("[^"]+"|\w+) \[(.*)\]$', source, re.MULTILINE)
    return {name.strip('"'): rest for name, rest in found}


def arrows(source: str) -> list[tuple[str, str]]:
    """Return from where to where visible lines lead."""
    name = r'("[^"]+"|[\w.]+)'
    found = re.findall(rf"^\s*{name}(?::\w)? -> {name}(?::\w)? \[(.*)\]$", source, re.MULTILINE)
    found += [(*pair, "") for pair in re.findall(rf"^\s*{name} -> {name}$", source, re.MULTILINE)]
    return [(a.strip('"'), b.strip('"')) for a, b, rest in found if "invis" not in rest]


def drawn_edges(source: str, boxes: set[str]) -> set[tuple[str, str]]:
    """Return which box reads which, along all points and numbers in between."""
    into: dict[str, list[str]] = defaultdict(list)
    for start, end in arrows(source):
        into[end].append(start)
    for name in nodes(source):
        if match := re.fullmatch(r"(number \d+) into \d+", name):
            into[name].append(match[1])
        if match := re.fullmatch(r"(enter|low) (\d+)", name):
            # The line of a turn is drawn from its top to its foot.
            into[f"high {match[2]}"] = [f"low {match[2]}"]
            into[f"low {match[2]}"] = [f"leave {match[2]}"]

    def origins(name: str) -> Iterator[str]:
        for start in into[name]:
            yield from [start] if start in boxes else origins(start)

    return {(start, box) for box in boxes for start in origins(box)}


@settings(max_examples=draws(20, 300), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec())
def test_every_edge_leads_from_its_source_to_its_reader(text: str) -> None:
    network = compiled(text)
    source = to_dot(network)
    boxes = {name for name in nodes(source) if " " not in name} - {"node", "edge"}
    # Which blocks are closed depends on the room; a box for each part there has to be.
    shown = (unframed(root) for root in Details(network))
    root = next(root for root in shown if {path(leaf.id) for leaf in leaves(root)} == boxes)
    wanted = {(path(start), path(end)) for start, end in shown_edges(leaves(root), root)}
    assert drawn_edges(source, boxes) == wanted


# ------------------------------------------------------------------ what it says


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "unet"])
def test_boxes_have_the_colours_and_labels_of_the_page(name: str) -> None:
    network = shipped(name)
    figure = lay_out(network, None)
    page = {path(box.owner): box for box in figure.drawing.boxes if box.fill}
    source = nodes(to_dot(network))
    texts = {text.text for text in figure.drawing.texts}
    shared = [box for name, box in page.items() if name in source and not box.is_group]
    assert len(shared) > 10
    for box in shared:
        assert f'fillcolor="{box.fill.light}"' in source[path(box.owner)]
        label = re.search(r'label="?(.*?)"? (?=color)', source[path(box.owner)])
        assert label and {*label[1].split("\\n")} <= texts


def test_a_theme_colours_everything(googlenet: Network) -> None:
    for name, theme in THEMES.items():
        source = to_dot(googlenet, Look(theme=name))
        own = {theme.paper, theme.group, theme.border, theme.ink, theme.faint, theme.line}
        fills = {getattr(leaf.fill, theme.fill) for leaf in leaves(Details(googlenet)[0])}
        assert {*re.findall(r"#[0-9a-f]{6}", source)} == own | fills | {theme.head}
    with pytest.raises(LookError, match="expected one of light, dark, print"):
        to_dot(googlenet, Look(theme="pink"))


def test_every_block_has_its_name_and_costs(googlenet: Network) -> None:
    source = nodes(to_dot(googlenet))
    uses = {path(x) for x, use in googlenet.graph.uses.items() if hasattr(use.layer.call, "block")}
    frames = {item for item in uses if f"{item} name" in source}
    assert frames == {item for item in uses if item not in source}
    assert 'label="inception 3a"' in source["inception_3a name"]
    assert r'label="164k params\n128M MACs"' in source["inception_3a costs"]


def test_costs_of_equal_blocks_in_a_row_are_those_of_each() -> None:
    def costs(op: str) -> list[str]:
        row = f"{{chain: [{op}, {{avg_pool2d: 3, stride: 1, padding: 1}}, {op}]}}"
        blocks = f"{{Row: {row}, Rows: {{chain: {{row: {{Row: [], repeat: 60}}}}}}}}"
        text = f"netspec: 1\nname: Net\ninputs: {{image: [3, 8, 8]}}\nblocks: {blocks}\n"
        text += "graph: {rows: {Rows: []}}\noutputs: {result: rows}\n"
        source = nodes(to_dot(compiled(text)))
        (row,) = [item for item in source if item.endswith("row.0 costs")]
        return re.findall('label="([^"]*)"', source[row])

    assert costs("{conv2d: [3, 1]}") == [r"each 24 params\n1.15k MACs"]
    assert costs("{max_pool2d: 3, stride: 1, padding: 1}") == [""]


def test_all_that_hangs_beside_one_layer_takes_width() -> None:
    def ratio(heads: int) -> float:
        names = [f"head{i}" for i in range(heads)]
        layers = "a: {linear: 4}, b: {linear: 4}, c: {linear: 4}, d: {linear: 4}"
        layers += "".join(f", {name}: {{linear: 2, from: b}}" for name in names)
        outputs = ", ".join(f"{name}: {name}" for name in ("d", *names))
        text = f"netspec: 1\nname: Heads\ninputs: {{x: [4]}}\ngraph: {{{layers}}}\n"
        root = Details(compiled(f"{text}outputs: {{{outputs}}}\n"))[0]
        return columns(route(root), 0.01).ratio

    assert ratio(1) < ratio(2) < ratio(3)


def test_depth_closes_blocks(googlenet: Network) -> None:
    source = to_dot(googlenet, Look(depth=1))
    assert "cluster_inception_3a" not in source
    assert r'label="inception 3a\n164k params · 128M MACs"' in nodes(source)["inception_3a"]
    opened = to_dot(googlenet, Look(depth=1, open=["inception_4a"]))
    assert re.findall(r'subgraph "?cluster_([\w.]+)', opened) == ["inception_4a"]


def test_names_stand_in_boxes_on_request(googlenet: Network) -> None:
    assert r"\nconv5x5" in nodes(to_dot(googlenet, Look(names=True)))["inception_3a.conv5x5"]


def test_heads_are_dashed(googlenet: Network) -> None:
    source = to_dot(googlenet, Look(depth=1))
    assert "dashed" in nodes(source)["aux1"]
    assert re.search(r"inception_4a -> aux1 \[.*style=dashed", source)
    assert "dashed" not in re.findall(r"inception_4a -> inception_4b.*", source)[0]


def test_there_is_a_legend_of_what_occurs(googlenet: Network) -> None:
    table = to_dot(googlenet).partition("<TABLE")[2]
    assert ">training only<" in table
    assert ">conv 1×1<" in table
    assert "6,998,552 params" in table
    assert "training" not in to_dot(compiled(HOSTILE)).partition("<TABLE")[2]


# ------------------------------------------------------------------ where it stands

ASKED = pytest.mark.skipif(not shutil.which("dot"), reason="the program dot is not installed")
Rectangle = tuple[float, float, float, float]


class Placed:
    """What the program makes of a picture, in points."""

    def __init__(self, source: str) -> None:
        found = json.loads(render_dot(source, "json", 60))
        boxes = {box["_gvid"]: box for box in found["objects"] if "pos" in box}
        self.width, self.height = (float(x) for x in found["bb"].split(",")[2:])
        self.boxes = {box["name"]: self._bounds(box) for box in boxes.values()}
        self.lines = [
            (boxes[line["tail"]]["name"], boxes[line["head"]]["name"], [*self._points(line["pos"])])
            for line in found["edges"]
            if line.get("style") != "invis"
        ]

    def _bounds(self, box: dict[str, Any]) -> Rectangle:
        x, y = map(float, box["pos"].split(","))
        wide, tall = 36 * float(box["width"]), 36 * float(box["height"])
        return x - wide, y - tall, x + wide, y + tall

    def _points(self, text: str) -> Iterator[tuple[float, float]]:
        """Yield points of a line, which is given as the ends and handles of curves."""
        spots = [tuple(map(float, x.split(",")[-2:])) for x in text.split() if x[0] not in "es"]
        for i in range(0, len(spots) - 1, 3):
            for t in (step / 20 for step in range(21)):
                shares = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                pairs = [*zip(shares, spots[i : i + 4], strict=True)]
                yield sum(k * x for k, (x, _) in pairs), sum(k * y for k, (_, y) in pairs)

    def crossed(self) -> list[str]:
        """Return which lines run through boxes, the names and costs of blocks among them."""
        return [
            f"{tail} -> {head} through {name}"
            for tail, head, points in self.lines
            for name, (left, low, right, high) in self.boxes.items()
            if name not in (tail, head)
            if any(left + 1 < x < right - 1 and low + 1 < y < high - 1 for x, y in points)
        ]


@ASKED
@pytest.mark.parametrize(
    "name", mostly(["googlenet", "resnet18", "unet", "fpn"], [spec.stem for spec in SPECS])
)
def test_no_line_runs_through_a_box_or_a_name_and_the_whole_fits_a_page(name: str) -> None:
    placed = Placed(to_dot(shipped(name)))
    assert placed.crossed() == []
    # A landscape page is 1.33 times as wide as high, a portrait one 0.75 times.
    assert 0.4 < placed.width / placed.height < 2.2


@ASKED
def test_the_whole_of_googlenet_has_the_proportions_of_a_page(googlenet: Network) -> None:
    for look, ratio in ((Look(), 10 / 7.5), (Look(orientation="portrait"), 7.5 / 10)):
        placed = Placed(to_dot(googlenet, look))
        assert 1 / 1.5 < placed.width / placed.height / ratio < 1.5
        assert sum(name.startswith("inception") for name in placed.boxes) > 9 * 8


@ASKED
def test_branches_end_on_one_row_in_the_order_of_the_concat(googlenet: Network) -> None:
    boxes = Placed(to_dot(googlenet)).boxes
    for block in ("inception_3a", "inception_4e", "inception_5b"):
        names = ["conv1x1", "conv3x3", "conv5x5", "pool_proj"]
        places = [boxes[f"{block}.{name}"] for name in names]
        assert places == sorted(places)
        assert len({(low + high) / 2 for _, low, _, high in places}) == 1


@ASKED
def test_columns_stand_beside_each_other_from_the_top(googlenet: Network) -> None:
    boxes = Placed(to_dot(googlenet)).boxes
    tops = [name for name in boxes if name.startswith("enter ")]
    assert tops
    assert len({boxes[name][3] for name in tops}) == 1
    for name in tops:
        left = boxes[name.replace("enter", "high")][0]
        assert left < boxes[name][0]
        assert boxes[name.replace("enter", "leave")][2] < left


@ASKED
@settings(max_examples=draws(10, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec())
def test_the_program_lays_out_any_network(text: str) -> None:
    assert Placed(to_dot(compiled(text))).lines


# ------------------------------------------------------------------ texts and the program


def test_names_of_the_dot_language_are_only_names() -> None:
    source = to_dot(compiled(HOSTILE))
    for name in ("node", "edge", "graph", "digraph"):
        assert f'"{name}" [label=' in source
    if shutil.which("dot"):
        assert b"<svg" in render_dot(source, "svg")


@pytest.mark.parametrize(
    "label", ["<<b>bold</b>>", "<b>", 'a"b', "a\\N", "</svg><script>x</script>"]
)
def test_text_is_neither_html_nor_escape(label: str) -> None:
    graph = graphviz.Digraph()
    graph.node("node", _text(label))
    line = graph.source.splitlines()[1].strip()
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    assert line == f'"node" [label="{escaped}"]'


def test_a_missing_dot_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DotError, match="apt install graphviz"):
        render_dot("digraph {}", "svg")


def fake_dot(directory: Path, body: str) -> str:
    program = directory / "dot"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def test_a_slow_dot_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_dot(tmp_path, "exec sleep 5"))
    with pytest.raises(DotError, match="--depth"):
        render_dot("digraph {}", "svg", timeout=0.2)


def test_a_failing_dot_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_dot(tmp_path, "echo broken >&2; exit 1"))
    with pytest.raises(DotError, match="broken"):
        render_dot("digraph {}", "svg")
