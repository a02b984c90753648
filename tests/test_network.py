"""`net.graph`: the flat network for the user's own networkx code."""

from __future__ import annotations

import networkx as nx
import pytest

from netspec.graph.model import path
from tests.support import SPECS, load, loads

KEYS = ["line", "macs", "op", "params", "shape", "train_only"]
SMALL = """\
netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  Unit: {chain: {conv: {conv2d: [4, 1]}, relu: relu}}
graph:
  unit: Unit
  parts: {chunk: 2, from: unit}
  again: {share: unit, from: unit}
  sum: {add: [], from: [again, unit]}
outputs: {y: sum, part: parts.0, aux: {flatten: [], from: parts.1, when: train}}
"""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_the_graph_says_what_the_tables_say(spec):
    net = load(spec)
    totals, nodes = net.network.totals.training, net.network.graph.nodes
    assert nx.is_directed_acyclic_graph(net.graph)
    assert [*net.graph][-len(nodes) :] == [path(id) for id in nodes]
    assert sum(data for _, data in net.graph.nodes(data="params")) == totals.params
    assert sum(data for _, data in net.graph.nodes(data="macs")) == totals.macs
    for node in nodes.values():
        sources = dict.fromkeys(path(source) for source in node.inputs)
        assert [*net.graph.predecessors(path(node.id))] == [*sources]


def test_every_node_has_every_attribute():
    graph = loads(SMALL).graph
    values = {name: [data[key] for key in KEYS] for name, data in graph.nodes(data=True)}
    assert all(sorted(data) == KEYS for _, data in graph.nodes(data=True))
    assert values["image"] == [3, 0, "input", 0, (4, 8, 8), False]
    assert values["unit.conv"] == [5, 1024, "conv2d", 20, (4, 8, 8), False]
    assert graph.nodes["again.conv"] == {**graph.nodes["unit.conv"], "params": 0}
    assert [graph.nodes[f"parts.{i}"]["op"] for i in range(2)] == ["chunk", "chunk"]
    assert [name for name, only in graph.nodes(data="train_only") if only] == ["aux"]
    assert graph.graph == {
        "name": "Net",
        "outputs": {"y": "sum", "part": "parts.0", "aux": "aux"},
    }


def test_the_graph_cannot_be_changed():
    with pytest.raises(nx.NetworkXError):
        loads(SMALL).graph.remove_node("image")
