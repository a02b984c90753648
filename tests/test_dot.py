"""Graphviz text: its structure, not its bytes or its layout's coordinates."""

from __future__ import annotations

import os
import re
import shutil
import stat
from itertools import pairwise
from pathlib import Path

import graphviz
import pytest

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.dot import DotError, _text, render_dot, to_dot
from netspec.text.syntax import decode

BRANCHES = ["conv1x1", "reduce3x3", "reduce5x5", "pool"]

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


@pytest.fixture(scope="module")
def googlenet() -> Network:
    specs = Path(__file__).parent.parent / "specs"
    return netspec.load(str(specs / "googlenet.yaml")).network


def compiled(text: str) -> Network:
    return compile_spec(decode(text.encode(), "spec.yaml"))


def test_every_use_of_a_block_is_a_titled_cluster(googlenet: Network) -> None:
    source = to_dot(googlenet)
    clusters = set(re.findall(r'subgraph "?cluster_([\w.]+)', source))
    uses = {
        ".".join(x) for x, use in googlenet.graph.uses.items() if hasattr(use.layer.call, "block")
    }
    assert clusters == uses
    assert 'label="inception_3a · 164k params · 128M MACs"' in source


def test_every_op_is_a_node(googlenet: Network) -> None:
    source = to_dot(googlenet)
    for node in googlenet.graph.nodes:
        assert re.search(rf'^\s*"?{re.escape(".".join(node))}"? \[', source, re.MULTILINE), node
    assert "conv 7×7/2, 64" in source
    assert 'label="64×112×112"' in source


def test_depth_closes_blocks(googlenet: Network) -> None:
    source = to_dot(googlenet, depth=1)
    assert "cluster_inception_3a" not in source
    assert re.search(r'inception_3a \[label="inception_3a\\n164k params · 128M MACs"', source)


def test_heads_are_dashed(googlenet: Network) -> None:
    source = to_dot(googlenet, depth=1)
    assert re.search(r"aux1 \[label=.*training only.*style=.*dashed", source)
    assert re.search(r"inception_4a -> aux1 \[.*style=dashed", source)
    assert re.search(r"inception_4a -> inception_4b \[.*style=solid", source)


def test_there_is_a_legend_of_what_occurs(googlenet: Network) -> None:
    source = to_dot(googlenet)
    assert '"legend conv_7_7"' in source
    assert '"legend head"' in source
    assert '"legend conv_7_7"' not in to_dot(compiled(HOSTILE))


def test_branches_are_chained_in_the_order_of_the_concat(googlenet: Network) -> None:
    entries = ["conv1x1 in0", "reduce3x3 in0", "reduce5x5 in0", "pool"]
    names = [f'"inception_3a.{entry}"' for entry in entries]
    lines = [line.strip() for line in to_dot(googlenet).splitlines()]
    for left, right in pairwise(names):
        assert f"{left} -> {right} [style=invis]" in lines


def test_dot_keeps_the_order_where_it_is_installed(googlenet: Network) -> None:
    source = to_dot(googlenet)
    if shutil.which("dot") is None:
        with pytest.raises(DotError, match="graphviz"):
            render_dot(source, "plain")
        return
    plain = render_dot(source, "plain").decode()
    places = dict(re.findall(r'^node "?([^" ]+)"? ([\d.]+) ', plain, re.MULTILINE))
    for block in ("inception_3a", "inception_4e", "inception_5b"):
        names = [f"{block}.{branch}" for branch in BRANCHES]
        keys = [name if name in places else f"{name}.conv" for name in names]
        xs = [float(places[key]) for key in keys]
        assert xs == sorted(xs), block


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
