"""`netspec weights`: write a checkpoint with the names of a spec."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from netspec.cli.arguments import add_output, add_spec
from netspec.cli.common import compiled, kind_of, stamps_of, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.running import reading
from netspec.cli.show import tell
from netspec.language.project import stamp
from netspec.runtime.match import Match
from netspec.text.diagnostics import counted, escape

KINDS = ("pt", "pth", "safetensors")


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("file", help="a state_dict: .pt, .pth, .safetensors")
    add_output(parser, "the state_dict to write, with the spec's keys")
    parser.add_argument(
        "--match", choices=("key", "structure"),
        help="how tensors find their place (by key if all agree, else by structure)",
    )  # fmt: skip


def run(options: Namespace) -> int:
    kind = kind_of(options.output, KINDS, "")
    network = compiled(options)
    from netspec.runtime.installed import require
    from netspec.runtime.weights import matching, read, refusals, written

    require("reading weights", ["torch"])
    stamps_of(options)[options.file] = stamp(options.file)
    own = network.tensors()
    with reading(options.file):
        given = read(options.file)
        found = matching(own, given, options.file, options.match)
    if not found.keys:
        message = f"{options.file} has no tensor of {network.spec.name}"
        raise Failure(message, Exit.WRONG)
    for line in lines(found):
        tell(f"netspec: {escape(line)}")
    fitting = {key: given[other] for key, other in found.keys.items()}
    for key, reason in refusals(own, fitting).items():
        tell(f"netspec: left out {escape(key)}: {escape(reason)}")
        fitting.pop(key, None)
    write(options, Output(options.output, kind, written(fitting, kind)))
    return 0


def lines(found: Match) -> Iterator[str]:
    """Say which layer of a file is which, and what only order decides."""
    from netspec.runtime.weights import told_apart

    pairs = {
        ours.rpartition(".")[0]: other.rpartition(".")[0] for ours, other in found.keys.items()
    }
    yield f"{counted(len(found.keys), 'tensor')} matched"
    yield from (f"{ours} ← {other}" for ours, other in pairs.items() if ours != other)
    yield from map(told_apart, found.by_order)
