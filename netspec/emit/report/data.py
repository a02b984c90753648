"""Reports for programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from netspec.diagnostics import escape
from netspec.emit.report.table import Cell, Report, Row, Table, show


def to_json(report: Report) -> str:
    """Return a report as JSON; numbers are exact, shapes are lists."""
    content = {
        "title": report.title,
        **{fact.key: fact.value for fact in report.facts},
        **{table.key: _table(table) for table in report.tables},
        "notes": report.notes,
    }
    return json.dumps(content, indent=2) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "units": {column.key: column.unit for column in table.columns if column.unit},
        "rows": [_object(table, row) for row in table.rows],
        "totals": [_object(table, row) for row in table.totals],
    }


def _object(table: Table, row: Row) -> dict[str, Cell]:
    return {column.key: cell for column, cell in zip(table.columns, row, strict=True)}


def to_csv(report: Report) -> str:
    """Return the report's tables as CSV, the first one first, an empty line between them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for i, table in enumerate(report.tables):
        if i:
            out.write("\n")
        writer.writerow(_heading(column.key, column.unit) for column in table.columns)
        for row in (*table.rows, *table.totals):
            writer.writerow(_safe(_plain(table, j, cell)) for j, cell in enumerate(row))
    return out.getvalue()


def _heading(key: str, unit: str) -> str:
    return f"{key} ({unit})" if unit and unit.casefold() not in key else key


def _plain(table: Table, index: int, cell: Cell) -> str:
    if isinstance(cell, int | float):
        return str(cell)
    return escape(show(table.columns[index], cell))


def _safe(text: str) -> str:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
