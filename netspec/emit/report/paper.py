"""A paper's printed figures beside exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from netspec.costs import bias_params
from netspec.emit.report.table import Cell, Column, Report, Row, Table, add_up
from netspec.graph import Node
from netspec.network import Network

PAPERS = Path(__file__).parents[2] / "data" / "papers"
Number = int | float


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
    params_unit: int = Field(1, ge=1)
    macs_unit: int = Field(1, ge=1)
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
    for file in sorted(PAPERS.glob("*.yaml")):
        paper = read_paper(file.read_text(encoding="utf-8"))
        if network in paper.networks:
            return paper
    return None


def paper_report(network: Network, paper: Paper) -> Report:
    """Return the paper's table row by row beside exact arithmetic, with a verdict per row."""
    tables = (_rows(network, paper), _claims(network, paper))
    units = f"params in units of {paper.params_unit:,} weights (no biases)"
    notes = (
        f"Printed are {units}, ops in units of {paper.macs_unit:,} MACs. Verdict: right where the "
        "exact figure rounds to the printed digits.",
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
    weights = sum(_weights(network, node) for node in nodes)
    macs = sum(network.costs[node.id].macs for node in nodes)
    figures = {
        "params": (row.params, Fraction(weights, paper.params_unit)),
        "ops": (row.macs, Fraction(macs, paper.macs_unit)),
    }
    return row.row, row.params, weights, row.macs, macs, _verdict(figures)


def _weights(network: Network, node: Node) -> int:
    return network.costs[node.id].params - bias_params(node, network.shapes)


def _verdict(figures: Mapping[str, tuple[Number | None, Fraction]]) -> str:
    """Return "right", or which of the printed figures is how far from the exact one."""
    judged = {name: judge(p, exact) for name, (p, exact) in figures.items() if p is not None}
    wrong = [f"{name} {text}" for name, text in judged.items() if text != "right"]
    return ", ".join(wrong) or "right"


def judge(printed: Number, exact: Fraction) -> str:
    """Return "right" for a figure rounded to its digits, "truncated", or how far it is off."""
    shown = Decimal(str(printed))
    value = Decimal(exact.numerator) / Decimal(exact.denominator)
    digit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    if shown == value.quantize(digit, ROUND_HALF_UP):
        return "right"
    if shown == value.quantize(digit, ROUND_DOWN):
        return "truncated"
    percent = (shown / value - 1) * 100 if value else Decimal("Infinity")
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
