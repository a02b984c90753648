"""`netspec diff`: say what distinguishes two specs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import SPEC, add_settings
from netspec.cli.common import compiled
from netspec.cli.documents import KINDS, add_document, deliver, document
from netspec.emit.diff import FORMATS, diff, render


def add(parser: ArgumentParser) -> None:
    parser.add_argument("before", help=SPEC)
    parser.add_argument("after", help="another one")
    add_document(parser, FORMATS)
    add_settings(parser)


def run(options: Namespace) -> int:
    to = document(options, FORMATS)
    before, after = compiled(options, options.before), compiled(options, options.after)
    about = f"{before.spec.name} and {after.spec.name}"
    deliver(options, to, render(diff(before, after), KINDS[to.kind]), about)
    return 0
