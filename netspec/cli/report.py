"""`netspec report`: count a spec's parameters and multiply-adds."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec import files
from netspec.cli.common import add_spec, compiled
from netspec.emit.report import FORMATS, ROWS, Report, find_paper, paper_report, render, report
from netspec.memory import BYTES
from netspec.network import Network


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("--by", choices=ROWS, default="block", help="what a row is")
    parser.add_argument("--depth", type=int, default=1, help="how deep blocks are opened (1)")
    parser.add_argument(
        "--paper", action="store_true", help="the paper's own table beside exact arithmetic"
    )
    parser.add_argument("--plot", metavar="OUT.svg|png", help="draw the costs; needs matplotlib")
    add_format(parser)


def add_format(parser: ArgumentParser) -> None:
    """Add what every table understands."""
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--batch", type=int, default=1, help="images, for the bytes (1)")
    parser.add_argument("--dtype", choices=tuple(BYTES), default="float32", help="for the bytes")


def run(options: Namespace) -> int:
    if options.batch < 1 or options.depth < 0:
        raise files.Failure("--batch is at least 1, --depth at least 0", files.USAGE)
    network = compiled(options)
    if options.plot:
        return _plot(network, options.plot, options.depth)
    table = (
        _paper(network)
        if options.paper
        else report(network, options.by, options.batch, options.dtype, options.depth)
    )
    sys.stdout.write(render(table, options.format))
    return 0


def _paper(network: Network) -> Report:
    found = find_paper(network.spec.name)
    if found is None:
        message = f"no table of a paper is known for {network.spec.name}"
        raise files.Failure(message, files.USAGE)
    return paper_report(network, found)


def _plot(network: Network, path: str, depth: int) -> int:
    from netspec.emit.plot import plot

    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in ("svg", "png"):
        raise files.Failure(f"cannot tell the format of {path}; name it .svg or .png", files.USAGE)
    try:
        picture = plot(network, kind, depth)
    except ImportError:
        message = "--plot needs matplotlib: pip install 'netspec[plot]'"
        raise files.Failure(message, files.ENVIRONMENT) from None
    files.write(path, picture)
    return 0
