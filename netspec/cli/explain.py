"""`netspec explain`: say what a code means."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.exits import Exit, Failure
from netspec.cli.show import say
from netspec.text.diagnostics import suggest
from netspec.text.explain import codes, explain, title


def add(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="for example NS053; without it, all are listed")


def run(options: Namespace) -> int:
    if options.code is None:
        say("\n".join(f"{code}  {title(code)}" for code in codes()))
        return 0
    code = options.code.upper()
    try:
        say(f"{code}: {explain(code)}".rstrip())
    except KeyError:
        hint = suggest(code, codes()) or "`netspec explain` lists them"
        raise Failure(f"no code is called `{options.code}`; {hint}", Exit.USAGE) from None
    return 0
