"""Receptive fields against the support of gradients that PyTorch computes."""

from __future__ import annotations

import re
from functools import reduce
from math import ceil
from random import Random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.analysis.network import Network
from netspec.analysis.receptive import Field, see
from netspec.graph.model import Node, NodeId
from netspec.ops.base import Call, Infix, Input
from netspec.ops.pool import MaxPool
from netspec.ops.reach import Reach, everything, sliding
from netspec.ops.window import extent
from netspec.text.diagnostics import SpecError
from tests.support import ROOT, compiled, draws, one_block

PAPER = {
    "conv1": (7, 2),
    "conv2": (19, 4),
    "inception_3a": (59, 8),
    "inception_3b": (91, 8),
    "inception_4a": (171, 16),
    "inception_4b": (235, 16),
    "inception_4c": (299, 16),
    "inception_4d": (363, 16),
    "inception_4e": (427, 16),
    "inception_5a": (587, 32),
    "inception_5b": (715, 32),
}


def spread_gradients(node: Node, x: Tensor, y: tuple[int, ...]) -> Tensor:
    """Return the sums of a max pool's windows: a maximum's gradient reaches one element only."""
    window = node.op.window()
    assert window is not None
    before_after = []
    for size, count, kernel, stride, before in reversed(
        list(zip(x.shape[2:], y[1:], extent(window), window.stride, window.padding, strict=True))
    ):
        before_after += [before, max(0, (count - 1) * stride + kernel - size - before)]
    weight = x.new_ones((x.shape[1], 1, *window.kernel))
    padded = F.pad(x, before_after)
    out = F.conv2d(padded, weight, None, window.stride, 0, window.dilation, x.shape[1])
    return out[..., : y[1], : y[2]]


def apply(node: Node, inputs: list[Tensor], network: Network) -> Tensor:
    """Run one node as a generated file would, with positive weights so that nothing cancels."""
    if isinstance(node.op, MaxPool):
        return spread_gradients(node, inputs[0], network.shapes[node.id])
    call = node.op.torch(*(network.shapes[source] for source in node.inputs))
    if isinstance(call, Infix):
        read = [*inputs, *call.numbers]
        return reduce((lambda a, b: a + b) if call.operator == "+" else torch.mul, read)
    return run(call, node.op.is_module, inputs)


def run(call: Call, is_module: bool, inputs: list[Tensor]) -> Tensor:
    package, _, name = call.function.rpartition(".")
    function = getattr({"nn": nn, "torch": torch, "F": F}[package], name)
    if not is_module:
        places = {Input.ONE: inputs[0], Input.ALL: inputs}
        args = [places[a] if isinstance(a, Input) else a for a in call.args]
        return function(*args, **call.kwargs)
    layer = function(*call.args, **call.kwargs).double().eval()
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 0.5)
    return layer(*inputs)


def feature_maps(network: Network, wanted: set[NodeId]) -> tuple[Tensor, dict[NodeId, Tensor]]:
    """Run the network up to the wanted nodes; return the image and all feature maps."""
    torch.manual_seed(0)
    (key, shape), *_ = network.graph.inputs.items()
    image = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    values = {key: image}
    for node in network.graph.inference():
        values[node.id] = apply(node, [values[source] for source in node.inputs], network)
        wanted = wanted - {node.id}
        if not wanted:
            break
    return image, values


def support(image: Tensor, value: Tensor, place: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and last row and column that an element's gradient reaches."""
    element = value[(0, slice(None), *place)].sum()
    (gradient,) = torch.autograd.grad(element, image, retain_graph=True)
    seen = gradient[0].abs().sum(0) > 0
    axes = [seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()]
    return [(int(axis.min()), int(axis.max())) for axis in axes]


def interval(field: Field, i: int) -> tuple[int, int]:
    return field.widest.low(i), field.widest.high(i)


def small_googlenet(height: int) -> Network:
    """GoogLeNet with one channel for 64, which receptive fields do not depend on."""
    text = (ROOT / "specs" / "googlenet.yaml").read_text()
    text = re.sub(r"shape: \[.*?\]", "", text)
    text = re.sub(r", +\}", "}", text)
    graph = text.index("graph:")

    def shrink(match: re.Match[str]) -> str:
        return re.sub(r"\d+", lambda m: str(ceil(int(m[0]) / 64)), match[0])

    body = re.sub(r"Inception: \[.*?\]", shrink, text[graph:])
    body = re.sub(r"ConvReLU: \[\d+", shrink, body)
    body = body[: body.index("expect:")]
    head = text[:graph].replace("[3, $size, $size]", f"[3, {height}, $size]")
    return compiled(head + body)


def test_the_papers_receptive_fields_are_the_gradients_support():
    network = small_googlenet(800)
    uses = {name: network.graph.uses[(name,)].output for name in PAPER}
    image, values = feature_maps(network, set(uses.values()))
    fields = see(network.graph, network.shapes)
    for name, node in uses.items():
        middle = values[node].shape[2] // 2
        field = fields[node][0]
        assert (field.widest.extent, field.stride) == PAPER[name], name
        assert support(image, values[node], (middle, 0))[0] == interval(field, middle)


def test_narrowest_branch_and_centre():
    network = small_googlenet(224)
    field = see(network.graph, network.shapes)[network.graph.uses[("inception_3a",)].output][0]
    assert (field.narrowest.extent, field.widest.extent, field.widest.centre) == (27, 59, 6)


def random_layers(random: Random) -> str:
    """Return a chain of layers with every kind of window, and a branch."""
    lines = []
    for i in range(random.randint(1, 5)):
        k, s, d = random.choice([1, 2, 3, 5]), random.choice([1, 1, 2, 3]), random.choice([1, 1, 2])
        p, up = random.randint(0, k // 2), random.choice(["true", "false"])
        tall = f"[{k}, {random.choice([1, 3])}]"
        lines.append(f"l{i}: " + random.choice([
            f"{{conv2d: [2, {k}], stride: {s}, padding: {p}, dilation: {d}}}",
            f"{{conv2d: [2, {tall}], padding: same, dilation: {d}}}",
            f"{{conv2d: [2, {tall}], stride: [{s}, 1]}}",
            f"{{max_pool2d: {k}, stride: {s}, padding: {p}, dilation: {d}, ceil_mode: {up}}}",
            f"{{avg_pool2d: {k}, stride: {s}, padding: {p}, ceil_mode: {up}}}",
            f"{{adaptive_avg_pool2d: [{random.randint(2, 9)}, {random.randint(2, 9)}]}}",
            f"{{conv_transpose2d: [2, {max(k, s)}], stride: {s}, padding: {min(p, 1)}}}",
            "{interpolate: [], scale_factor: 2}",
            "{interpolate: [], scale_factor: 2, mode: bilinear}",
            "{interpolate: [], scale_factor: 3, mode: bilinear, align_corners: true}",
            "{pad: [1, 0, 2, 1]}",
            "{batch_norm2d: []}",
            "{local_response_norm: 3}",
            "relu",
            "{parallel: [{a: {conv2d: [2, 3], padding: 1}}, {b: {conv2d: [2, 5], padding: 3}, "
            "c: {conv2d: [1, 3]}}], join: concat}",
        ]))  # fmt: skip
    return "\n".join([*lines, "out: identity"])


def random_network(random: Random) -> Network:
    """Return a network of random layers that fit together."""
    while True:
        try:
            return compiled(one_block(random_layers(random), inputs="image: [2, 36, 31]"))
        except SpecError:
            continue


@pytest.mark.parametrize("seed", range(draws(25, 100)))
def test_random_networks_against_gradients(seed):
    random = Random(seed)
    network = random_network(random)
    (output,) = network.graph.outputs
    image, values = feature_maps(network, {output.node})
    fields = see(network.graph, network.shapes)[output.node]
    height, width = network.shapes[output.node][1:]
    for _ in range(12):
        place = random.randrange(height), random.randrange(width)
        found = support(image, values[output.node], place)
        for field, i, (low, high) in zip(fields, place, found, strict=True):
            expected = interval(field, i)
            if expected[0] >= 0 and expected[1] < field.size:
                assert (low, high) == expected
            else:
                assert expected[0] <= low <= high <= expected[1]


@pytest.mark.parametrize(
    "last",
    [
        "out: {adaptive_avg_pool2d: 1}",
        "pool: {avg_pool2d: 12}\nflat: flatten\nout: {linear: 5}",
        "flat: flatten\nout: {linear: 5}",
        "out: {instance_norm2d: []}",
        "out: {group_norm: 1}",
    ],
)
def test_global_layers_see_the_whole_image(last):
    body = f"conv: {{conv2d: [2, 3], padding: 1, stride: 1}}\n{last}"
    network = compiled(one_block(body, inputs="image: [2, 12, 12]"))
    (output,) = network.graph.outputs
    assert all(field.is_whole for field in see(network.graph, network.shapes)[output.node])


def test_a_gate_makes_the_field_whole_and_keeps_the_narrow_branch():
    network = compiled(
        one_block(
            """
            conv: {conv2d: [4, 3], padding: 1, stride: 2}
            gate: {adaptive_avg_pool2d: 1}
            mul:  {mul: [], from: [conv, gate]}
            out:  {conv2d: [4, 3], padding: 1, stride: 2}
            """,
            inputs="image: [2, 12, 12]",
        )
    )
    field = see(network.graph, network.shapes)[("out",)][0]
    assert field.is_whole
    assert (field.narrowest.extent, field.stride) == (7, 4)


def test_a_permutation_and_back_keeps_the_field():
    network = compiled(
        one_block(
            """
            conv: {conv2d: [4, 7], padding: 3, stride: 2}
            last: {permute: [[0, 2, 3, 1]]}
            norm: layer_norm
            wide: {linear: 8}
            back: {permute: [[0, 3, 1, 2]]}
            both: {chunk: 2}
            crop: {narrow: [2, 1, 3], from: both.1}
            out:  {conv2d: [4, 3], stride: 1}
            """,
            inputs="image: [2, 12, 14]",
        )
    )
    fields = see(network.graph, network.shapes)
    assert [field.widest.extent for field in fields[("back",)]] == [7, 7]
    assert [field.widest.extent for field in fields[("out",)]] == [11, 11]
    assert [field.widest.low(0) for field in fields[("out",)]] == [-1, -3]


def test_a_norm_of_the_last_axis_sees_all_of_it():
    network = compiled(
        one_block("conv: {conv2d: [2, 3]}\nout: layer_norm", inputs="image: [2, 6, 6]")
    )
    rows, columns = see(network.graph, network.shapes)[("out",)]
    assert (rows.widest.extent, columns.is_whole) == (3, True)


def test_reaches_compose():
    pooled = sliding(3, 2, 1).after(sliding(2, 2, 0))
    assert pooled == Reach((-1,), (3,), 4)
    assert pooled.after(everything(3)) == Reach((-1,), (11,), 0)
    assert (sliding(3, 1, 1) | Reach((0, 0), (2, 3), 2)).extent == 4
