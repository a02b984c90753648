"""`netspec report`: count a spec's parameters and multiply-adds."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from netspec.analysis.layouts import Feed
from netspec.analysis.network import Network
from netspec.analysis.roofline import EXAMPLE, MEANT, Device, device
from netspec.cli.arguments import add_flag, add_number, add_spec, size
from netspec.cli.common import allow, compiled, kind_of, sums, write
from netspec.cli.documents import KINDS, add_document, add_table, deliver, document, rendered
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.emit.report import (
    FORMATS,
    ROWS,
    Measured,
    Report,
    find_paper,
    paper_report,
    report_of,
)
from netspec.ops.held import BYTES


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument("--by", choices=ROWS, default="block", help="what a row is (block)")
    add_number(parser, "--depth", "how deep blocks are opened (1)", default=1, least=0)
    add_flag(parser, "--paper", "the paper's own table beside exact arithmetic")
    parser.add_argument("--plot", metavar="OUT.svg|png", help="draw the costs; needs matplotlib")
    help = f"also a roofline estimate on a device such as {EXAMPLE}: {MEANT}"
    parser.add_argument("--device", type=_device, metavar="FLOP/s,B/s", help=help)
    add_flag(parser, "--amp", "training under torch.autocast with bfloat16, for the bytes")
    help = "also the largest batch that fits into so much memory: 80GB, 24GiB"
    parser.add_argument("--memory", type=size, metavar="SIZE", help=help)
    add_format(parser)


def add_format(parser: ArgumentParser) -> None:
    """Add what every table of costs understands."""
    add_document(parser, FORMATS)
    add_table(parser)
    add_number(parser, "--batch", "how many images, for the bytes (1)", default=1)
    help = "the type of all numbers, for the bytes (float32)"
    parser.add_argument("--dtype", choices=tuple(BYTES), default="float32", help=help)


def _device(text: str) -> Device:
    """Read an option that is a device."""
    try:
        return device(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}; `{EXAMPLE}` is {MEANT}") from None


def run(options: Namespace) -> int:
    if options.device and (options.paper or options.plot):
        raise Failure(
            "--device is for a report's own tables: without --paper and --plot", Exit.USAGE
        )
    if options.plot:
        return _plot(options)
    to = document(options, FORMATS)
    network = compiled(options)
    if options.paper:
        table = _paper(network)
    else:
        table = report_of(_measured(options, network), options.by, options.depth)
    deliver(options, to, rendered(table, KINDS[to.kind], options.table, to.path), sums(network))
    return 0


def _measured(options: Namespace, network: Network) -> Measured:
    """Return what is to be reported about a network."""
    try:
        Feed.checked(options.batch, options.dtype, options.amp)
    except ValueError as error:
        raise Failure(f"--amp: {error}", Exit.USAGE) from None
    given = (options.batch, options.dtype, options.device, options.amp, options.memory)
    return Measured(network, *given)


def _paper(network: Network) -> Report:
    found = find_paper(network.spec.name)
    if found is None:
        message = f"no table of a paper is known for {network.spec.name}"
        raise Failure(message, Exit.USAGE)
    return paper_report(network, found)


def _plot(options: Namespace) -> int:
    from netspec.emit.plot import plot
    from netspec.runtime.installed import require

    if options.paper or options.output != "-":
        raise Failure("--plot draws the costs alone: without --paper and -o", Exit.USAGE)
    kind = kind_of(options.plot, ("svg", "png"), "")
    require("--plot", ["plot"])
    network = compiled(options)
    allow(options, Output(options.plot, kind))
    data = plot(network, kind, options.by, options.depth)
    write(options, Output(options.plot, kind, data, sums(network)))
    return 0
