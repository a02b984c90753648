"""The main table of a report: a row per block, per layer or per kind of op."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from netspec.analysis.costs import Depths, NodeCost, depths, total
from netspec.analysis.gradients import backward
from netspec.analysis.layouts import LOW, Feed
from netspec.analysis.memory import Memory, weigh
from netspec.analysis.network import Network
from netspec.analysis.receptive import Field, Fields, see
from netspec.analysis.roofline import Device, Times, moved
from netspec.emit.report.table import RANGE, Cell, Column, Fact, Row, Table, add_up, percent
from netspec.graph.model import Node, NodeId, path
from netspec.ops.base import OTHER_KINDS, Gradients
from netspec.ops.reach import Reach

ROWS = ("block", "layer", "op")
"""What a row can stand for."""

NAME = Column("name", "layer", "text")
WHEN = Column("when", "when", "text", glue=" · ")
COSTS = (
    Column("params", "params", summed=True),
    Column("macs", "forward MACs", summed=True),
    Column(
        "share", "share", "percent", summed=True, meaning="of the MACs of inference, rounded by row"
    ),
    Column("flops", "forward FLOPs", extra=True, summed=True),
    Column("other", "other ops", extra=True, summed=True),
)
FIELD = (
    Column(
        *("field_min", "field/stride", "axes"),
        meaning="how many pixels of the input an element sees along each side, through the "
        "narrowest–the widest branch / how far apart neighbours see",
    ),
    Column("field_max", "field max", "axes", glue=RANGE),
    Column("stride", "stride", "axes", glue="/"),
    Column(
        "offset", "offset", "axes", meaning="the pixel in the middle of what the first element sees"
    ),
)
OPERATIONS = (
    Column("params", "params", extra=True, summed=True),
    Column("macs", "MACs", extra=True, summed=True),
    Column("flops", "FLOPs", summed=True),
    Column("other", "other ops", summed=True),
)
BYTES = Column("bytes", "memory", unit="B")
COUNT = Column("count", "count")
TEXT = Column("text", "text", "text")
HELD = Column(
    *("activation_bytes", "bytes held"),
    summed=True,
    meaning="for backward, of the output and what the layer makes; the network's input adds to it",
)
SHAPE = Column("shape", "shape", "shape")
DEPTH = Column("depth", "depth", meaning="convolutions and linear layers on the longest path")
MACS = Column("macs", "MACs", unit="MACs")
LAYERS = Column("layers", "layers", summed=True)
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    **dict.fromkeys(("block", "layer"), (NAME, WHEN, SHAPE, DEPTH, *COSTS, *FIELD, HELD)),
    "op": (replace(NAME, title="op"), WHEN, LAYERS, *COSTS, HELD),
}
"""The columns of the main table, by what a row stands for."""
SUMMARY = (
    replace(NAME, title="one image"),
    *OPERATIONS,
    *(Column(kind, kind, summed=True) for kind in OTHER_KINDS),
)


@dataclass(frozen=True)
class Measured:
    """A network with all that a report says about it, for a batch of images of one type."""

    network: Network
    batch: int = 1
    dtype: str = "float32"
    device: Device | None = None
    amp: bool = False
    """Whether training runs under autocast."""
    space: int | None = None
    """The bytes of memory there are."""

    @property
    def feed(self) -> Feed:
        """What the network is given, of which bytes are counted."""
        return Feed(self.batch, self.dtype, self.amp)

    @cached_property
    def fields(self) -> Fields:
        """What the elements of each layer see of the input."""
        return see(self.network.graph, self.network.shapes)

    @cached_property
    def memory(self) -> Memory:
        """The bytes that training and inference need."""
        net = self.network
        return weigh(net.graph, net.shapes, net.costs, self.feed)

    @cached_property
    def depths(self) -> Depths:
        """How many convolutions and linear layers lie on the longest path to each."""
        return depths(self.network.graph)

    @cached_property
    def backward(self) -> Mapping[NodeId, Gradients]:
        """The multiply-adds of each layer's gradients, for one image."""
        return backward(self.network.graph, self.network.shapes, self.network.costs)

    @cached_property
    def moved(self) -> Mapping[NodeId, int]:
        """The bytes that each layer reads and writes."""
        return moved(self.network.graph, self.network.shapes, self.batch, self.dtype)

    @cached_property
    def times(self) -> Mapping[NodeId, Times]:
        """What each layer takes on the device."""
        assert self.device is not None
        costs, device = self.network.costs, self.device
        return {id: device.times(costs[id], size, self.batch) for id, size in self.moved.items()}


class Group(NamedTuple):
    """Nodes that share a row, what they cost, and the node whose output is the row's."""

    name: str
    nodes: Sequence[Node]
    cost: NodeCost
    output: NodeId
    train_only: bool


def main_table(measured: Measured, by: str = "block", depth: int = 1) -> Table:
    """Return the report's table; `depth` is how many levels of blocks have rows of their own."""
    groups = grouped(measured.network, by, depth)
    inference = sum(not group.train_only for group in groups)
    macs = [group.cost.macs for group in groups[:inference]]
    whole = sum(macs)
    shares = [percent(part, whole) for part in macs]
    columns = COLUMNS[by]
    cells = {"share": [*shares, *[None] * (len(groups) - inference)], **_cells(measured, groups)}
    rows = list(zip(*(cells[column.key] for column in columns), strict=True))
    parts = {"inference": rows[:inference], "heads": rows[inference:], "with heads": rows}
    shown = parts if len(rows) > inference else ("inference",)
    totals = tuple(add_up(name, columns, parts[name]) for name in shown)
    return Table(f"{by}s", f"per {by}", columns, tuple(rows), totals)


def grouped(network: Network, by: str, depth: int) -> list[Group]:
    """Return the nodes of each block, layer or kind of op, those of inference first."""
    if by not in ROWS:
        raise ValueError(f"`by` is one of {', '.join(ROWS)}, found {by!r}")
    found: dict[tuple[bool, str], list[Node]] = {}
    outputs: dict[tuple[bool, str], NodeId] = {}
    for node in network.graph.nodes.values():
        place = node.id if by == "layer" else node.id[:depth]
        key = node.train_only, node.op.op_name if by == "op" else path(place)
        found.setdefault(key, []).append(node)
        use = network.graph.uses.get(place)
        outputs[key] = node.id if use is None else use.output
    groups = [
        Group(name, nodes, _cost(network, nodes), outputs[train_only, name], train_only)
        for (train_only, name), nodes in found.items()
    ]
    return sorted(groups, key=attrgetter("train_only"))


def _cost(network: Network, nodes: Sequence[Node]) -> NodeCost:
    return total(network.costs[node.id] for node in nodes)


def _cells(measured: Measured, groups: Sequence[Group]) -> dict[str, Sequence[Cell]]:
    """Return the cells of each column."""
    held, shapes, depths = measured.memory.held, measured.network.shapes, measured.depths
    fields = [measured.fields[group.output] for group in groups]
    # Most nodes have the field of another, so few are written.
    known = {key: field_cells(found) for key, found in {id(x): x for x in fields}.items()}
    return {
        "name": [group.name for group in groups],
        "when": ["train" if group.train_only else None for group in groups],
        "layers": [len(group.nodes) for group in groups],
        "shape": [shapes[group.output] for group in groups],
        "depth": [depths[group.output] for group in groups],
        "params": [group.cost.params for group in groups],
        "macs": [group.cost.macs for group in groups],
        "other": [group.cost.other for group in groups],
        "flops": [group.cost.flops for group in groups],
        **{column.key: [known[id(x)][column.key] for x in fields] for column in FIELD},
        "activation_bytes": [sum([held[node.id] for node in group.nodes]) for group in groups],
    }


def field_cells(fields: tuple[Field, ...]) -> dict[str, Cell]:
    """Return the cells of a receptive field; where it is all of the input it has no place."""
    if len(fields) > 1 and all(field is fields[0] for field in fields):
        alike = field_cells(fields[:1]).items()
        return {key: x * len(fields) if isinstance(x, tuple) else x for key, x in alike}
    whole = bool(fields) and all(field.is_whole for field in fields)
    widest = _extents([(field, field.widest) for field in fields])
    has_branches = any(field.narrowest is not field.widest for field in fields)
    return {
        "field_min": _extents([(x, x.narrowest) for x in fields]) if has_branches else widest,
        "field_max": widest,
        "stride": None if whole else tuple([_stride(field) for field in fields]) or None,
        "offset": None if whole else tuple([_offset(field) for field in fields]) or None,
    }


def _extents(pairs: list[tuple[Field, Reach]]) -> Cell:
    if pairs and all(field.covered_by(reach) for field, reach in pairs):
        return "all"
    return tuple([reach.extent for _, reach in pairs]) or None


def _stride(field: Field) -> float:
    reach = field.widest if field.widest.advance else field.narrowest
    return _quotient(reach.advance, len(reach.lows))


def _offset(field: Field) -> float:
    return _quotient(field.widest.lows[0] + field.widest.highs[0], 2)


def _quotient(numerator: int, denominator: int) -> float:
    """Return an integer where the value is one."""
    whole, rest = divmod(numerator, denominator)
    return numerator / denominator if rest else whole


def summary(measured: Measured) -> Table:
    """Return the operations of a forward pass by kind: of inference, of training-only heads."""
    nodes = measured.network.graph.nodes.values()
    parts = {
        "inference": [node for node in nodes if not node.train_only],
        "heads": [node for node in nodes if node.train_only],
    }
    rows = [(name, *_operations(measured.network, part)) for name, part in parts.items() if part]
    totals = [add_up("with heads", SUMMARY, rows)] if len(rows) > 1 else []
    return Table("totals", "totals", SUMMARY, tuple(rows), tuple(totals))


def _operations(network: Network, nodes: list[Node]) -> Row:
    cost = _cost(network, nodes)
    kinds = Counter[str]()
    for node in nodes:
        kinds[node.op.other] += network.costs[node.id].other
    others = (kinds[kind] for kind in OTHER_KINDS)
    return cost.params, cost.macs, cost.flops, cost.other, *others


def setting(measured: Measured) -> tuple[Fact, ...]:
    """Return what bytes are counted for."""
    batch = Fact("batch", "batch", COUNT, measured.batch)
    amp = [Fact("autocast", "autocast", TEXT, LOW)] if measured.amp else []
    return batch, Fact("dtype", "", TEXT, measured.dtype), *amp


def passes(measured: Measured) -> tuple[Fact, ...]:
    """Return the multiply-adds of the forward pass, of the backward one, and of both."""
    totals = measured.network.totals
    back = sum(found.macs for found in measured.backward.values())
    heads = Fact("train_macs", "with heads", MACS, totals.training.macs, True)
    return (
        Fact("macs", "forward", MACS, totals.inference.macs),
        *([heads] if totals.heads.macs else []),
        Fact("backward_macs", "backward", MACS, back),
        Fact("step_macs", "forward and backward", MACS, totals.training.macs + back),
    )


def facts(measured: Measured) -> tuple[Fact, ...]:
    """Return what is true of the network as a whole: inputs, depth, memory."""
    network, memory = measured.network, measured.memory
    inputs = network.graph.inputs.items()
    return (
        *(Fact(f"input_{path(key)}", f"input {path(key)}", SHAPE, shape) for key, shape in inputs),
        *setting(measured),
        Fact("depth", "depth", COUNT, network.totals.depth),
        Fact("depth_with_pooling", "with pooling", COUNT, network.totals.depth_with_pooling, True),
        *passes(measured),
        *(
            []
            if measured.space is None
            else [Fact("memory_bytes", "given memory", BYTES, measured.space)]
        ),
        Fact("activation_bytes", "activations held for backward", BYTES, memory.activations),
        Fact("peak_bytes", "activations of inference at most", BYTES, memory.peak),
        Fact("peak_at", "at", TEXT, path(memory.peak_at), True),
    )
