"""`netspec render`: draw a spec."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec import files
from netspec.cli.common import add_spec, compiled
from netspec.emit.dot import DotError, render_dot, to_dot

FORMATS = ("svg", "png", "pdf", "dot")


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("-o", "--output", required=True, help="FILE.svg, .png, .pdf or .dot")
    parser.add_argument("--depth", type=int, help="close blocks below this level")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for the dot program")


def run(options: Namespace) -> int:
    kind = Path(options.output).suffix.lstrip(".").lower()
    if kind not in FORMATS:
        wanted = ", ".join(f".{known}" for known in FORMATS)
        message = f"cannot tell the format of {options.output}; its name ends in one of {wanted}"
        raise files.Failure(message, files.USAGE)
    text = to_dot(compiled(options), options.depth)
    if kind == "dot":
        files.write(options.output, text.encode())
        return 0
    try:
        picture = render_dot(text, kind, options.timeout)
    except DotError as error:
        raise files.Failure(str(error), files.ENVIRONMENT) from None
    files.write(options.output, picture)
    return 0
