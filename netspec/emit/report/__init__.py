"""What a network costs, as tables that are written in several formats."""

from __future__ import annotations

from netspec.analysis.memory import RULE as MEMORY_RULE
from netspec.analysis.network import Network
from netspec.emit.report.memory import AUTOCAST, memory_table
from netspec.emit.report.paper import paper_report
from netspec.emit.report.printed import Paper, find_paper
from netspec.emit.report.rows import ROWS, Measured, facts, main_table, summary
from netspec.emit.report.work import ROOFLINE, estimate, work_table
from netspec.emit.report.written import FORMATS, Report, render

__all__ = [
    "FORMATS",
    "ROWS",
    "Measured",
    "Paper",
    "Report",
    "find_paper",
    "paper_report",
    "render",
    "report",
    "report_of",
]

RULE = (
    "Counted for one image. FLOPs = 2 × MACs; a bias adds no MAC. Forward: inference, without the "
    "heads that run only in training. Backward: the gradients of all parameters, with these heads, "
    "for images that need none. Other ops: one per element pooled, activated, joined or given a "
    "bias, and two per element normalised."
)


def report(
    network: Network, by: str = "block", batch: int = 1, dtype: str = "float32", depth: int = 1
) -> Report:
    """Return what a network costs per block (of `depth` levels), per layer or per kind of op.

    `by` is one of ROWS. Operations are for one image, bytes for a batch whose elements have a
    type in `held.BYTES`.
    """
    return report_of(Measured(network, batch, dtype), by, depth)


def report_of(measured: Measured, by: str = "block", depth: int = 1) -> Report:
    """Return what a network costs, like `report`; on a device also what it takes there at least."""
    work = work_table(measured, by, depth)
    tables = main_table(measured, by, depth), summary(measured), memory_table(measured)
    found = (*facts(measured), *estimate(measured))
    title = measured.network.graph.name
    notes = (RULE, MEMORY_RULE, *([AUTOCAST] if measured.amp else []))
    if measured.device is None:
        return Report(title, found, tables, notes, (work,))
    return Report(title, found, (*tables, work), (*notes, ROOFLINE))
