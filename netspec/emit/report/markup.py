"""Reports as Markdown and HTML; a text from a spec never becomes markup."""

from __future__ import annotations

import html as html_escapes
import re
from collections.abc import Iterable, Iterator

from netspec.emit.report.table import Content, Grid, Table, grid
from netspec.text.diagnostics import escape

_STYLE = """\
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15em 0.7em; text-align: right; }
th { border-bottom: 1px solid; }
th.left, td.left { text-align: left; }
tfoot tr:first-child td { border-top: 1px solid; }
tfoot { font-weight: bold; }"""


def markdown(report: Content) -> str:
    """Return a report as GitHub's Markdown."""
    parts = [f"# {md(report.title)}", "\n".join(f"- {md(fact)}" for fact in report.sentences())]
    parts += ["\n".join(_markdown_table(table)) for table in report.tables]
    parts += [md(note) for note in report.remarks()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_table(table: Table) -> Iterator[str]:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    texts = grid(table, md)
    yield line(texts.headings)
    yield "| " + " | ".join(":--" if left else "--:" for left in texts.left) + " |"
    yield from map(line, texts.rows)
    yield from (line(f"**{c}**" if c else "" for c in cells) for cells in texts.totals)


def md(text: str) -> str:
    """Escape what Markdown reads as markup; underscores within words are safe."""
    text = re.sub(r"[\\`*<>\[\]|~#&!]|(?<!\w)_|_(?!\w)", r"\\\g<0>", escape(text))
    return text.replace("://", ":\\//")


def html(report: Content) -> str:
    """Return a report as one HTML page without scripts."""
    title = _html(report.title)
    facts = "".join(f"<li>{_html(fact)}</li>\n" for fact in report.sentences())
    notes = "".join(f"<p>{_html(note)}</p>\n" for note in report.remarks())
    tables = "".join(_html_table(table) for table in report.tables)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<ul>\n{facts}</ul>\n{tables}{notes}</body>\n</html>\n"
    )


def _html_table(table: Table) -> str:
    texts = grid(table, _html)
    head, body, foot = (
        "".join(_html_rows(rows, texts, tag))
        for rows, tag in (([texts.headings], "th"), (texts.rows, "td"), (texts.totals, "td"))
    )
    return (
        f"<table>\n<caption>{_html(table.title)}</caption>\n<thead>\n{head}</thead>\n"
        f"<tbody>\n{body}</tbody>\n<tfoot>\n{foot}</tfoot>\n</table>\n"
    )


def _html_rows(rows: Iterable[Iterable[str]], texts: Grid, tag: str) -> Iterator[str]:
    opening = [f'<{tag} class="left">' if left else f"<{tag}>" for left in texts.left]
    form = "".join(f"{start}%s</{tag}>" for start in opening)
    return (f"<tr>{form % tuple(row)}</tr>\n" for row in rows)


def _html(text: str) -> str:
    return html_escapes.escape(escape(text))
