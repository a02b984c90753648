"""`netspec explain`: say what a code means."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.documents import add_document, columns_of, deliver, document
from netspec.cli.exits import Exit, Failure
from netspec.text.diagnostics import suggest
from netspec.text.explain import codes, explain, flowed, title
from netspec.text.rendered import WIDTH


def add(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="for example NS053; without it, all are listed")
    add_document(parser)


def run(options: Namespace) -> int:
    to = document(options)
    if options.code is None:
        deliver(options, to, "\n".join(f"{code}  {title(code)}" for code in codes()))
        return 0
    code = options.code.upper()
    try:
        text = flowed(f"{code}: {explain(code)}".rstrip(), columns_of(to.path) or WIDTH)
    except KeyError:
        hint = suggest(code, codes()) or "`netspec explain` lists them"
        raise Failure(f"no code is called `{options.code}`; {hint}", Exit.USAGE) from None
    deliver(options, to, text)
    return 0
