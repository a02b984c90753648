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
from netspec.text.rendered import WIDTH

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
    """A content that shows itself: the renderers read the content and know nothing of this."""

    def __str__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return html(self)


def render(
    content: Content, format: str = "text", table: str | None = None, width: int = WIDTH
) -> str:
    """Write a report in one of FORMATS; the numbers are the same in all of them.

    Text has at most `width` columns. With `table` only that one of its tables; CSV is always one,
    by default the first. Raises LookupError for a name that is none of its tables'.
    """
    shown = content if table is None else _only(content, table)
    return text(shown, width) if format == "text" else FORMATS[format](shown)


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
