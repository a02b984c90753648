"""Repairs: what a trial computes again is what compiling the changed network would give."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netspec.analysis.repair.change import shortened, slips
from netspec.analysis.repair.tokens import Misfit, Token, Tokens
from netspec.analysis.shapes import Changed, Inference, infer
from netspec.compiler import compile_spec
from netspec.graph.model import Graph
from netspec.text.diagnostics import Source
from tests.support import ROOT

SHARED = """\
netspec: 1
name: Shared
inputs: {a: [3, 8, 8], b: [3, 8, 8]}
graph:
  one:  {conv2d: [4, 3], padding: 1, from: a}
  stem: {conv2d: [3, 1], from: b}
  two:  {share: one, from: stem}
  sum:  {add: [], from: [one, two]}
outputs: {y: sum}
"""
TEXTS = {
    "shared": SHARED,
    "small": (ROOT / "examples" / "small.yaml").read_text(),
    "googlenet": (ROOT / "specs" / "googlenet.yaml").read_text(),
}


def changed(graph: Graph, token: Token, new: int) -> Graph:
    """Return a graph with another value at a place. Raises Misfit."""
    ops = {id: node._replace(op=token.op(node, new)) for id, node in token.nodes.items()}
    return replace(graph, nodes={**graph.nodes, **ops})


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_computed_again_is_what_all_would_be(name):
    network = compile_spec(Source(f"{name}.yaml", TEXTS[name]))
    graph, again = network.graph, Inference(network.graph)
    tried = 0
    for token in Tokens(network.spec, graph).all():
        for new in (1, 2, 64) if not isinstance(token.value, bool) else ():
            try:
                other = changed(graph, token, new)
                inputs = token.inputs(network.spec, graph.params, new)
            except Misfit:
                continue
            other = replace(other, inputs={**graph.inputs, **inputs})
            shapes, problems = infer(other)
            now = Changed(network.shapes, inputs)
            results = {n.id: r for n, r in again.again(token.nodes, other.nodes, now)}
            tried += 1
            first = next(iter(problems), None)
            found = next((id for id, result in results.items() if result and result[1]), None)
            assert found == first
            if first is None:
                assert {id: now[id] for id in shapes} == dict(shapes)
    assert tried > 10


def test_a_repair_leaves_shared_weights_as_they_fit():
    """With a kernel of 3 the stem gives 3 channels too few; only the shared layer sees that."""
    network = compile_spec(Source("shared.yaml", SHARED))
    (token,) = [
        token
        for token in Tokens(network.spec, network.graph).all()
        if token.span.text == "3" and ("stem",) in token.nodes and not token.key
    ]
    other = changed(network.graph, token, 5)
    inference = Inference(network.graph)
    results = [*inference.again(token.nodes, other.nodes, Changed(network.shapes, {}))]
    assert [node.id for node, result in results if result and result[1]] == [("two",)]


@pytest.mark.parametrize("value", [0, 7, -1, -7, 64, -64, 1000, -2401])
def test_a_slip_of_a_negative_number_is_one_as_well(value):
    assert {-x for x in shortened(value)} == {*shortened(-value)}
    swapped = {int(str(abs(value))[::-1])} if abs(value) < 100 else set()
    assert {abs(x) for x in slips(value)} >= swapped
