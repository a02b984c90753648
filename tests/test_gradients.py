"""The backward pass against PyTorch: its FLOP counter over forward and backward, on no data.

Of a convolution in groups the counter takes every weight's gradient for one over all channels,
which `flop_counter` mends; unfolded convolutions, which are products of matrices, confirm it.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from netspec.analysis.gradients import backward
from netspec.analysis.network import Network
from netspec.ops.base import INTEGER, REGISTRY, product
from netspec.ops.conv import Conv2d, ConvTranspose2d
from netspec.testing import BATCH, counted_backward, flop_counter, zeros
from netspec.text.diagnostics import SpecError
from tests.random_spec import specs
from tests.support import FEW, SPECS, compiled, draws, load, loads, mostly, one_block
from tests.test_ops import accepted
from tests.test_ops_table import TABLE
from tests.test_random_specs import examples

SETTINGS = draws(20, 200)


def go_back(*outputs: Tensor) -> None:
    """Compute the gradients of outputs, where one needs any."""
    if learnt := [output.sum() for output in outputs if output.requires_grad]:
        torch.stack(learnt).sum().backward()


def counted(network: Network, model: nn.Module) -> FlopCounterMode:
    """Return what PyTorch counts over forward and backward, for two images without gradients."""
    graph = network.graph
    images = [
        torch.empty(2, *shape, dtype=getattr(torch, INTEGER) if name in graph.integers else None)
        for name, shape in graph.inputs.items()
    ]
    with flop_counter() as counts:
        output = model.train()(*images)
        outputs = [output] if isinstance(output, Tensor) else output
        go_back(*(x for x in outputs if x is not None))
    return counts


def macs(network: Network) -> int:
    found = backward(network.graph, network.shapes, network.costs).values()
    return network.totals.training.macs + sum(item.macs for item in found)


@pytest.mark.parametrize("spec", mostly(FEW, SPECS), ids=lambda path: path.stem)
def test_forward_and_backward_are_pytorchs(spec: Path) -> None:
    net = load(spec)
    with torch.device("meta"):
        counts = counted(net.network, net.build())
    assert 4 * macs(net.network) == counts.get_total_flops()


@examples(draws(8, 100))
@given(text=specs())
def test_random_networks_are_pytorchs(text: str) -> None:
    try:
        net = loads(text)
        with torch.device("meta"):
            counts = counted(net.network, net.build())
    except SpecError:
        return
    assert 4 * macs(net.network) == counts.get_total_flops()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op_name", TABLE)
def test_an_ops_gradients_are_those_that_are_wanted(op_name: str) -> None:
    r = Random(op_name)
    torch.set_num_threads(1)
    for op, shapes in accepted(op_name, SETTINGS):
        if op.slope and op.model_dump()["inplace"] and op.model_dump()[op.slope] < 0:
            continue  # which PyTorch refuses
        wanted = [x.is_floating_point() and r.random() < 0.5 for x in zeros(op, shapes)]
        found = op.backward(wanted, *shapes)
        assert 2 * BATCH * found.macs == counted_backward(op, shapes, wanted), (op, shapes, wanted)
        assert found.inputs == 0 or any(wanted)
        assert found.weights == 0 or op.weights(*shapes)


def unfolded(op: Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """Convolve as a product of matrices, one for each group."""
    rows = F.unfold(x, op.kernel_size, op.dilation, int(op.padding), op.stride)  # type: ignore[arg-type]
    groups = rows.unflatten(1, (op.groups, -1))
    return weight.view(op.groups, op.out_channels // op.groups, -1) @ groups


def folded(op: ConvTranspose2d, x: Tensor, weight: Tensor) -> Tensor:
    """Convolve transposed: a product of matrices, the pieces of which are added up."""
    groups = x.flatten(2).unflatten(1, (op.groups, -1))
    matrices = weight.view(op.groups, x.shape[1] // op.groups, -1).mT
    pieces = (matrices @ groups).flatten(1, 2)
    size = op.shape(tuple(x.shape[1:]))[1:]
    return F.fold(pieces, size, op.kernel_size, op.dilation, op.padding, op.stride)  # type: ignore[arg-type]


@pytest.mark.parametrize("convolve", [unfolded, folded])
def test_convolutions_in_groups_are_their_products_of_matrices(convolve: Any) -> None:
    r = Random(0)
    cls = REGISTRY["conv2d" if convolve is unfolded else "conv_transpose2d"]
    depthwise = 0
    for _ in range(draws(100, 1000)):
        groups, size = r.choice((1, 2, 3, 6)), (6, r.randint(6, 9), r.randint(6, 9))
        arguments = {
            "out_channels": 6 * r.randint(1, 2), "kernel_size": r.randint(1, 3),
            "stride": r.randint(1, 3), "padding": r.randint(0, 1), "dilation": r.randint(1, 2),
            "groups": groups, "bias": False,
        }  # fmt: skip
        op = cls.model_validate(arguments)
        is_wanted = r.random() < 0.5
        image = torch.zeros(BATCH, *size, requires_grad=is_wanted)
        weight = torch.zeros(tuple(op.weights(size)["weight"]), requires_grad=True)
        with FlopCounterMode(display=False) as counts:
            output = convolve(op, image, weight)
            forward = counts.get_total_flops()
            go_back(output)
        assert output.numel() == BATCH * product(op.shape(size))
        assert 2 * BATCH * op.cost(size).macs == forward
        found = 2 * BATCH * op.backward([is_wanted], size).macs
        assert found == counts.get_total_flops() - forward
        depthwise += groups == 6
    assert depthwise


def test_what_no_output_hears_of_is_left_out() -> None:
    """No gradient goes into what gives a size alone, nor through it into what lies before."""
    network = compiled(
        one_block("""
        left:   {conv2d: [4, 3], padding: 1}
        right:  {conv2d: [4, 3], stride: 2, from: image}
        size:   {interpolate: [], from: [left, right]}
        out:    {conv2d: [2, 1]}
        """)
    )
    found = backward(network.graph, network.shapes, network.costs)
    costs = network.costs
    factors = {id[0]: found[id].macs / cost.macs for id, cost in costs.items() if cost.macs}
    assert factors == {"left": 1, "right": 0, "out": 2}
