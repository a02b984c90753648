"""`netspec check`: say what is wrong with specs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_settings, add_watch
from netspec.cli.common import diagnose, spec_files
from netspec.cli.exits import Exit
from netspec.cli.show import FORMATS, show, tell
from netspec.text.diagnostics import counted, escape
from netspec.text.files import standard_output


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "spec", nargs="+", help="spec files, or directories of *.yaml; - is standard input"
    )
    add_settings(parser)
    add_watch(parser)
    parser.add_argument("--format", choices=FORMATS, default="full", help="how to say it")


def run(options: Namespace) -> int:
    results = {path: diagnose(path, options) for path in spec_files(options, options.spec)}
    found = [item for _, items in results.values() for item in items]
    show(found, standard_output() if found else sys.stdout, options.format)
    for path, (network, _) in results.items():
        if network is not None:
            cost, layers = network.totals.inference, counted(len(network.graph.nodes), "layer")
            sums = f"{counted(cost.params, 'parameter')}, {counted(cost.macs, 'multiply-add')}"
            tell(f"{escape(path)}: {network.spec.name} is fine: {layers}, {sums}")
    return Exit.WRONG if any(network is None for network, _ in results.values()) else 0
