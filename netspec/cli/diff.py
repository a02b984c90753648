"""`netspec diff`: say what distinguishes two specs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.common import add_settings, compiled
from netspec.emit.diff import diff, render


def add(parser: ArgumentParser) -> None:
    parser.add_argument("before", help="a spec file; - is standard input")
    parser.add_argument("after", help="another spec file")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    add_settings(parser)


def run(options: Namespace) -> int:
    before, after = compiled(options, options.before), compiled(options, options.after)
    print(render(diff(before, after), options.format))
    return 0
