"""`netspec profile`: where a spec's time goes, layer by layer and line by line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import WRITTEN, add_force, add_imports, add_number, add_spec, group
from netspec.cli.common import allow, compiled, kind_of, sums, write
from netspec.cli.documents import KINDS, add_printed, add_table, rendered
from netspec.cli.outputs import Output
from netspec.cli.progress import progress
from netspec.cli.running import add_weights, module, threads
from netspec.cli.show import say
from netspec.emit.profile import BY, profile_report
from netspec.runtime.profile import WARM, Way, profile

FILES = ("json", *(end for end in KINDS if end != "json"))


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_imports(parser)
    add_weights(parser)
    parser.add_argument("--by", choices=BY, default=BY[0], help="what a row is (block)")
    add_number(parser, "--depth", "how deep blocks are opened (1)", default=1, least=0)
    help = "how many threads (1)"
    parser.add_argument("--threads", type=threads, default=1, metavar="N", help=help)
    add_number(parser, "--batch", "how many images (1)", default=1)
    add_number(parser, "--rounds", "how often it is run (20)", default=20)
    add_printed(parser)
    add_table(parser)
    ends = ", ".join(f".{end}" for end in FILES)
    help = f"write it as a file too: {ends}; .json has every layer and line, for `render --time`"
    group(parser, WRITTEN).add_argument("-o", "--output", metavar="FILE", help=help)
    add_force(parser)


def run(options: Namespace) -> int:
    kind = kind_of(options.output, FILES, "") if options.output else ""
    network = compiled(options)
    model = module(network, options.weights)
    if kind:
        allow(options, Output(options.output, kind))
    way = Way(options.batch, options.threads, options.rounds)
    with progress(WARM + way.rounds) as step:
        found = profile(network, model, way, step)
    report = profile_report(found, [options.by], options.depth)
    say(rendered(report, options.format, options.table), options.format)
    if kind:
        full = profile_report(found, ["layer", "line"]) if kind == "json" else report
        data = rendered(full, KINDS[kind], path=options.output).encode()
        write(options, Output(options.output, kind, data, sums(network)))
    return 0
