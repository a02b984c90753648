"""`netspec schema`: print the JSON Schema for editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from netspec.schema.document import text


def add(parser: ArgumentParser) -> None:
    parser.epilog = "An editor uses it through `# yaml-language-server: $schema=FILE`."


def run(options: Namespace) -> int:
    sys.stdout.write(text())
    return 0
