"""The JSON Schemas of what netspec writes for programs: its reports, and differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netspec.emit import bench, compare, diff, points, profile, zoo
from netspec.emit.report import data, memory, paper, rows, work
from netspec.emit.report.table import Column

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_PAPER = "report --paper"
_TABLES: Sequence[tuple[str, str, Sequence[Column]]] = (
    *((f"{by}s", "report", columns) for by, columns in rows.COLUMNS.items()),
    ("totals", "report", rows.SUMMARY),
    ("memory", "report", (*memory.COLUMNS, memory.BATCH)),
    ("work", "report", (rows.NAME, rows.WHEN, *work.WORK, *work.TIME)),
    ("paper", _PAPER, paper.COLUMNS),
    ("claims", _PAPER, paper.CLAIMS),
    ("networks", "compare", compare.COLUMNS),
    ("specs", "list", zoo.COLUMNS),
    *((f"{by}s", "profile", (*profile.COLUMNS, profile.TEXT)) for by in profile.BY),
    ("measurements", "bench", bench.COLUMNS),
    ("limits", "bench", bench.LIMITS),
    ("points", "sweep and fit", (*points.NUMBERS, *points.REASONS, points.VERDICT)),
)
"""The tables: the key, the command that writes it, and the columns that it may have."""
_CELLS: Mapping[str, Schema] = {
    "text": {"type": ["string", "null"]},
    "number": {"type": ["number", "null"]},
    "percent": {"type": ["number", "null"], "description": "in percent"},
    "shape": {"type": ["array", "null"], "items": {"type": "integer"}},
    "axes": {
        "anyOf": [
            {"type": ["array", "null"], "items": {"type": "number"}},
            {"const": "all", "description": "the whole input"},
        ]
    },
}
"""What a cell of each kind may be; null is one that has no value."""
_BYTES = "in bytes, for the batch and the type of the report"
_SEEN = "in pixels of the input, a number a dimension"
_MEANINGS = {
    "name": "what the row is of",
    "when": "train: only in training",
    "layers": "how many layers",
    "shape": "of the output, channels first, without the batch",
    "depth": "convolutions and linear layers on the longest path to its output",
    "depth_with_pooling": "the same with pooling layers",
    "params": "how many learned numbers",
    "macs": "how many multiply-adds of the forward pass, for one image",
    "share": "of the multiply-adds of inference, in percent",
    "flops": "how many floating-point operations of these: two a multiply-add, for one image",
    "other": "how many operations that are no multiply-adds, for one image",
    "pooling": "elements pooled, for one image",
    "normalising": "operations of normalisations, two an element, for one image",
    "activation": "elements activated, for one image",
    "bias": "elements given a bias, for one image",
    "joining": "elements joined by arithmetic, for one image",
    "field_min": f"what an element sees through the narrowest branch, {_SEEN}",
    "field_max": f"what an element sees through the widest branch, {_SEEN}",
    "stride": f"how far apart neighbours see, {_SEEN}",
    "offset": f"the middle of what the first element sees, {_SEEN}",
    "activation_bytes": f"what training holds of it for backward, {_BYTES}",
    "peak_bytes": f"the most activations that inference holds at once, {_BYTES}",
    "peak_at": "the layer where that is",
    "input": "the shape of the first input; of a paper height, width, channels",
    "authors": "of the paper that it is from",
    "year": "of the paper",
    "title": "of the paper",
    "line": "the number of the line in the file",
    "milliseconds": "the time of a call, in milliseconds",
    "low": "the lower quartile of the times, in milliseconds",
    "high": "the upper quartile of the times, in milliseconds",
    "gflops": "in 10^9 floating-point operations a second",
    "gigabytes": "in 10^9 bytes a second",
    "on_front": "whether no other point is better: true and false, or *",
}
"""What columns hold, and in which unit, that their headings for people do not say."""


def report_schema() -> Schema:
    """Return the schema of a report, whichever command writes it."""
    tables: dict[str, list[Schema]] = {}
    for key, command, columns in _TABLES:
        tables.setdefault(key, []).append(_table(key, command, columns))
    head = _closed(
        format={"const": data.FORMAT},
        title={"type": "string"},
        notes={"type": "array", "items": {"type": "string"}},
    )
    head["properties"] |= {key: {"anyOf": found} for key, found in tables.items()}
    return {
        "$schema": _DRAFT,
        "title": data.FORMAT,
        "description": "Tables, the rules by which was counted (notes), and facts about the whole",
        **head,
        "additionalProperties": {"anyOf": [*map(_cell, _CELLS)]},
        "definitions": dict(_CELLS),
    }


def _cell(kind: str) -> Schema:
    return {"$ref": f"#/definitions/{kind}"}


def _table(key: str, command: str, columns: Sequence[Column]) -> Schema:
    """Return the schema of a table; of the points of a sweep, each parameter is a column too."""
    row = {
        "type": "object",
        "minProperties": 1,
        "properties": {column.key: _column(column, command) for column in columns},
        "additionalProperties": {"anyOf": [_cell("text"), _cell("number")]}
        if key == "points"
        else False,
    }
    listed = {"type": "array", "items": row}
    units = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "description": f"of netspec {command}",
        **_closed(title={"type": "string"}, units=units, rows=listed, totals=listed),
    }


def _column(column: Column, command: str) -> Schema:
    said = column.meaning or _MEANINGS.get(column.key) or column.heading
    if command == _PAPER:
        key = column.key.removeprefix("printed_")
        said = key if key == column.key else f"{key}, as the paper prints it"
    return {"description": said, "allOf": [_cell(column.kind)]}


def _closed(**properties: Schema) -> Schema:
    """Return an object that has these members, all of them, and no other."""
    return {
        "type": "object",
        "required": [*properties],
        "properties": properties,
        "additionalProperties": False,
    }


def diff_schema() -> Schema:
    """Return the schema of what distinguishes two networks."""
    text = {"type": "string"}
    pair = {"type": "array", "items": text, "minItems": 2, "maxItems": 2}
    pairs = {"type": "object", "additionalProperties": pair}
    changes = {"type": "object", "additionalProperties": text}
    marks = dict.fromkeys(diff.MARKS, changes)
    counts = {key: {"type": "integer", "description": what} for key, what in diff.NAMES.items()}
    side = _closed(name=text, file=text, **counts)
    return {
        "$schema": _DRAFT,
        "title": diff.FORMAT,
        "description": "What distinguishes two networks; pairs are before and after",
        **_closed(
            format={"const": diff.FORMAT},
            before=side,
            after=side,
            params=pairs,
            inputs=pairs,
            outputs=pairs,
            layers=_closed(**marks),
            weights=_closed(**marks, kept={"type": "integer", "description": "still load"}),
        ),
    }


SCHEMAS: Mapping[str, Callable[[], Schema]] = {"report": report_schema, "diff": diff_schema}
