"""`netspec check`: say what is wrong with a spec."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from netspec.cli.common import WRONG, add_spec, diagnose
from netspec.cli.show import show


def add(parser: ArgumentParser) -> None:
    add_spec(parser)


def run(options: Namespace) -> int:
    network, items = diagnose(options.spec, options)
    show(items, sys.stdout)
    if network is None:
        return WRONG
    cost = network.totals.inference
    print(
        f"{options.spec}: {network.spec.name} is fine: {len(network.graph.nodes)} layers, "
        f"{cost.params:,} parameters, {cost.macs:,} multiply-adds",
        file=sys.stderr,
    )
    return 0
