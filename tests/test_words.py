"""The words of a figure's boxes: every op of a chain is said, and different chains differ."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.network import Network
from netspec.emit.diagram import tree
from netspec.emit.diagram.runs import Details, absorb
from netspec.emit.diagram.tree import Leaf, leaves
from netspec.emit.diagram.words import Wording
from netspec.emit.figure.page import lay_out
from netspec.emit.figure.svg import to_svg
from netspec.graph.model import Node, NodeId
from netspec.ops.base import REGISTRY
from tests.support import SPECS, compiled, draws, loads

AROUND = ("relu", "batch_norm2d", "silu", "{dropout: 0.2}", "identity", "hardswish")


@st.composite
def random_network(draw: st.DrawFn) -> str:
    """Return a spec whose blocks are small chains around a convolution, with ops beside them."""
    lines = ["netspec: 1", "name: Random", "inputs: {image: [4, 16, 16]}", "blocks:"]
    count = draw(st.integers(1, 4))
    for i in range(count):
        before, behind = (draw(st.lists(st.sampled_from(AROUND), max_size=3)) for _ in range(2))
        chain = [*before, "{conv2d: [4, 3], padding: same}", *behind]
        lines += [f"  Block{i}:", "    chain:", *(f"      - {op}" for op in chain)]
    calls = [f"Block{i}: []" for i in range(count)] + ["relu: []", "conv2d: [4, 1]"]
    layers = draw(st.lists(st.sampled_from(calls), min_size=1, max_size=12))
    lines += ["graph:", *(f"  layer{i}: {{{call}}}" for i, call in enumerate(layers))]
    return "\n".join([*lines, f"outputs: {{out: layer{len(layers) - 1}}}", ""])


def assert_true(network: Network) -> None:
    for root in Details(network):
        wording = Wording(root)
        said: dict[tuple[str, bool], tuple[str, ...]] = {}
        for leaf in leaves(root):
            if not leaf.words:
                continue
            ops = chain(network.graph.nodes, leaf)
            assert len(leaf.words) == len(ops)
            for word, op in zip(leaf.words, ops, strict=True):
                assert word.partition(" → ")[0] == op.partition(" → ")[0]
            for is_narrow in (False, True):
                text = wording.text(leaf, is_narrow)
                assert said.setdefault((text, is_narrow), ops) == ops
                assert full(wording, leaf, text) == leaf.words or is_narrow
        assert len(wording.notes()) == len(wording.rules)


def chain(nodes: dict[NodeId, Node], leaf: Leaf) -> tuple[str, ...]:
    """Return the labels of the ops in a box, or of the first of equal ones in a row."""
    found = [id for id in leaf.nodes if id in nodes]
    found = found[: len(leaf.words)] if leaf.count > 1 else found
    return tuple(nodes[id].op.label() for id in found)


def full(wording: Wording, leaf: Leaf, text: str) -> tuple[str, ...]:
    """Return the ops that a reader of box and legend knows of."""
    words = tuple(text.removesuffix(leaf.times).split(" · "))
    if words[-1].endswith(" only"):
        return (words[0].removesuffix(" only"),)
    rule = wording.rules.get(leaf.kind)
    return words if len(words) > 1 or rule is None else (*rule.around[0], *words, *rule.around[1])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_boxes_of_every_spec_say_all_of_their_ops(path: object) -> None:
    assert_true(netspec.load(str(path)).network)


@settings(max_examples=draws(15, 250), deadline=None)
@given(random_network())
def test_the_boxes_of_random_networks_say_all_of_their_ops(text: str) -> None:
    assert_true(compiled(text))


def drawn(name: str, has_names: bool = False) -> list[str]:
    network = netspec.load(str(SPECS[0].parent / f"{name}.yaml")).network
    return [text.text for text in lay_out(network, None, has_names=has_names).drawing.texts]


def test_a_network_and_its_batch_normalised_form_differ() -> None:
    assert "conv stands for conv · ReLU" in drawn("googlenet")
    assert "conv stands for conv · BN · ReLU" in drawn("googlenet_bn")


def test_what_differs_from_the_legend_says_so() -> None:
    texts = drawn("mobilenet_v2")
    assert "conv stands for conv · BN · ReLU6 unless said" in texts
    assert {"conv 1×1, 16 · BN", "conv 1×1, 96"} <= {*texts}


def test_the_legend_has_no_activation_because_of_a_head() -> None:
    assert "activation" not in drawn("googlenet")
    assert "fc 1024 · ReLU" in drawn("googlenet")


def test_names_of_layers_stand_in_their_boxes_on_request() -> None:
    assert {"conv1x1", "norm1", "inception 3a"} <= {*drawn("googlenet", has_names=True)}
    assert not {"conv1x1", "norm1"} & {*drawn("googlenet")}


def test_names_tell_all_layers_of_a_box() -> None:
    layers = "".join(f"  c{i}: {{conv2d: [4, 1]}}\n  r{i}: relu\n" for i in range(9))
    text = f"netspec: 1\nname: X\ninputs: {{x: [4, 8, 8]}}\ngraph:\n{layers}outputs: {{y: r8}}\n"
    roots = [*Details(compiled(text))]
    assert ["c0", "r0"] in [tree.layers(leaf) for leaf in leaves(absorb(roots[0]))]
    assert ["c0 … r8"] in [tree.layers(leaf) for root in roots for leaf in leaves(root)]


def test_who_points_at_a_box_learns_its_path_and_costs() -> None:
    network = netspec.load(str(SPECS[0].with_stem("googlenet"))).network
    boxes = {box.owner: box.about for box in lay_out(network, None).drawing.boxes}
    said = boxes["inception_3a", "conv3x3"].splitlines()
    assert said[:2] == ["inception_3a.conv3x3", "conv 3×3, 128 · ReLU"]
    assert said[2:] == ["use of ConvReLU", "output 128×28×28", "110,720 params, 86,704,128 MACs"]
    assert boxes["inception_3a",].splitlines()[0] == "inception_3a"
    shown = ElementTree.fromstring(to_svg(network)).iter("{http://www.w3.org/2000/svg}rect")
    told = {x[0].text for x in shown if len(x)}
    assert {about for id, about in boxes.items() if id in network.graph.nodes} <= told


def test_numbers_have_three_digits() -> None:
    assert "stochastic depth 0.0182" in " ".join(drawn("swin_t"))
    assert REGISTRY["dropout"].model_validate({"p": 0.0}).label() == "dropout 0"


def test_a_box_that_holds_more_than_a_line_has_lines() -> None:
    assert "reshape 28×28×384 ·" in drawn("swin_t")


SHARED = """
netspec: 1
name: Siamese
inputs: {left: [3, 8, 8], right: [3, 8, 8]}
blocks:
  Twin: {chain: {a: {conv2d: [4, 3], padding: 1}, b: relu, c: {conv2d: [4, 3]}, d: relu}}
graph:
  twin: {Twin: [], from: left}
  other: {share: twin, from: right}
  one: {conv2d: [8, 1], from: twin}
  two: {share: one, from: other}
  flat: {relu: [], from: one}
  thin: {share: flat, from: two}
  both: {concat: [], from: [flat, thin]}
outputs: {y1: both}
"""


@pytest.mark.parametrize("format", ["svg", "dot", "mmd", "html"])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_shared_layer_names_the_one_whose_weights_it_uses(format: str, depth: int) -> None:
    text = loads(SHARED).render(format, depth=depth).decode()
    assert not re.search(r"\b0 params", text)
    if format == "html":
        assert set(re.findall(r'"lender":"(\w+)"', text)) == {"twin", "one"}
    else:
        assert set(re.findall(r"weights of (\w+)", text)) == {"twin", "one"}
