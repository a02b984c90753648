"""`netspec ops`: list the ops, built in and enabled, or explain one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_ops
from netspec.cli.documents import add_document, columns_of, deliver, document
from netspec.cli.exits import Exit, Failure
from netspec.cli.own import own_ops
from netspec.emit.opsdoc import listing, page
from netspec.language.lookup import enabling
from netspec.ops.base import REGISTRY
from netspec.ops.own import offered
from netspec.text.diagnostics import escape, suggest
from netspec.text.rendered import WIDTH


def add(parser: ArgumentParser) -> None:
    parser.add_argument("op", nargs="?", help="the op to explain, such as conv2d")
    add_ops(parser)
    add_document(parser)


def run(options: Namespace) -> int:
    to = document(options)
    columns = columns_of(to.path)
    with REGISTRY.enabled(own_ops(options)):
        if options.op is None:
            deliver(options, to, "\n".join([listing(columns), *_offered(options.ops)]))
            return 0
        if options.op not in REGISTRY:
            hint = enabling(options.op) or suggest(options.op, REGISTRY)
            hint = hint or "`netspec ops` lists them"
            raise Failure(f"no op is called `{options.op[:64]}`; {hint}", Exit.USAGE)
        deliver(options, to, page(REGISTRY[options.op], columns or WIDTH))
    return 0


def _offered(enabled: list[str]) -> list[str]:
    """Return what installed packages offer beside what the call has enabled."""
    found = [one for one in offered() if one.module not in enabled]
    lines = [f"  --ops {escape(one.module)}  (of {escape(one.package)})" for one in found]
    return ["", "installed, but not enabled:", *lines] if lines else []
