"""Reports for programs: JSON and CSV, as `netspec schema report` describes them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii

from netspec.emit.report.table import Cell, Column, Content, Row, Table, columnwise, show, written
from netspec.text.diagnostics import escape

FORMAT = "netspec-report-1"
"""The version of the JSON; another number where a program that reads it would fail."""


def to_json(report: Content) -> str:
    """Return a report as JSON; numbers are exact, shapes are lists."""
    facts = {fact.key: fact.value for fact in report.facts}
    head = {"format": FORMAT, "title": report.title, **facts}
    parts = [_member(key, value, "  ") for key, value in head.items()]
    parts += [f'  "{table.key}": {_table(table)}' for table in (*report.tables, *report.further)]
    parts.append(_member("notes", report.remarks(), "  "))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _member(key: str, value: object, indent: str) -> str:
    text = json.dumps(value, indent=2)
    return f"{indent}{json.dumps(key)}: " + text.replace("\n", f"\n{indent}")


def _table(table: Table) -> str:
    """Write a table. A column at a time: `json` takes ten times longer for a whole table."""
    units = {column.key: column.unit for column in table.columns if column.unit}
    parts = [_member("title", table.title, "    "), _member("units", units, "    ")]
    parts.append(f'    "rows": {_objects(table, table.rows)}')
    parts.append(f'    "totals": {_objects(table, table.totals)}')
    return "{\n" + ",\n".join(parts) + "\n  }"


def _objects(table: Table, rows: Sequence[Row]) -> str:
    if not rows:
        return "[]"
    form = ",\n".join(f"        {json.dumps(column.key)}: %s" for column in table.columns)
    columns = [written(cells, _value) for cells in columnwise(table.columns, rows)]
    objects = map(form.__mod__, zip(*columns, strict=True))
    return "[\n      {\n" + "\n      },\n      {\n".join(objects) + "\n      }\n    ]"


def _value(cell: Cell) -> str:
    if cell is None:
        return "null"
    if isinstance(cell, str):
        return encode_basestring_ascii(cell)
    if isinstance(cell, tuple):
        return "[\n          " + ",\n          ".join(map(repr, cell)) + "\n        ]"
    return repr(cell)


def to_csv(report: Content) -> str:
    """Return the report's first table as CSV: a line a row, without totals, under the keys."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for table in report.tables[:1]:
        writer.writerow(column.key for column in table.columns)
        cells = columnwise(table.columns, table.rows)
        writer.writerows(zip(*map(_texts, table.columns, cells), strict=True))
    return out.getvalue()


def _texts(column: Column, cells: Sequence[Cell]) -> list[str]:
    """Return the cells of a column; numbers are exact."""

    def plain(cell: Cell) -> str:
        return str(cell) if isinstance(cell, int | float) else _safe(escape(show(column, cell)))

    return written(cells, plain)


def _safe(text: str) -> str:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
