"""What a network costs, as tables that are written in several formats."""

from __future__ import annotations

from netspec.analysis.memory import RULE as MEMORY_RULE
from netspec.analysis.network import Network
from netspec.emit.report.paper import paper_report
from netspec.emit.report.printed import Paper, find_paper
from netspec.emit.report.rows import ROWS, Measured, facts, main_table, summary
from netspec.emit.report.written import FORMATS, Report, render

__all__ = ["FORMATS", "ROWS", "Paper", "Report", "find_paper", "paper_report", "render", "report"]

RULE = (
    "Counted for one image. FLOPs = 2 × MACs; a bias adds no MAC. Other ops: one per element "
    "pooled, activated, joined or given a bias, and two per element normalised."
)


def report(
    network: Network, by: str = "block", batch: int = 1, dtype: str = "float32", depth: int = 1
) -> Report:
    """Return what a network costs per block (of `depth` levels), per layer or per kind of op.

    `by` is one of ROWS. Operations are for one image, bytes for a batch whose elements have a
    type in `memory.BYTES`.
    """
    measured = Measured(network, batch, dtype)
    tables = (main_table(measured, by, depth), summary(measured))
    return Report(network.graph.name, facts(measured), tables, (RULE, MEMORY_RULE))
