"""`netspec compare`: networks side by side, with ratios to the first."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_settings
from netspec.cli.common import compiled
from netspec.cli.report import add_format
from netspec.cli.show import say
from netspec.emit.compare import compare
from netspec.emit.report import render


def add(parser: ArgumentParser) -> None:
    parser.add_argument("specs", nargs="+", metavar="spec", help="the spec files")
    add_settings(parser)
    add_format(parser)


def run(options: Namespace) -> int:
    networks = [compiled(options, path) for path in options.specs]
    say(render(compare(networks, options.batch, options.dtype), options.format), options.format)
    return 0
