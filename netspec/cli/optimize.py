"""`netspec optimize`: write a spec that computes the same in inference, in less time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.cli.arguments import add_output, add_spec
from netspec.cli.common import allow, compiled, stamps_of, sums, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import working
from netspec.cli.running import reading, refuse_absent
from netspec.cli.show import tell
from netspec.compiler import optimized
from netspec.language.project import stamp

if TYPE_CHECKING:
    from netspec.rewrite.optimize import Optimized


def add(parser: ArgumentParser) -> None:
    from netspec.runtime.engines import ENGINES

    add_spec(parser)
    add_output(parser, "the spec to write")
    help = "what is to run it (eager); rewrites that do not pay there are left out"
    parser.add_argument("--for", dest="engine", choices=tuple(ENGINES), default="eager", help=help)
    parser.add_argument("--only", metavar="A,B", default="", help="apply these rewrites alone")
    parser.add_argument("--without", metavar="A,B", default="", help="leave these rewrites out")
    parser.add_argument("--weights", metavar="FILE", help="a state_dict of the spec as it is")
    parser.add_argument(
        "--weights-out", metavar="FILE", help="where the state_dict of the new spec is written"
    )


def rewritten(
    network: Network,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    engine: str = "eager",
) -> tuple[Network, Optimized]:
    """Optimise a network, and print what was done."""
    from netspec.rewrite.optimize import chosen

    try:
        names = chosen(only, without, engine)
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None
    with working(f"optimising {network.spec.name}"):
        fast, found = optimized(network, names)
    for line in found.applied:
        tell(str(line))
    return fast, found


def _listed(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _weights(options: Namespace, network: Network, found: Optimized) -> bytes:
    """Return the file of the tensors of the new spec, made of those of the network as written."""
    from netspec.rewrite.tensors import computed, keys
    from netspec.runtime.weights import matching, read, refusals, written

    shapes = network.tensors()
    with reading(options.weights):
        given = read(options.weights)
        fits = matching(shapes, given, options.weights)
    state = {ours: given[theirs] for ours, theirs in fits.keys.items()}
    wanted = dict.fromkeys(key for made in found.tensors.values() for key in keys(made))
    refuse_absent(network, options.weights, refusals({key: shapes[key] for key in wanted}, state))
    with reading(options.weights_out):
        return written(computed(found.tensors, state), Path(options.weights_out).suffix[1:])


def run(options: Namespace) -> int:
    if bool(options.weights) != bool(options.weights_out):
        raise Failure("--weights and --weights-out go together", Exit.USAGE)
    only, without = map(_listed, (options.only, options.without))
    network = compiled(options)
    wanted = [Output(options.output, "spec")]
    if options.weights:
        wanted.append(Output(options.weights_out, "tensors"))
        stamps_of(options)[options.weights] = stamp(options.weights)
    allow(options, *wanted)
    fast, found = rewritten(network, only, without, options.engine)
    made = [wanted[0]._replace(data=found.text.encode(), about=sums(fast))]
    if options.weights:
        data, about = _weights(options, network, found), f"weights of {fast.spec.name}"
        made.append(wanted[1]._replace(data=data, about=about))
    write(options, *made)
    return 0
