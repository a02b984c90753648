"""`netspec schema`: print the JSON Schema for editors."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_ops
from netspec.cli.documents import add_document, deliver, document
from netspec.cli.own import own_ops
from netspec.language.schema.document import text
from netspec.ops.base import REGISTRY


def add(parser: ArgumentParser) -> None:
    add_ops(parser)
    add_document(parser)
    parser.epilog = "An editor uses it through `# yaml-language-server: $schema=FILE`."


def run(options: Namespace) -> int:
    with REGISTRY.enabled(own_ops(options)):
        deliver(options, document(options), text())
    return 0
