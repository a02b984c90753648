"""Bytes that layers move, and the least time that a device takes for them: its roofline.

A layer reads its weights and inputs and writes its output once, for a batch of one type; views move
nothing, and neither do constants, which their readers read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from netspec.analysis.costs import NodeCost
from netspec.analysis.gradients import computed_from
from netspec.analysis.layouts import WIDTHS
from netspec.analysis.shapes import Shapes
from netspec.analysis.types import held_by
from netspec.graph.model import Graph, NodeId
from netspec.ops.base import INTEGER, Storage

EXAMPLE = "312T,2TB/s"
MEANT = "floating-point operations and bytes per second, 312 TFLOP/s and 2 TB/s"
"""What the example says."""
_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_NUMBER = (
    r"\s*(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e\+?[0-9]{1,2})?)\s*(?P<prefix>[KMGTP]?)\s?"
)
_PEAK = re.compile(rf"{_NUMBER}(?:FLOPS|FLOP/s)?\s*", re.ASCII)
_BANDWIDTH = re.compile(rf"{_NUMBER}B/s\s*", re.ASCII)
_VIEWS = Storage.VIEW, Storage.IDLE


class Device(NamedTuple):
    """What a device does at most in a second: FLOPs, two of them for a MAC, and bytes moved."""

    flops: float
    bandwidth: float

    def times(self, cost: NodeCost, bytes: int, batch: int) -> Times:
        """Return the seconds of a layer's arithmetic and of its traffic, for a batch."""
        return Times(batch * cost.flops / self.flops, bytes / self.bandwidth)


class Times(NamedTuple):
    """What a layer takes by itself of both; they overlap, so that the longer one counts."""

    compute: float
    memory: float

    @property
    def seconds(self) -> float:
        """The time of the layer."""
        return max(self)

    @property
    def memory_bound(self) -> float:
        """The time of the layer if its traffic takes longer than its arithmetic, else 0."""
        return self.memory if self.memory > self.compute else 0


def device(text: str) -> Device:
    """Read a device such as EXAMPLE. Raises ValueError that says which part is wrong."""
    parts = text.split(",")
    if len(parts) != 2:
        raise ValueError("expected two numbers with a comma between")
    peak, bandwidth = _PEAK.fullmatch(parts[0]), _BANDWIDTH.fullmatch(parts[1])
    if peak is None:
        raise ValueError(f"expected FLOP/s, found `{parts[0].strip()[:40]}`")
    if bandwidth is None:
        raise ValueError(f"expected bytes per second, found `{parts[1].strip()[:40]}`")
    found = Device(*map(_value, (peak, bandwidth)))
    if not all(found):
        raise ValueError("expected numbers above 0")
    return found


def _value(match: re.Match[str]) -> float:
    return float(match["number"]) * _PREFIXES[match["prefix"]]


def moved(graph: Graph, shapes: Shapes, batch: int, dtype: str) -> Mapping[NodeId, int]:
    """Return the bytes that each layer reads and writes in inference."""
    width = WIDTHS[dtype]
    sizes = _sizes(graph, shapes, batch, width)
    found: dict[NodeId, int] = {}
    for node in graph.nodes.values():
        if not node.inputs or node.op.storage in _VIEWS:
            found[node.id] = 0
            continue
        weights = node.op.weights_read(batch, *(shapes[source] for source in node.inputs))
        read = sum(sizes[source] for source in computed_from(node, shapes))
        found[node.id] = width * weights + read + sizes[node.id]
    return found


def _sizes(graph: Graph, shapes: Shapes, batch: int, width: int) -> Mapping[NodeId, int]:
    """Return the bytes of each tensor; what is made of constants alone is there once a batch."""
    held, once = held_by(graph), set[NodeId]()
    for node in graph.nodes.values():
        if once.issuperset(node.inputs):
            once.add(node.id)
    return {
        id: prod(shape)
        * (1 if id in once else batch)
        * (WIDTHS[INTEGER] if held[id] == INTEGER else width)
        for id, shape in shapes.items()
    }
