"""The work of layers: both passes, the bytes that they move, and a device's roofline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.emit.report.rows import NAME, WHEN, Measured, grouped
from netspec.emit.report.table import Column, Fact, Row, Table, percent
from netspec.graph.model import Node

WORK = (
    Column("macs", "forward MACs", summed=True),
    Column(
        *("backward_macs", "backward MACs"),
        summed=True,
        meaning="of the gradients, without what fused attention computes anew",
    ),
    Column(
        *("moved_bytes", "bytes moved"),
        summed=True,
        meaning="each layer's weights, inputs and output once, for the batch; views move none",
    ),
    Column("intensity", "FLOP/B", meaning="forward FLOPs for each byte moved"),
)
TIME = (
    Column("microseconds", "µs", meaning="the least time of the row on the device, for the batch"),
    Column("time_share", "time", "percent", meaning="the row's share of that of inference"),
    Column(
        *("memory_bound_share", "memory-bound", "percent"),
        meaning="of the row's time, in layers whose bytes take longer than their FLOPs",
    ),
)
TERAFLOPS = Column("flops", "peak", unit="TFLOP/s")
GIGABYTES = Column("bandwidth", "bandwidth", unit="GB/s")
MICROSECONDS = Column("microseconds", "time", unit="µs")
PERCENT = Column("share", "share", "percent")
ROOFLINE = (
    "A roofline estimate, not a measurement: each layer by itself takes the longer of its FLOPs "
    "(2 × MACs) at the device's peak and its bytes at the device's bandwidth; nothing is fused, no "
    "layer waits for a call, and other ops are free."
)


def work_table(measured: Measured, by: str, depth: int) -> Table:
    """Return the work of each row, and with a device the least time that it takes there."""
    groups = grouped(measured.network, by, depth)
    first = replace(NAME, title="op") if by == "op" else NAME
    columns = (first, WHEN, *WORK, *(TIME if measured.device else ()))
    rows = [(x.name, "train" if x.train_only else None, *_cells(measured, x.nodes)) for x in groups]
    nodes = [node for group in groups for node in group.nodes]
    heads = [node for node in nodes if node.train_only]
    parts = {"inference": [*measured.network.graph.inference()]}
    parts |= {"heads": heads, "with heads": nodes} if heads else {}
    totals = [(name, None, *_cells(measured, part)) for name, part in parts.items()]
    return Table("work", f"work per {by}", columns, tuple(rows), tuple(totals))


def _cells(measured: Measured, nodes: Sequence[Node]) -> Row:
    """Return what nodes come to together, from the MACs of their forward pass on."""
    macs = sum(measured.network.costs[node.id].macs for node in nodes)
    back = sum(measured.backward[node.id].macs for node in nodes)
    bytes = sum(measured.moved[node.id] for node in nodes)
    intensity = _digits(2 * measured.batch * macs / bytes, 3) if bytes else None
    if measured.device is None:
        return macs, back, bytes, intensity
    times = [measured.times[node.id] for node in nodes]
    spent = sum(item.seconds for item in times)
    share = percent(spent, _spent(measured)) if not any(node.train_only for node in nodes) else None
    bound = percent(sum(item.memory_bound for item in times), spent)
    return macs, back, bytes, intensity, _digits(1e6 * spent, 4), share, bound


def _spent(measured: Measured) -> float:
    """Return the seconds of inference."""
    return sum(measured.times[node.id].seconds for node in measured.network.graph.inference())


def _digits(value: float, count: int) -> float:
    """Return a number to so many digits, an integer where it is one."""
    found = float(f"{value:.{count}g}")
    return int(found) if found.is_integer() else found


def estimate(measured: Measured) -> tuple[Fact, ...]:
    """Return a device's roofline, and what inference comes to on it; without a device nothing."""
    if measured.device is None:
        return ()
    flops, bandwidth = measured.device
    *_, microseconds, _, bound = _cells(measured, [*measured.network.graph.inference()])
    return (
        Fact("device_teraflops", "device", TERAFLOPS, _digits(flops / 1e12, 6)),
        Fact("device_gigabytes", "", GIGABYTES, _digits(bandwidth / 1e9, 6)),
        Fact("estimated_microseconds", "estimate of inference", MICROSECONDS, microseconds),
        Fact("memory_bound_share", "memory-bound", PERCENT, bound, True),
    )
