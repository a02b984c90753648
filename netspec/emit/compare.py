"""Networks side by side, with their ratios to the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.analysis.network import Network
from netspec.analysis.receptive import Field
from netspec.emit.report import Report
from netspec.emit.report.rows import DEPTH, FIELD, Measured, field_cells, setting
from netspec.emit.report.table import Cell, Column, Table
from netspec.graph.model import path

_COMPARED = {"params": "parameters", "macs": "multiply-adds", "peak_bytes": "bytes at the peak"}
_RULE = "MACs of the forward pass of one image; peak bytes of the inference of a batch."

COLUMNS = (
    Column("name", "network", "text"),
    Column("input", "input", "shape"),
    Column("params", "params"),
    Column(
        "params_ratio", "× first", meaning="the number before it over that of the first network"
    ),
    Column("macs", "MACs"),
    Column("macs_ratio", "× first"),
    replace(DEPTH, meaning=f"{DEPTH.meaning} / counting pooling layers too"),
    Column("depth_with_pooling", "with pooling", glue="/"),
    Column("peak_bytes", "peak bytes"),
    Column("peak_bytes_ratio", "× first", extra=True),
    Column("peak_at", "peak at", "text", extra=True),
    *FIELD[:3],
)


def compare(networks: Sequence[Network], batch: int = 1, dtype: str = "float32") -> Report:
    """Return the networks' inference side by side; each ratio is to the first network's value.

    The receptive field is that of the last feature map before its positions merge.
    """
    measured = [Measured(network, batch, dtype) for network in networks]
    numbers = [_numbers(item) for item in measured]
    rows = []
    for item, values in zip(measured, numbers, strict=True):
        graph = item.network.graph
        cells: dict[str, Cell] = {
            "name": graph.name,
            "input": next(iter(graph.inputs.values())),
            "peak_at": path(item.memory.peak_at),
            **field_cells(_last_map(item)),
            **values,
            **{f"{key}_ratio": _ratio(values[key], numbers[0][key]) for key in _COMPARED},
        }
        rows.append(tuple(cells[column.key] for column in COLUMNS))
    names = [item.network.graph.name for item in measured]
    notes = [_in_words(names, numbers, i) for i in range(1, len(names))]
    table = Table("networks", "side by side", COLUMNS, tuple(rows))
    return Report(", ".join(names), setting(measured[0]), (table,), (*notes, _RULE))


def _numbers(measured: Measured) -> dict[str, int]:
    totals, memory = measured.network.totals, measured.memory
    return {
        "params": totals.inference.params,
        "macs": totals.inference.macs,
        "depth": totals.depth,
        "depth_with_pooling": totals.depth_with_pooling,
        "peak_bytes": memory.peak,
    }


def _last_map(measured: Measured) -> tuple[Field, ...]:
    """Return the field of the last node in inference whose elements still see different places."""
    for node in reversed(list(measured.network.graph.inference())):
        fields = measured.fields[node.id]
        if any(field.count > 1 and not field.is_whole for field in fields):
            return fields
    return ()


def _ratio(value: int, first: int) -> float | None:
    """Return a ratio to three significant digits."""
    return float(f"{value / first:.3g}") if first else None


def _in_words(names: Sequence[str], numbers: Sequence[dict[str, int]], i: int) -> str:
    """Return a sentence: "Compared with AlexNet, GoogLeNet has 8.71 times fewer parameters …"."""
    *words, last = [
        _difference(numbers[i][key], numbers[0][key], what) for key, what in _COMPARED.items()
    ]
    return f"Compared with {names[0]}, {names[i]} has {', '.join(words)} and {last}."


def _difference(value: int, first: int, what: str) -> str:
    """Say how a number differs from the first one; percent below twice or half of it."""
    if value == first or not value or not first:
        return f"{'as many' if value == first else value or 'no'} {what}"
    more, ratio = value > first, max(value, first) / min(value, first)
    if ratio >= 2:
        return f"{ratio:.3g} times {'the' if more else 'fewer'} {what}"
    percent = round(100 * abs(value - first) / first)
    return (
        f"{percent}% {'more' if more else 'fewer'} {what}" if percent else f"about as many {what}"
    )
