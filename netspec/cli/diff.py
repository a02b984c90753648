"""`netspec diff`: say what distinguishes two specs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_settings
from netspec.cli.common import compiled
from netspec.cli.show import say
from netspec.emit.diff import diff, render


def add(parser: ArgumentParser) -> None:
    parser.add_argument("before", help="a spec file; - is standard input")
    parser.add_argument("after", help="another spec file")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    add_settings(parser)


def run(options: Namespace) -> int:
    before, after = compiled(options, options.before), compiled(options, options.after)
    say(render(diff(before, after), options.format))
    return 0
