"""A report as people and programs meet it: in a format by name, by `print`, in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from netspec.emit.report.data import to_csv, to_json
from netspec.emit.report.markup import html, markdown
from netspec.emit.report.plain import text
from netspec.emit.report.table import Content, Table
from netspec.emit.report.tex import latex
from netspec.text.diagnostics import escape, suggest

FORMATS: Mapping[str, Callable[[Content], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": to_csv,
    "json": to_json,
    "html": html,
    "latex": latex,
}


@dataclass(frozen=True, slots=True)
class Report(Content):
    """What was counted, as tables: `str()` is its text, and a notebook shows it as HTML.

    `facts` are about the whole, `tables` are those that are shown, `further` those for programs,
    `notes` the rules by which all was counted. A table's columns name their units.
    """

    def render(self, format: str = "text", table: str | None = None) -> str:
        """Return it in one of the formats, with the same numbers in all of them.

        These are "text", "markdown", "csv", "json", "html" and "latex". With `table`, such as
        "totals", only that one of its tables; CSV is always one, by default the first.
        Raises ValueError for a format, and LookupError for a table, that there is not.
        """
        return render(self, format, table)

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        keys = ", ".join(table.key for table in self.tables)
        return f"<Report: {self.title}; {keys}>"

    def _repr_html_(self) -> str:
        return html(self)


def render(
    content: Content, format: str = "text", table: str | None = None, columns: int | None = None
) -> str:
    """Write a report in one of FORMATS; the numbers are the same in all of them.

    Text has at most so many `columns`, if they are known. With `table` only that one of its
    tables; CSV is always one, by default the first. Raises LookupError for a name that is none of
    its tables', ValueError for one that is no format's.
    """
    if format not in FORMATS:
        raise ValueError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    shown = content if table is None else _only(content, table)
    return text(shown, columns) if format == "text" else FORMATS[format](shown)


def _only(content: Content, name: str) -> Content:
    tables = _choices(content)
    if name not in tables:
        hint = suggest(name, tables) or f"its tables are {', '.join(tables)}"
        raise LookupError(f"no table of the report is called `{escape(name[:40])}`; {hint}")
    return replace(content, tables=(tables[name],), further=())


def _choices(content: Content) -> dict[str, Table]:
    """Return the tables by name; of `totals` each row is one, and no row is set apart."""
    tables = {table.key: table for table in (*content.tables, *content.further)}
    summed = [tables["totals"]] if "totals" in tables else [*tables.values()]
    for table in summed:
        own = table.rows if table.key == "totals" else ()
        if table.totals:
            rows = (*own, *table.totals)
            tables["totals"] = replace(table, key="totals", title="totals", rows=rows, totals=())
            break
    return tables
