"""`netspec report`: count a spec's parameters and multiply-adds."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.common import add_spec, compiled
from netspec.emit.report import render, report


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("--by", choices=("block", "layer", "op"), default="block")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: Namespace) -> int:
    print(render(report(compiled(options), by=options.by), options.format))
    return 0
