"""A report as people and programs meet it: in a format by name, by `print`, in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netspec.emit.report.data import to_csv, to_json
from netspec.emit.report.markup import html, latex, markdown
from netspec.emit.report.plain import text
from netspec.emit.report.table import Content

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


def render(content: Content, format: str = "text") -> str:
    """Write a report in one of FORMATS; the numbers are the same in all of them."""
    return FORMATS[format](content)
