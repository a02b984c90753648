"""`netspec weights`: write a checkpoint with the names of a spec."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.cli.arguments import add_output, add_spec
from netspec.cli.common import allow, compiled, kind_of, stamps_of, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import working
from netspec.cli.running import WEIGHTS, python_module, reading
from netspec.cli.show import tell, warn
from netspec.language.project import stamp
from netspec.runtime.match import Match
from netspec.text.diagnostics import counted, escape

if TYPE_CHECKING:
    from torch import Tensor


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("file", help="a state_dict: .pt, .pth, .safetensors")
    add_output(parser, "the state_dict to write, with the spec's keys")
    parser.add_argument(
        "--match", choices=("key", "structure"),
        help="how tensors find their place (by key if all agree, else by structure)",
    )  # fmt: skip
    parser.add_argument(
        "--like", metavar="torch:PACKAGE.MODULE:FACTORY(ARGUMENTS)",
        help="the module that FILE was saved from, whose Python it runs: match by its graph, and "
        "compare what both compute",
    )  # fmt: skip


def run(options: Namespace) -> int:
    kind = kind_of(options.output, WEIGHTS, "")
    allow(options, Output(options.output, kind))
    network = compiled(options)
    from netspec.runtime.installed import require
    from netspec.runtime.weights import matching, read, refusals, written

    require("reading weights", ["torch"])
    stamps_of(options)[options.file] = stamp(options.file)
    own = network.tensors()
    with reading(options.file), working(f"matching {options.file}"):
        given = read(options.file)
        if options.like:
            found = _like(options, network, given)
        else:
            found = matching(own, given, options.file, options.match)
    if not found.keys:
        message = f"{options.file} has no tensor of {network.spec.name}"
        raise Failure(message, Exit.WRONG)
    for line in lines(found):
        tell(escape(line))
    fitting = {key: given[other] for key, other in found.keys.items()}
    for key, reason in refusals(own, fitting).items():
        warn(f"left out {escape(key)}: {escape(reason)}")
        fitting.pop(key, None)
    about = f"{counted(len(fitting), 'tensor')} of {network.spec.name}"
    write(options, Output(options.output, kind, written(fitting, kind), about))
    return 0


def _like(options: Namespace, network: Network, given: Mapping[str, Tensor]) -> Match:
    """Match by the graph of the module that the file was saved from, and run both.

    Raises MatchError where the graphs differ, or what the two compute.
    """
    from netspec.importer.torch import import_module
    from netspec.runtime.graphs import match_graphs, refuse_differing
    from netspec.runtime.module import forms, samples

    _, model = python_module(options.like)
    if problems := model.load_state_dict(dict(given), strict=False).missing_keys:
        message = f"{options.file} is no checkpoint of {options.like}: it lacks {problems[0]}"
        raise Failure(message, Exit.WRONG)
    inputs = samples(forms(network), 2)
    found = match_graphs(network, import_module(model, inputs, None, ""))
    refuse_differing(network, model, found, inputs)
    return found


def lines(found: Match) -> Iterator[str]:
    """Say which layer of a file is which, and what only order decides."""
    from netspec.runtime.weights import told_apart

    pairs = {
        ours.rpartition(".")[0]: other.rpartition(".")[0] for ours, other in found.keys.items()
    }
    yield f"{counted(len(found.keys), 'tensor')} matched"
    yield from (f"{ours} ← {other}" for ours, other in pairs.items() if ours != other)
    yield from map(told_apart, found.by_order)
