"""`netspec list`: the specs that come with netspec, or the text of one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.api import load
from netspec.cli.documents import KINDS, add_document, deliver, document, rendered
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import progress
from netspec.emit.report import FORMATS
from netspec.emit.zoo import spec_list
from netspec.language import shipped
from netspec.text.diagnostics import counted, suggest

_SCHEMA = "# yaml-language-server: "
"""Begins the comment that leads to the schema, from where the spec is written."""


def add(parser: ArgumentParser) -> None:
    help = "print the text of this one, a variant with what it extends as one file"
    parser.add_argument("spec", nargs="?", metavar="NAME", help=help)
    add_document(parser, FORMATS)


def run(options: Namespace) -> int:
    if options.spec is not None:
        return _copy(options)
    to, names, networks = document(options, FORMATS), shipped.names(), {}
    with progress(len(names)) as step:
        for name in names:
            networks[name] = load(shipped.file_of(name)).network
            step(name)
    table = rendered(spec_list(networks), KINDS[to.kind], path=to.path)
    deliver(options, to, table, counted(len(names), "spec"))
    return Exit.FINE


def _copy(options: Namespace) -> int:
    if options.format:
        raise Failure("--format is for the list; a spec is YAML", Exit.USAGE)
    if options.spec not in shipped.names():
        hint = suggest(options.spec, shipped.names()) or "`netspec list` shows them"
        raise Failure(f"no shipped spec is called `{options.spec[:64]}`; {hint}", Exit.USAGE)
    text = load(shipped.file_of(options.spec)).to_yaml()
    if text.startswith(_SCHEMA):
        text = text.partition("\n")[2]
    deliver(options, Output(options.output, "yaml"), text)
    return Exit.FINE
