"""A paper's printed figures beside exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from netspec.analysis.costs import bias_params
from netspec.analysis.network import Network
from netspec.emit.report.table import Cell, Column, Row, Table, add_up
from netspec.emit.report.written import Report

PAPERS = Path(__file__).parents[2] / "data" / "papers"
Number = int | float
Units = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PaperRow(_Entry):
    """A row of the paper's table, and the layers of the spec that it is about."""

    row: str
    layers: tuple[str, ...]
    params: Number | None = None
    macs: Number | None = None


class Claim(_Entry):
    """A figure about the network as a whole, in units or as a ratio to another network's."""

    claim: str
    measure: Literal["depth", "depth_with_pooling", "params", "macs"]
    printed: Number
    unit: int = Field(1, ge=1)
    fewer_than: int | None = None


class Paper(_Entry):
    """What a paper prints about a network. `params` count weights without biases."""

    source: str
    networks: tuple[str, ...]
    params_units: Units = (1,)
    macs_units: Units = (1,)
    rows: tuple[PaperRow, ...] = ()
    claims: tuple[Claim, ...] = ()


def read_paper(text: str) -> Paper:
    """Read a paper's data file. Raises ValueError for one that does not follow the model above."""
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    return Paper.model_validate(content)


def find_paper(network: str) -> Paper | None:
    """Return the paper that netspec has about a network of this name."""
    papers = (read_paper(x.read_text(encoding="utf-8")) for x in sorted(PAPERS.glob("*.yaml")))
    return next((paper for paper in papers if network in paper.networks), None)


def paper_report(network: Network, paper: Paper) -> Report:
    """Return the paper's table row by row beside exact arithmetic, with a verdict per row."""
    tables = (_rows(network, paper), _claims(network, paper))
    units = f"params in units of {paper.params_units[0]:,} weights (no biases)"
    notes = (
        f"Printed are {units}, ops in units of {paper.macs_units[0]:,} MACs. Verdict: right where "
        "the exact figure rounds to the printed digits.",
    )
    title = f"{network.graph.name} beside {paper.source}"
    return Report(title, (), tuple(table for table in tables if table.rows), notes)


def _rows(network: Network, paper: Paper) -> Table:
    columns = (
        Column("row", "row", "text"),
        Column("printed_params", "params", summed=True),
        Column("weights", "exact", summed=True),
        Column("printed_macs", "ops", summed=True),
        Column("macs", "exact MACs", summed=True),
        Column("verdict", "verdict", "text"),
    )
    rows = [_row(network, paper, row) for row in paper.rows]
    return Table("paper", "row by row", columns, tuple(rows), (add_up("sum", columns, rows),))


def _row(network: Network, paper: Paper, row: PaperRow) -> Row:
    paths = [tuple(layer.split(".")) for layer in row.layers]
    nodes = [n for n in network.graph.nodes.values() if any(n.id[: len(p)] == p for p in paths)]
    if not nodes:
        return (row.row, row.params, None, row.macs, None, "this spec has no such layer")
    costs = [network.costs[node.id] for node in nodes]
    weights = sum(x.params for x in costs) - sum(bias_params(n, network.shapes) for n in nodes)
    macs = sum(cost.macs for cost in costs)
    judged = {
        "params": _judge_in(row.params, weights, paper.params_units),
        "ops": _judge_in(row.macs, macs, paper.macs_units),
    }
    wrong = [f"{name} {verdict}" for name, verdict in judged.items() if verdict != "right"]
    return row.row, row.params, weights, row.macs, macs, ", ".join(wrong) or "right"


def _judge_in(printed: Number | None, exact: int, units: Sequence[int]) -> str:
    """Judge a printed figure in the paper's units, the usual one first."""
    if printed is None:
        return "right"
    verdicts = {unit: judge(printed, Fraction(exact, unit)) for unit in units}
    for unit, verdict in verdicts.items():
        if verdict == "right":
            return "right" if unit == units[0] else f"right in units of {unit:,}"
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


def _claims(network: Network, paper: Paper) -> Table:
    columns = (
        Column("claim", "claim", "text"),
        Column("printed", "printed"),
        Column("exact", "exact"),
        Column("verdict", "verdict", "text"),
    )
    rows = tuple(_claim(network, claim) for claim in paper.claims)
    return Table("claims", "claims", columns, rows)


def _claim(network: Network, claim: Claim) -> Row:
    totals = network.totals
    depth = {"depth": totals.depth, "depth_with_pooling": totals.depth_with_pooling}
    measured = {**depth, **totals.inference._asdict()}[claim.measure]
    exact = Fraction(measured, claim.unit)
    if claim.fewer_than is not None:
        exact = Fraction(claim.fewer_than, measured)
    shown: Cell = int(exact) if exact.denominator == 1 else round(float(exact), 4)
    return claim.claim, claim.printed, shown, judge(claim.printed, exact)
