"""`netspec sweep`: compile a spec at many values of its parameters, and find the Pareto front."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netspec.analysis.network import Network
from netspec.analysis.points import GOALS, Point, signs, with_front
from netspec.cli.arguments import (
    SPEC,
    WRITTEN,
    add_force,
    add_imports,
    add_number,
    add_reading,
    add_set,
    group,
)
from netspec.cli.common import allow, configured_of, kind_of, prepared, write
from netspec.cli.documents import rendered
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import progress
from netspec.cli.settings import axes
from netspec.cli.show import say, warn
from netspec.compiler import ParameterError
from netspec.emit.points import all_points, front_report
from netspec.emit.report import render
from netspec.explore.sweep import Bench, GridError, grid, sweep
from netspec.runtime.bench import ENGINES, EngineError, Stopwatch
from netspec.runtime.installed import require
from netspec.text.diagnostics import counted, escape
from netspec.text.files import is_stream


def add(parser: ArgumentParser) -> None:
    parser.add_argument("spec", help=SPEC)
    help = "the values of a parameter: 0.5,0.75,1 or FROM:TO:STEP, with its end"
    add_set(parser, "NAME=VALUES", help)
    help = f"what the front has little of, or with + much: +macs,milliseconds ({','.join(GOALS)})"
    parser.add_argument("--front", type=_goals, default=GOALS, metavar="GOALS", help=help)
    help = "measure each network too, by this engine, one at a time"
    parser.add_argument("--bench", choices=tuple(ENGINES), help=help)
    help = "processes that compile, at most one a processor (1)"
    add_number(parser, "--jobs", help, default=1)
    help = "write every point as a table for programs"
    written = group(parser, WRITTEN)
    written.add_argument("-o", "--output", metavar="OUT.csv|json", help=help)
    written.add_argument("--plot", metavar="OUT.svg|png", help="draw it; needs matplotlib")
    add_force(parser)
    add_reading(parser)
    add_imports(parser)


def _goals(text: str) -> list[str]:
    goals = text.split(",")
    try:
        signs(goals)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return goals


def run(options: Namespace) -> int:
    files = _files(options)
    spec = prepared(options)
    is_strict = configured_of(options, options.spec).strict
    values = axes(options.set)
    if not values:
        raise Failure("sweep needs values: --set NAME=0.5,0.75,1", Exit.USAGE)
    allow(options, *files)
    try:
        total = len(grid(spec.spec, values))
        with _bench(options.bench) as bench, progress(total) as step:
            points = sweep(spec, values, bench, is_strict, options.jobs, lambda x: step(_said(x)))
    except (GridError, ParameterError) as error:
        raise Failure(f"--set: {error}", Exit.USAGE) from None
    points = with_front(points, options.front)
    name = spec.spec.name
    about = f"{name}, {counted(len(points), 'network')}"
    made = [file._replace(data=_written(name, points, file.kind), about=about) for file in files]
    write(options, *made)
    if not options.output or not is_stream(options.output):
        say(rendered(front_report(name, points, options.front), "text"))
    return Exit.WRONG if all(point.reason for point in points) else 0


def _said(point: Point) -> str:
    return " ".join(f"{name}={value:g}" for name, value in point.values.items())


@contextmanager
def _bench(engine: str | None) -> Iterator[Bench | None]:
    """Yield what measures a network, if an engine does; one that it refuses is told."""
    if engine is None:
        yield None
        return
    with Stopwatch(engine) as watch:

        def bench(network: Network) -> float | None:
            try:
                return watch.latency(network)
            except EngineError as error:
                warn(escape(str(error)))
                return None

        yield bench


def _files(options: Namespace) -> list[Output]:
    """Return the files that are asked for, before time is spent on them."""
    found = []
    if path := options.output:
        is_bare = is_stream(path) and not Path(path).suffix
        kind = kind_of(path, ("csv", "json"), "", "csv" if is_bare else None)
        found.append(Output(path, kind))
    if options.plot:
        found.append(Output(options.plot, kind_of(options.plot, ("svg", "png"), "")))
        require("--plot", ["plot"])
    return found


def _written(name: str, points: Sequence[Point], kind: str) -> bytes:
    if kind in ("csv", "json"):
        return render(all_points(name, points), kind).encode()
    from netspec.emit.points import plot_points

    return plot_points(name, points, kind)
