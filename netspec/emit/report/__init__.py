"""What a network costs, as one table that is written in several formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspec.emit.report.data import to_csv, to_json
from netspec.emit.report.plain import text
from netspec.emit.report.rows import By, Measured, facts, main_table, summary
from netspec.emit.report.table import Report
from netspec.memory import RULE as MEMORY_RULE
from netspec.network import Network

__all__ = ["FORMATS", "report"]

RULE = (
    "Counted for one image. FLOPs = 2 × MACs, and a bias adds no MAC. Other ops: 1 per element of a "
    "pooling window, 2 per normalised element, 1 per activation, bias addition or joined element."
)
FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": text,
    "csv": to_csv,
    "json": to_json,
}


def report(
    network: Network, by: By = "block", batch: int = 1, dtype: str = "float32", depth: int = 1
) -> Report:
    """Return what a network costs per block (of `depth` levels), per layer or per kind of op.

    Operations are for one image, bytes for a batch of elements of a type in `memory.BYTES`.
    """
    measured = Measured(network, batch, dtype)
    tables = (main_table(measured, by, depth), summary(measured))
    return Report(network.graph.name, facts(measured), tables, (RULE, MEMORY_RULE))


def render(content: Report, format: str) -> str:
    """Write a report in one of FORMATS."""
    return FORMATS[format](content)
