"""`netspec compare`: networks side by side, with ratios to the first."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import SPEC, add_settings
from netspec.cli.common import compiled
from netspec.cli.documents import KINDS, deliver, document, rendered
from netspec.cli.report import add_format
from netspec.emit.compare import compare
from netspec.emit.report import FORMATS
from netspec.text.diagnostics import counted


def add(parser: ArgumentParser) -> None:
    parser.add_argument("specs", nargs="+", metavar="spec", help=SPEC)
    add_settings(parser)
    add_format(parser)


def run(options: Namespace) -> int:
    to = document(options, FORMATS)
    networks = [compiled(options, path) for path in options.specs]
    table = compare(networks, options.batch, options.dtype)
    about = counted(len(networks), "network")
    deliver(options, to, rendered(table, KINDS[to.kind], options.table, to.path), about)
    return 0
