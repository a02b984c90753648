"""A paper's printed figures beside exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import prod

from netspec.analysis.costs import bias_params
from netspec.analysis.network import Network
from netspec.emit.report.printed import Claim, Number, Paper, PaperRow
from netspec.emit.report.table import Cell, Column, Row, Table, add_up
from netspec.emit.report.written import Report
from netspec.graph.model import Node, NodeId
from netspec.language.model import BlockCall
from netspec.ops.base import numbers

_PATCH, _STRIDE = Column("patch", "patch/stride", "shape"), Column("stride", "stride", glue="/")
_SIZES = tuple(Column(key, key, "shape") for key in ("input", "output"))
_COUNTS = (
    Column("kernels", "kernels"),
    Column("blocks", "blocks"),
    Column("weighted", "with weights"),
)
_SUMS = (
    Column("neurons", "neurons", summed=True),
    Column("params", "params", summed=True),
    Column("macs", "ops", summed=True),
)
_GROUPS = ((_PATCH, _STRIDE), *((column,) for column in (*_COUNTS, *_SIZES, *_SUMS)))
"""What a row may print: each group once as printed, and behind it once as it is exactly."""
_RENAMED = {"params": "weights"}
ROW = Column("row", "row", "text")
VERDICT = Column("verdict", "verdict", "text")


def _paired(groups: Iterable[Sequence[Column]]) -> Iterator[Column]:
    for group in groups:
        yield from (replace(column, key=f"printed_{column.key}") for column in group)
        for column in group:
            title = "exact MACs" if column.key == "macs" else "exact"
            yield replace(column, key=_RENAMED.get(column.key, column.key), title=title)


COLUMNS = (ROW, *_paired(_GROUPS), VERDICT)
CLAIMS = (
    Column("claim", "claim", "text"),
    Column("printed", "printed"),
    Column("exact", "exact"),
    VERDICT,
)


def paper_report(network: Network, paper: Paper) -> Report:
    """Return the paper's table row by row beside exact arithmetic, with a verdict per row."""
    rows, claims = _rows(network, paper), _claims(network, paper)
    texts = [*_reasons(paper.rows, rows), *_reasons(paper.claims, claims)]
    title = f"{network.graph.name} beside {paper.source}"
    tables = tuple(table for table in (rows, claims) if table.rows)
    return Report(title, (), tables, (_rule(rows, paper), *texts))


def _rule(rows: Table, paper: Paper) -> str:
    """Say in which units is printed, and what the verdict is."""
    counted = {
        "printed_params": f"params in units of {paper.params_units[0]:,} weights (no biases)",
        "printed_macs": f"ops in units of {paper.macs_units[0]:,} MACs",
    }
    keys = [column.key for column in rows.columns]
    units = ", ".join(text for key, text in counted.items() if key in keys)
    verdict = "Verdict: right where the exact figure rounds to the printed digits."
    return f"Printed are {units}. {verdict}" if units else verdict


def _reasons(entries: Sequence[PaperRow | Claim], table: Table) -> Iterator[str]:
    """Yield why figures are not the exact ones, where it is known."""
    for entry, row in zip(entries, table.rows, strict=True):
        if entry.why and row[-1] != "right":
            yield f"{str(row[0])[:1].upper()}{str(row[0])[1:]}: {entry.why}."


# ------------------------------------------------------------------ the table, row by row


def _rows(network: Network, paper: Paper) -> Table:
    """Return the table; a column that no row prints is left out."""
    said = {name for row in paper.rows for name in _EXACT if getattr(row, name) is not None}
    groups = [group for group in _GROUPS if said & {column.key for column in group}]
    columns = (ROW, *_paired(groups), VERDICT)
    rows = tuple(_row(network, paper, row, groups) for row in paper.rows)
    is_summed = any(column.summed for column in columns)
    totals = (add_up("sum", columns, rows),) if is_summed else ()
    return Table("paper", "row by row", columns, rows, totals)


def _row(network: Network, paper: Paper, row: PaperRow, groups: Sequence[Sequence[Column]]) -> Row:
    paths = [tuple(layer.split(".")) for layer in row.layers]
    nodes = [n for n in network.graph.nodes.values() if any(n.id[: len(p)] == p for p in paths)]
    cells: list[Cell] = [row.row]
    differing: list[str] = []
    wrong = [] if nodes else ["this spec has no such layer"]
    for group in groups:
        said: list[Cell] = [getattr(row, column.key) for column in group]
        exact = [_exact(network, nodes, *pair) for pair in zip(group, said, strict=True)]
        cells += [*said, *exact]
        for column, one, other in zip(group, said, exact, strict=True) if nodes else ():
            if one != other and not column.summed:
                differing.append("patch" if column is _PATCH else column.title)
            elif one != other and (verdict := _verdict(one, other, _units(paper, column.key))):
                wrong.append(f"{column.title} {verdict}")
    wrong += [f"differs in {', '.join(differing)}"] if differing else []
    return (*cells, ", ".join(wrong) or "right")


def _exact(network: Network, nodes: Sequence[Node], column: Column, said: Cell) -> Cell:
    return None if said is None or not nodes else _EXACT[column.key](network, nodes, said)


def _units(paper: Paper, name: str) -> Sequence[int]:
    return {"params": paper.params_units, "macs": paper.macs_units}.get(name, (1,))


def _verdict(said: Cell, exact: Cell, units: Sequence[int]) -> str:
    """Judge a printed sum in the paper's units, the usual one first; nothing if it is right."""
    assert isinstance(said, int | float) and isinstance(exact, int)
    verdicts = {unit: judge(said, Fraction(exact, unit)) for unit in units}
    for unit, verdict in verdicts.items():
        if verdict == "right":
            return "" if unit == units[0] else f"right in units of {unit:,}"
    return verdicts[units[0]]


def judge(printed: Number, exact: Fraction) -> str:
    """Return "right" for a figure rounded to its digits, "truncated", or how far it is off."""
    shown = Decimal(str(printed))
    value = Decimal(exact.numerator) / Decimal(exact.denominator)
    digit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    if shown == value.quantize(digit, ROUND_HALF_UP):
        return "right"
    if shown == value.quantize(digit, ROUND_DOWN):
        return "truncated"
    if not value:
        return "not 0, which is exact"
    percent = (shown / value - 1) * 100
    return f"{abs(percent):.1f}% too {'high' if percent > 0 else 'low'}"


# ------------------------------------------------------------------ what is exact


def _only(values: Sequence[Cell]) -> Cell:
    """Return the value that all have, or none."""
    return values[0] if len(set(values)) == 1 else None


def _kernels(network: Network, nodes: Sequence[Node]) -> list[tuple[int, ...]]:
    """Return the shapes of the layers' weights: how many, of how many channels, how large."""
    tensors = [network.tensors_of(node) for node in nodes if node.op.has_depth]
    return [numbers(found["weight"]) for found in tensors if "weight" in found]


def _patch(network: Network, nodes: Sequence[Node], said: Cell) -> Cell:
    """Return the windows' size, with their channels where these are printed too."""
    windows = [window.kernel for node in nodes if (window := node.op.window())]
    # A global pool has no window: it sees all of its input.
    size = _only(windows) if windows else network.shapes[nodes[0].inputs[0]][1:]
    if not isinstance(said, tuple) or len(said) == 2 or not isinstance(size, tuple):
        return size
    return (*size, *{shape[1] for shape in _kernels(network, nodes)})


def _stride(network: Network, nodes: Sequence[Node], said: Cell) -> Cell:
    windows = [window.stride for node in nodes if (window := node.op.window())]
    return _only([stride for strides in windows for stride in strides])


def _blocks(network: Network, nodes: Sequence[Node], said: Cell) -> Cell:
    """Return how many uses of blocks there are, those inside of others not counted."""
    return len({place for node in nodes if (place := _block(network, node.id))})


def _block(network: Network, id: NodeId) -> NodeId:
    """Return the use of a block that a node belongs to, of a stack the copy."""
    for depth in range(len(id)):
        use = network.graph.uses.get(id[:depth])
        if use and isinstance(use.layer.call, BlockCall):
            return id[: depth + (use.layer.said.repeat is not None)]
    return ()


def _size(shape: Sequence[int], said: Cell) -> Cell:
    """Return a shape in the paper's order, with as many numbers as it prints."""
    channels, *places = shape
    size = (*(places or (1, 1)), channels)
    return size[: len(said)] if isinstance(said, tuple) else size


def _neurons(network: Network, nodes: Sequence[Node]) -> int:
    return sum(prod(network.shapes[node.id]) for node in nodes if node.op.has_depth)


_EXACT: Mapping[str, Callable[[Network, Sequence[Node], Cell], Cell]] = {
    "patch": _patch,
    "stride": _stride,
    "kernels": lambda network, nodes, _: _only([x[0] for x in _kernels(network, nodes)]),
    "blocks": _blocks,
    "weighted": lambda _, nodes, __: sum(node.op.has_depth for node in nodes),
    "input": lambda network, nodes, said: _size(network.shapes[nodes[0].inputs[0]], said),
    "output": lambda network, nodes, said: _size(network.shapes[nodes[-1].id], said),
    "neurons": lambda network, nodes, _: _neurons(network, nodes),
    "params": lambda network, nodes, _: sum(
        network.costs[node.id].params - bias_params(node, network.shapes) for node in nodes
    ),
    "macs": lambda network, nodes, _: sum(network.costs[node.id].macs for node in nodes),
}


# ------------------------------------------------------------------ claims


def _claims(network: Network, paper: Paper) -> Table:
    rows = tuple(_claim(network, claim) for claim in paper.claims)
    return Table("claims", "claims", CLAIMS, rows)


def _claim(network: Network, claim: Claim) -> Row:
    totals = network.totals
    measured = {
        "depth": totals.depth,
        "depth_with_pooling": totals.depth_with_pooling,
        "neurons": _neurons(network, [*network.graph.inference()]),
        **totals.inference._asdict(),
    }[claim.measure]
    exact = Fraction(measured, claim.unit)
    if claim.fewer_than is not None:
        exact = Fraction(claim.fewer_than, measured)
    shown: Cell = int(exact) if exact.denominator == 1 else round(float(exact), 4)
    is_below = claim.below and exact < claim.printed
    return claim.claim, claim.printed, shown, "right" if is_below else judge(claim.printed, exact)
