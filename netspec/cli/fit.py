"""`netspec fit`: find the largest value of a parameter that keeps contracts."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from netspec.cli.arguments import add_spec
from netspec.cli.common import allow, configured_of, prepared
from netspec.cli.documents import KINDS, add_document, deliver, document, rendered
from netspec.cli.exits import Exit, Failure
from netspec.cli.progress import working
from netspec.cli.settings import settings
from netspec.compiler import ParameterError
from netspec.emit.points import fit_report
from netspec.emit.report import FORMATS, Report
from netspec.explore.fit import Fit, FitError, Multiples, UnkeptError, contract, fit, named
from netspec.text.plain import number


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    help = "a contract such as 'macs<=1.5G', as `expect` has them; may be given again"
    parser.add_argument("--to", action="append", required=True, metavar="CONTRACT", help=help)
    parser.add_argument("--vary", required=True, metavar="NAME", help="the parameter")
    help = "of which the values are multiples (1)"
    parser.add_argument("--step", type=_step, default=1, metavar="NUMBER", help=help)
    add_document(parser, FORMATS)


def _step(text: str) -> float:
    value = number(text)
    if value is None:
        raise ArgumentTypeError(f"expected a number, found `{text[:40]}`")
    return value


def run(options: Namespace) -> int:
    to = document(options, FORMATS)
    is_strict = configured_of(options, options.spec).strict
    spec, others = prepared(options), settings(options.set)
    allow(options, to)
    try:
        contracts = [contract(text) for text in options.to]
        multiples = Multiples(options.vary, options.step)
        with working(f"compiling {spec.spec.name}"):
            found = fit(spec, contracts, multiples, others, is_strict)
    except ParameterError as error:
        raise Failure(str(error), Exit.USAGE) from None
    except UnkeptError as error:
        raise Failure(str(error), Exit.WRONG, error.details) from None
    except FitError as error:
        raise Failure(str(error), Exit.USAGE) from None
    kept = " and ".join(map(named, contracts))
    table = _report(f"{spec.spec.name}: {options.vary} for {kept}", found)
    deliver(options, to, rendered(table, KINDS[to.kind], path=to.path), spec.spec.name)
    return 0


def _report(title: str, found: Fit) -> Report:
    """Return the answer and the next value, with what was done to find it."""
    points = {
        "the largest that keeps it": found.best.point,
        found.above.faults[0]: found.above.point,
    }
    tried = "Every value above it" if found.is_whole else "A sample of the values above it"
    rises = "rises" if found.rises else "does not always rise"
    note = f"{tried} up to {found.most:,} was compiled too; what is bounded {rises} with it "
    return fit_report(title, points, (f"{note}at the {found.tried:,} values tried.",))
