"""`netspec lsp`: a language server for editors, on standard input and output."""

from __future__ import annotations

import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from typing import BinaryIO

from netspec.cli.arguments import add_ops
from netspec.cli.exits import Exit, Failure
from netspec.cli.own import ops_for, own_ops
from netspec.version import SITE


def add(parser: ArgumentParser) -> None:
    add_ops(parser)
    parser.add_argument("--stdio", action="store_true", help="as editors say; it is always so")
    parser.epilog = f"An editor starts it: {SITE}howto/editors/ has the settings."


def run(options: Namespace) -> int:
    from netspec.runtime.installed import require

    require("the language server", ["lsp"])
    if sys.stdin is None or sys.stdin.isatty():
        raise Failure(f"an editor starts `netspec lsp`; {SITE}howto/editors/ says how", Exit.USAGE)
    output = _own_output()
    own_ops(options)  # a module that is not there is told before the editor waits for an answer
    from netspec.server.files import read
    from netspec.server.lsp import Session
    from netspec.server.stdio import serve

    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # the client is told all of it

    # Not `sys.stdin`, whose lock a thread that still reads would keep beyond the end.
    stdin = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115
    return serve(stdin, output, lambda send: Session(send, read, partial(ops_for, options)))


def _own_output() -> BinaryIO:
    """Return standard output, and let what others print go to standard error."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream
