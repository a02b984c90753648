"""`netspec check`: say what is wrong with a spec."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from netspec.cli.common import WRONG, add_spec, add_watch, diagnose
from netspec.cli.show import FORMATS, show
from netspec.diagnostics import escape


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_watch(parser)
    parser.add_argument("--format", choices=FORMATS, default="full", help="how to say it")


def run(options: Namespace) -> int:
    network, items = diagnose(options.spec, options)
    show(items, sys.stdout, options.format)
    if network is None:
        return WRONG
    cost = network.totals.inference
    print(
        f"{escape(options.spec)}: {network.spec.name} is fine: {len(network.graph.nodes)} layers, "
        f"{cost.params:,} parameters, {cost.macs:,} multiply-adds",
        file=sys.stderr,
    )
    return 0
