"""Bytes that layers move, counted on PyTorch's tensors; the least time of a device for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.analysis.network import Network
from netspec.analysis.roofline import EXAMPLE, Device, device, moved
from netspec.cli import main
from netspec.emit.report import Measured, render, report_of
from netspec.graph.model import Node, NodeId
from netspec.ops.split import Piece
from netspec.testing import run, zeros
from tests.support import FEW, SPECS, compiled, draws, load, mostly, one_block, printed
from tests.test_random_specs import examples

BATCH = 3


def counted(node: Node, network: Network) -> int:
    """Return the bytes of a layer's tensors, each once; none where the output is an input's view.

    Reals that no gradient reaches give their size alone.
    """
    given = zeros(node.op, tuple(network.shapes[source] for source in node.inputs), BATCH)
    with torch.device("meta"):
        inputs = [x.to("meta").requires_grad_(x.is_floating_point()) for x in given]
        layer, output = run(node.op, inputs, training=False)
    memory = output.untyped_storage()._cdata
    if any(x.untyped_storage()._cdata == memory for x in inputs):
        return 0
    reals = [x for x in inputs if x.requires_grad]
    reached = torch.autograd.grad(output.sum(), reals, allow_unused=True) if reals else ()
    read = [x for x, gradient in zip(reals, reached, strict=True) if gradient is not None]
    integers = [x for x in inputs if not x.requires_grad]
    return sum(x.numel() * x.itemsize for x in (*layer.parameters(), *read, *integers, output))


@pytest.mark.parametrize("spec", mostly(FEW, SPECS), ids=lambda path: path.stem)
def test_bytes_moved_are_those_of_pytorchs_tensors(spec: Path) -> None:
    network = load(spec).network
    found = moved(network.graph, network.shapes, BATCH, "float32")
    constant: set[NodeId] = set()
    for node in network.graph.nodes.values():
        if constant.issuperset(node.inputs):
            constant.add(node.id)
        if not node.inputs or isinstance(node.op, Piece):
            assert found[node.id] == 0
        elif constant.isdisjoint(node.inputs):
            assert found[node.id] == counted(node, network), node.id


@pytest.mark.parametrize(("batch", "rows"), [(1, 6), (3, 18), (4, 20), (50, 20)])
def test_an_embedding_reads_the_rows_that_are_looked_up(batch: int, rows: int) -> None:
    text = """
        netspec: 1
        name: Tokens
        inputs: {tokens: {shape: [6], dtype: int64}}
        graph: {words: {embedding: [20, 5]}}
        outputs: {y1: words}
    """
    network = compiled(text)
    assert moved(network.graph, network.shapes, batch, "float32") == {
        ("words",): 4 * 5 * rows + 8 * 6 * batch + 4 * 6 * 5 * batch
    }


def test_a_batch_shares_weights_and_constants() -> None:
    network = compiled(
        one_block("""
        bias: {parameter: [[3, 16, 16]]}
        sum:  {add: [], from: [image, bias]}
        size: {interpolate: [], from: [sum, image]}
        conv: {conv2d: [2, 1], bias: false}
        out:  flatten
        """)
    )
    image, weights, made = 3 * 16 * 16, 6, 2 * 16 * 16
    for batch in (1, 5):
        found = moved(network.graph, network.shapes, batch, "float16")
        assert {id[0]: size for id, size in found.items()} == {
            "bias": 0,
            "sum": 2 * (2 * batch * image + image),
            "size": 2 * (2 * batch * image),
            "conv": 2 * (batch * (image + made) + weights),
            "out": 0,
        }


peaks = st.floats(1e9, 1e18)


@pytest.mark.parametrize("by", ["block", "layer", "op"])
@examples(draws(15, 100))
@given(flops=peaks, bandwidth=peaks, batch=st.integers(1, 64))
def test_a_layer_takes_the_longer_of_both(
    by: str, flops: float, bandwidth: float, batch: int
) -> None:
    """Computed again from the rows per layer."""
    network = load(next(path for path in SPECS if path.stem == "googlenet")).network
    measured = Measured(network, batch, "bfloat16", Device(flops, bandwidth))
    layers = json.loads(render(report_of(measured, "layer"), "json"))["work"]["rows"]
    pairs = [
        (2 * batch * row["macs"] / flops, row["moved_bytes"] / bandwidth)
        for row in layers
        if row["when"] is None
    ]
    whole = sum(map(max, pairs))
    waiting = sum(memory for compute, memory in pairs if memory > compute)
    data = json.loads(render(report_of(measured, by), "json"))
    assert data["estimated_microseconds"] == pytest.approx(1e6 * whole, rel=1e-3)
    assert data["memory_bound_share"] == pytest.approx(100 * waiting / whole, abs=0.06)
    (total, *_) = data["work"]["totals"]
    assert total["microseconds"] == data["estimated_microseconds"]
    assert total["time_share"] == 100
    rows = [row for row in data["work"]["rows"] if row["when"] is None]
    assert sum(row["microseconds"] for row in rows) == pytest.approx(1e6 * whole, rel=1e-3)
    for row in rows:
        if row["moved_bytes"]:
            exact = 2 * batch * row["macs"] / row["moved_bytes"]
            assert row["intensity"] == pytest.approx(exact, rel=5e-3)


PREFIXES = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


@examples(draws(100, 1000))
@given(
    number=st.integers(1, 10**6),
    peak=st.sampled_from([*PREFIXES]),
    speed=st.sampled_from([*PREFIXES]),
    unit=st.sampled_from(["", "FLOPS", "FLOP/s"]),
    space=st.sampled_from(["", " "]),
)
def test_a_device_is_read(number: int, peak: str, speed: str, unit: str, space: str) -> None:
    found = device(f"{number}{peak}{unit},{space}{number / 8}{space}{speed}B/s")
    assert found == (number * PREFIXES[peak], number / 8 * PREFIXES[speed])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ",",
            "312T",
            "312T,2",
            "312T,2T",
            "2TB/s,312T",
            "312T,2TB/s,1",
            "312t,2TB/s",
            "0,1B/s",
        ),
        *("1,0B/s", "312T,2Tb/s", "-1T,2TB/s", "nanT,2TB/s", "infT,1B/s", "312T,2TiB/s", "٣T,1B/s"),
        *("312T;2TB/s", "312 T FLOP/s x,2TB/s", "312T,2TB", "312TOPS,2TB/s", "1\x1b[31m,1B/s"),
    ],
)
def test_what_is_no_device_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected (FLOP/s|bytes|numbers|two numbers)"):
        device(text)


def test_the_command_says_that_it_estimates() -> None:
    said = printed(f"report specs/nin.yaml --device {EXAMPLE}")
    assert "estimate, not a measurement" in said
    assert "memory-bound" in said
    assert "estimate" not in printed("report specs/nin.yaml")


def test_the_work_of_each_layer_is_a_table_of_its_own() -> None:
    assert "FLOP/B" not in printed("report specs/nin.yaml --by layer")
    said = printed("report specs/nin.yaml --by layer --table work")
    assert "FLOP/B: forward FLOPs for each byte moved" in " ".join(said.split())
    assert "field/stride" not in said
    data = json.loads(printed("report specs/nin.yaml --table work --format json"))
    assert "work" in data
    assert "blocks" not in data


def test_the_command_refuses_a_device_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as found:
        main(["report", "specs/nin.yaml", "--device", "312T,2T"])
    assert found.value.code == 2
    said = capsys.readouterr().err
    assert main(["report", "specs/nin.yaml", "--device", EXAMPLE, "--paper"]) == 2
    assert "expected bytes per second, found `2T`" in said
    assert EXAMPLE in said
