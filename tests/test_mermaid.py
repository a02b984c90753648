"""Mermaid text: structure, limits, and names that cannot be read as markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.mermaid import to_mermaid
from netspec.text.syntax import decode

RESERVED = """
netspec: 1
name: Reserved
inputs: {image: [3, 8, 8]}
graph:
  end: {conv2d: [4, 1]}
  subgraph: relu
  style: {add: [], from: [end, subgraph]}
outputs: {default: style}
"""


@pytest.fixture(scope="module")
def googlenet() -> Network:
    specs = Path(__file__).parent.parent / "specs"
    return netspec.load(str(specs / "googlenet.yaml")).network


def test_blocks_are_subgraphs_with_their_costs(googlenet: Network) -> None:
    text = to_mermaid(googlenet)
    assert text.startswith("flowchart TB\n")
    assert text.count("subgraph ") == 11
    assert '["inception_3a · 164k params · 128M MACs"]' in text
    assert text.count("    end\n") + text.count("  end\n") >= 11


def test_every_link_joins_two_known_nodes(googlenet: Network) -> None:
    text = to_mermaid(googlenet)
    nodes = set(re.findall(r"^\s*(n\d+)[\[(]", text, re.MULTILINE))
    links = re.findall(r'^\s*(n\d+) -\.?->? (?:\|".*?"\| )?(n\d+)$', text, re.MULTILINE)
    links += re.findall(r'^\s*(n\d+) --> (?:\|".*?"\| )?(n\d+)$', text, re.MULTILINE)
    assert links
    assert {node for link in links for node in link} <= nodes


def test_branches_are_declared_in_the_order_of_the_concat(googlenet: Network) -> None:
    text = to_mermaid(googlenet)
    block = text[text.index("inception_3a") : text.index("inception_3b")]
    ops = re.findall(r'\["(.*?)"\]:::', block)
    assert ops[:4] == [
        "conv 1×1, 64 · ReLU",
        "conv 1×1, 96 · ReLU",
        "conv 3×3, 128 · ReLU",
        "conv 1×1, 16 · ReLU",
    ]


def test_heads_are_dashed(googlenet: Network) -> None:
    text = to_mermaid(googlenet)
    assert "aux1 · 3.19M params · 4.17M MACs · training only" in text
    assert " -.-> " in text
    assert re.search(r"classDef head .*stroke-dasharray", text)


def test_depth_closes_blocks(googlenet: Network) -> None:
    text = to_mermaid(googlenet, depth=1)
    assert "subgraph" not in text
    assert "inception_3a · 164k params · 128M MACs" in text


def test_names_that_mermaid_reserves_never_appear_as_ids() -> None:
    text = to_mermaid(compile_spec(decode(RESERVED.encode(), "spec.yaml")))
    assert not re.search(r"^\s*(end|subgraph|style|default)\b", text, re.MULTILINE)
    assert '(["default"])' in text


def test_large_networks_stay_within_the_limits_of_mermaid() -> None:
    blocks = "  Block:\n    chain:\n" + "".join(f"      r{i}: relu\n" for i in range(40))
    graph = "".join(f"  b{i}: {{Block: []}}\n  p{i}: {{dropout: 0.{i + 1}}}\n" for i in range(30))
    head = "netspec: 1\nname: Large\ninputs: {image: [4]}\nblocks:\n"
    spec = f"{head}{blocks}graph:\n{graph}outputs: {{out: p29}}\n"
    text = to_mermaid(compile_spec(decode(spec.encode(), "spec.yaml")))
    assert text.count("-->") < 500
    assert len(text) < 50_000


def test_long_runs_of_layers_in_turn_are_drawn_once() -> None:
    layers = "".join(f"  l{i}: {{linear: 4}}\n  r{i}: relu\n" for i in range(600))
    spec = f"netspec: 1\nname: Long\ninputs: {{x: [4]}}\ngraph:\n{layers}outputs: {{y: r599}}\n"
    text = to_mermaid(compile_spec(decode(spec.encode(), "spec.yaml")))
    assert "fc 4 · ReLU ×600" in text


def test_costs_of_equal_blocks_in_a_row_are_those_of_each() -> None:
    row = "{chain: [{conv2d: [3, 1]}, {avg_pool2d: 3, stride: 1, padding: 1}, {conv2d: [3, 1]}]}"
    text = f"netspec: 1\nname: Net\ninputs: {{image: [3, 8, 8]}}\nblocks: {{Row: {row}}}\n"
    text += "graph: {rows: {Row: [], repeat: 200}}\noutputs: {result: rows}\n"
    found = to_mermaid(compile_spec(decode(text.encode(), "spec.yaml")))
    assert "×200 · each 24 params · 1.15k MACs" in found
