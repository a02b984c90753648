"""`netspec schema`: print the JSON Schema of specs, or of what netspec writes for programs."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_ops
from netspec.cli.documents import add_document, deliver, document
from netspec.cli.own import own_ops
from netspec.language.schema.document import text
from netspec.ops.base import REGISTRY

WRITTEN = ("report", "diff")


def add(parser: ArgumentParser) -> None:
    help = "of a spec, which editors read; of the JSON of reports, or of `netspec diff` (spec)"
    parser.add_argument("what", nargs="?", choices=("spec", *WRITTEN), default="spec", help=help)
    add_ops(parser)
    add_document(parser)
    parser.epilog = "An editor uses it through `# yaml-language-server: $schema=FILE`."


def run(options: Namespace) -> int:
    to = document(options)
    if options.what in WRITTEN:
        from netspec.emit.schema import SCHEMAS

        deliver(options, to, json.dumps(SCHEMAS[options.what](), indent=2))
        return 0
    with REGISTRY.enabled(own_ops(options)):
        deliver(options, to, text())
    return 0
