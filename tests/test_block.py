"""One block as a figure: as it is written, or a use of it, with all of its layers and edges."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings

import netspec
from netspec.analysis.network import Network
from netspec.emit.diagram.block import block_network
from netspec.emit.diagram.tree import build, leaves
from netspec.emit.figure.page import lay_out
from netspec.emit.figure.svg import to_svg
from netspec.emit.formats import FORMATS
from netspec.emit.look import LookError
from netspec.graph.model import NodeId
from netspec.text.diagnostics import SpecError
from tests.drawings import problems, random_spec
from tests.random_spec import specs
from tests.support import SPECS, compiled, draws, printed
from tests.wiring import drawn_edges, shown_edges


def spec(name: str) -> Network:
    return netspec.load(str(SPECS[0].with_stem(name))).network


def texts(network: Network, block: str) -> list[str]:
    return [text.text for text in lay_out(block_network(network, block), None).drawing.texts]


def assert_whole(network: Network, name: str, id: NodeId) -> None:
    """Every layer below a path is in its part with what it reads, and in the part's figure."""
    part = block_network(network, name)
    assert below(part, ()) == below(network, id)
    assert {node.owner for node in part.graph.nodes.values()} <= {*part.graph.nodes}
    shown = {node for leaf in leaves(build(part, fold=False)) for node in leaf.nodes}
    assert shown == {*part.graph.nodes, *part.graph.inputs}
    figure = lay_out(part, None)
    assert problems(figure.drawing) == []
    assert drawn_edges(figure.drawing) == (shown_edges(leaves(figure.root), figure.root), [])
    assert {box.owner for box in figure.drawing.boxes} >= {*part.graph.inputs}


def below(network: Network, outer: NodeId) -> dict[NodeId, list[NodeId]]:
    """Return what stands below a path: each op with what it reads there, () from outside."""
    level, nodes = len(outer), network.graph.nodes
    inside = {id: id[level:] for id in nodes if id[:level] == outer}
    return {inside[id]: [inside.get(x, ()) for x in nodes[id].inputs] for id in inside}


def largest(network: Network, block: str) -> NodeId:
    uses = network.graph.instances.get(network.spec.blocks[block].body, ())
    return max((use.id for use in uses), key=lambda id: len(below(network, id)))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_block_of_every_spec_is_drawn_whole(path: object) -> None:
    network = netspec.load(str(path)).network
    for name in network.spec.blocks:
        use = largest(network, name)
        assert_whole(network, name, use)
        assert_whole(network, ".".join(use), use)


@settings(max_examples=draws(8, 45), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec())
def test_every_block_of_random_networks_is_drawn_whole(text: str) -> None:
    network = compiled(text)
    used = [
        x for x in network.spec.blocks if network.graph.instances.get(network.spec.blocks[x].body)
    ]
    assume(used)
    for name in used:
        assert_whole(network, name, largest(network, name))


@settings(max_examples=draws(8, 45), deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_every_way_to_write_a_block_has_its_figure(text: str) -> None:
    """Conditions, widths of inputs, copies, shared layers, and parameters that name ops."""
    try:
        network = compiled(text)
    except SpecError:
        return
    for name, block in network.spec.blocks.items():
        if network.graph.instances.get(block.body):
            part = block_network(network, name)
            assert below(part, ()) == below(network, largest(network, name))
            assert to_svg(part)


def test_a_block_has_its_widths_as_they_are_written() -> None:
    shown = texts(spec("googlenet"), "Inception")
    assert {"1×1, $n1x1", "3×3, $n3x3", "concat → $n1x1 + $n3x3 + $n5x5 + $proj"} <= {*shown}
    assert {"input C×H×W", "output", "conv stands for conv · ReLU", "Inception"} <= {*shown}
    assert "conv $k×$k/$s, $out" in texts(spec("googlenet"), "ConvReLU")
    assert "conv 1×1, 4 * $growth" in texts(spec("densenet121"), "DenseLayer")
    assert "concat → C + $growth" in texts(compiled(GROWING), "Dense")


def test_a_use_has_the_widths_of_that_use() -> None:
    shown = texts(spec("googlenet"), "inception_3a")
    assert {"input 192×28×28", "1×1, 64", "3×3, 128", "concat → 256"} <= {*shown}
    assert any("163,696 params" in text for text in shown)
    assert "fc 1024" in " ".join(texts(spec("googlenet"), "aux1"))


GROWING = """
    netspec: 1
    name: Growing
    inputs: {image: [4, 8, 8]}
    blocks:
      Dense:
        params: [growth]
        chain:
          conv: {conv2d: [$growth, 3], padding: 1}
          more: {concat: [], from: [input, conv]}
      Twice:
        params: [width, act]
        chain:
          one: {Dense: $width * 2}
          two: {Dense: [], growth: $width, repeat: 2}
          end: {$act: []}
      Unused: {chain: {a: relu}}
    graph:
      stage: {Twice: [3, relu]}
      stack: {Dense: $i + 1, repeat: 3}
    outputs: {out: stack}
"""


def test_inner_blocks_have_the_expressions_that_reach_them() -> None:
    shown = texts(compiled(GROWING), "Twice")
    assert "conv 3×3, $width * 2" in shown
    assert "concat → C + 4 * $width" in shown  # of like terms, one
    assert "ReLU" in shown


def test_the_copies_of_a_layer_are_drawn_together_or_one_by_one() -> None:
    network = compiled(GROWING)
    assert {"stack.0", "stack.1", "stack.2"} <= {*texts(network, "stack")}
    assert "3×3, 2" in " ".join(texts(network, "stack.1"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Incepton", "did you mean `Inception`?"),
        ("inception_3aa", "did you mean `inception_3a`?"),
        ("conv1.conv", "is one op"),
        ("", "for example `ConvReLU`"),
        ("</title>\x1b[31m", "for example `ConvReLU`"),
    ],
)
def test_a_name_that_is_no_block_is_refused(name: str, message: str) -> None:
    with pytest.raises(LookError, match=message.replace("?", r"\?")):
        block_network(spec("googlenet"), name)


def test_a_block_without_a_use_is_refused() -> None:
    with pytest.raises(LookError, match="nothing uses the block `Unused`"):
        block_network(compiled(GROWING), "Unused")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_draws_a_block(format: str) -> None:
    if format == "png":
        pytest.importorskip("cairosvg")
    net = netspec.load(str(SPECS[0].with_stem("googlenet")))
    if format == "html":
        with pytest.raises(LookError, match="other formats draw one"):
            net.render(format, block="Inception")
    else:
        names = "Inception", "inception_3a", "inception_3b"
        assert len({net.render(format, block=name) for name in names}) == len(names)


def test_the_command_says_what_it_does_not_know() -> None:
    said = printed("render specs/googlenet.yaml -o - --block Incepton")
    assert "did you mean `Inception`?" in said
