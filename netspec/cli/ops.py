"""`netspec ops`: list the built-in ops, or explain one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.exits import Exit, Failure
from netspec.cli.show import say
from netspec.emit.opsdoc import listing, page
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import suggest


def add(parser: ArgumentParser) -> None:
    parser.add_argument("op", nargs="?", help="the op to explain, such as conv2d")


def run(options: Namespace) -> int:
    if options.op is None:
        say(listing())
        return 0
    if options.op not in REGISTRY:
        hint = suggest(options.op, REGISTRY) or "`netspec ops` lists them"
        raise Failure(f"no op is called `{options.op[:64]}`; {hint}", Exit.USAGE)
    say(page(REGISTRY[options.op]))
    return 0
