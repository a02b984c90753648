"""`netspec schema`: print the JSON Schema for editors."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.show import say
from netspec.language.schema.document import text


def add(parser: ArgumentParser) -> None:
    parser.epilog = "An editor uses it through `# yaml-language-server: $schema=FILE`."


def run(options: Namespace) -> int:
    say(text())
    return 0
