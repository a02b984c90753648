"""Costs against PyTorch: parameters by numel, multiply-adds by its FLOP counter, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from netspec.analysis.costs import bias_params
from netspec.analysis.network import Network
from netspec.graph.model import Node
from netspec.ops.adaptive_pool import Adaptive
from netspec.ops.base import OTHER_KINDS, REGISTRY
from netspec.ops.split import Piece
from netspec.testing import run, zeros
from tests.support import SPECS, draws, load
from tests.test_ops import accepted
from tests.test_ops_table import TABLE


@pytest.fixture(scope="module", params=SPECS, ids=lambda path: path.stem)
def network(request: Any) -> Network:
    return load(request.param).network


def counted(node: Node, network: Network) -> tuple[int, int]:
    """Return the parameters and multiply-adds that PyTorch counts for one node, on no data."""
    shapes = tuple(network.shapes[source] for source in node.inputs)
    if isinstance(node.op, Piece):
        return 0, 0  # the whole is compared with PyTorch in tests/test_ops.py
    if not shapes:
        return sum(map(prod, node.op.weights().values())), 0
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        layer, output = run(node.op, zeros(node.op, shapes, 1), training=False)
    assert tuple(output.shape[1:]) == network.shapes[node.id]
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return sum(p.numel() for p in layer.parameters()), flops // 2


def add_up(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    params, macs = zip(*pairs, strict=True)
    return sum(params), sum(macs)


def test_every_layer_and_the_totals_equal_pytorchs_counts(network):
    by_torch = {node.id: counted(node, network) for node in network.graph.nodes.values()}
    ours = {key: (cost.params, cost.macs) for key, cost in network.costs.items()}
    assert ours == by_torch
    inference = [by_torch[node.id] for node in network.graph.inference()]
    totals = network.totals
    assert (totals.inference.params, totals.inference.macs) == add_up(inference)
    everything = add_up(by_torch.values())
    assert (totals.training.params, totals.training.macs) == everything


def test_parts_add_up_to_the_totals(network):
    nodes = network.graph.nodes.values()
    assert all(node.op.other in OTHER_KINDS for node in nodes)
    for column in ("params", "macs", "other"):
        parts = sum(getattr(network.costs[node.id], column) for node in nodes)
        assert parts == getattr(network.totals.training, column)


CHOOSING = [name for name in TABLE if issubclass(REGISTRY[name], Adaptive)]
"""The ops that choose their windows."""


@pytest.mark.parametrize("op_name", [*CHOOSING, "interpolate"])
def test_chosen_windows_count_their_elements(op_name: str) -> None:
    """PyTorch's own windows: an image with one element other than 0 shows in all that hold it."""
    overlapping = 0
    for op, (x, *others) in accepted(op_name, draws(60, 500)):
        if others or getattr(op, "mode", "area") != "area":
            continue
        places = torch.eye(prod(x[1:])).view(-1, 1, *x[1:])
        _, output = run(op, [places])
        elements = int(x[0] * output.count_nonzero())
        assert op.cost(x).other == elements
        overlapping += elements > prod(x)
    assert overlapping or op_name == "global_avg_pool"


def test_the_heads_of_googlenet_bn_pool_overlapping_windows() -> None:
    net = load(next(path for path in SPECS if path.stem == "googlenet_bn")).network
    pools = [
        net.costs[id].other
        for id, node in net.graph.nodes.items()
        if node.train_only and node.op.is_pooling
    ]
    assert sum(pools) == 266_240


GOOGLENET = next(path for path in SPECS if path.stem == "googlenet")


def test_googlenet_has_the_published_costs():
    totals = load(GOOGLENET).network.totals
    assert (totals.inference.params, totals.inference.macs) == (6_998_552, 1_582_671_872)
    assert (totals.training.params, totals.training.macs) == (13_378_280, 1_591_044_096)
    assert (totals.depth, totals.depth_with_pooling) == (22, 27)


def test_biases_are_told_from_weights():
    net = load(GOOGLENET).network
    node = net.graph.nodes[("conv1", "conv")]
    assert bias_params(node, net.shapes) == 64
    assert bias_params(net.graph.nodes[("pool1",)], net.shapes) == 0
