"""Documents: what a command prints, or with -o writes into a file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from typing import TYPE_CHECKING

from netspec.cli.arguments import WRITTEN, add_force, group
from netspec.cli.common import kind_of, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.show import columns, say
from netspec.text import files
from netspec.text.rendered import WIDTH

if TYPE_CHECKING:
    from netspec.emit.report import Report

KINDS = {
    "txt": "text", "md": "markdown", "csv": "csv", "json": "json", "html": "html", "tex": "latex"
}  # fmt: skip
"""The format of a report that the end of a file's name stands for."""


def add_document(parser: ArgumentParser, formats: Collection[str] = ()) -> None:
    """Add where a document goes, and in which of the formats, where there are several."""
    if formats:
        help = "how it is written, whatever the name of FILE (standard output: text)"
        group(parser, WRITTEN).add_argument("--format", choices=tuple(formats), help=help)
    help = "write it there; - is standard output, as without it"
    group(parser, WRITTEN).add_argument("-o", "--output", metavar="FILE", default="-", help=help)
    add_force(parser)


def add_printed(parser: ArgumentParser) -> None:
    """Add in which format a report is printed that can be written into a file too."""
    from netspec.emit.report import FORMATS

    help = "how it is printed (text)"
    group(parser, WRITTEN).add_argument("--format", choices=FORMATS, default="text", help=help)


def add_table(parser: ArgumentParser) -> None:
    """Add which table of a report is written."""
    help = "only this table; `totals` are the total rows, which CSV leaves out"
    group(parser, WRITTEN).add_argument("--table", metavar="NAME", help=help)


def document(options: Namespace, formats: Collection[str] = ()) -> Output:
    """Return the file that a document goes to, and of what kind it is: one of KINDS."""
    path: str = options.output
    if not formats:
        return Output(path, "txt")
    kinds = [kind for kind, format in KINDS.items() if format in formats]
    if options.format or files.is_stream(path):
        kind = next(kind for kind in kinds if KINDS[kind] == (options.format or "text"))
    else:
        kind = kind_of(path, kinds, ", or --format says it")
    return Output(path, kind)


def deliver(options: Namespace, to: Output, text: str, about: str = "") -> None:
    """Print a document, or write it into its file and tell what it is about."""
    if to.path == "-":
        say(text, KINDS.get(to.kind, "text"))
    else:
        data = f"{text.removesuffix(chr(10))}\n".encode()
        write(options, to._replace(data=data, about=about))


def width_of(path: str) -> int:
    """Return how many columns a text has that goes to a file, or is shown."""
    return (columns(sys.stdout) if files.is_stream(path) else None) or WIDTH


def rendered(content: Report, format: str, table: str | None = None, path: str = "-") -> str:
    """Return a report, or one of its tables, in a format; the path is where it goes."""
    from netspec.emit.report import render

    try:
        return render(content, format, table, width_of(path))
    except LookupError as error:
        raise Failure(str(error.args[0]), Exit.USAGE) from None
