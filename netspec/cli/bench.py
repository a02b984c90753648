"""`netspec bench`: how fast specs run, engines and specs side by side."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from netspec.analysis.network import Network
from netspec.cli.arguments import (
    SPEC,
    WRITTEN,
    add_flag,
    add_force,
    add_imports,
    add_number,
    add_settings,
    group,
    whole,
)
from netspec.cli.common import allow, compiled, kind_of, stamps_of, write
from netspec.cli.documents import KINDS, add_printed, add_table, rendered
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import progress
from netspec.cli.running import module, threads
from netspec.cli.show import say
from netspec.emit.bench import bench_plot, bench_report
from netspec.emit.report import Report
from netspec.language.project import stamp
from netspec.runtime.bench import (
    DTYPES,
    ENGINES,
    Case,
    Measurement,
    Subject,
    bench,
    steps,
    unavailable,
)  # fmt: skip
from netspec.runtime.installed import require
from netspec.text.diagnostics import counted, suggest

FILES = ("json", *(end for end in KINDS if end != "json"), "svg", "png")


def add(parser: ArgumentParser) -> None:
    parser.add_argument("specs", nargs="+", metavar="spec", help=SPEC)
    add_settings(parser)
    add_imports(parser)
    parser.add_argument(
        "--weights", action="append", default=[], metavar="FILE",
        help="a state_dict for each spec, in order (default: as initialised, noise for constants)",
    )  # fmt: skip
    parser.add_argument(
        "--engines", type=_listed(_one_of(ENGINES)), default=list(ENGINES), metavar="A,B",
        help=f"what runs them: {', '.join(ENGINES)} (all)",
    )  # fmt: skip
    counts = {"threads": (threads, "how many threads"), "batch": (whole(1), "how many images")}
    for name, (read, help) in counts.items():
        parser.add_argument(
            f"--{name}", type=_listed(read), default=[1], metavar="N,M", help=f"{help} (1)"
        )
    parser.add_argument(
        "--dtype", type=_listed(_one_of(DTYPES)), default=DTYPES[:1], metavar="A,B",
        help=f"what engines compute in: {', '.join(DTYPES)} (float32)",
    )  # fmt: skip
    help = "the specs compute the same from their weights: compare all with the first"
    add_flag(parser, "--same", help)
    help = "labelled images, for accuracy: `images` and `labels` in a file of numpy.savez"
    parser.add_argument("--data", metavar="FILE.npz", help=help)
    add_number(parser, "--rounds", "samples of each row (20)", default=20)
    add_printed(parser)
    add_table(parser)
    names = ", ".join(f".{name}" for name in FILES)
    help = f"write it as a file too: {names}"
    group(parser, WRITTEN).add_argument("-o", "--output", metavar="FILE", help=help)
    add_force(parser)


def _listed(read: Callable[[str], object]) -> Callable[[str], list[object]]:
    """Return the reader of an option that is a list, its values once each."""
    return lambda text: list(dict.fromkeys(read(part.strip()) for part in text.split(",")))


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            hint = suggest(text, names) or f"expected some of {', '.join(names)}"
            raise ArgumentTypeError(f"found `{text[:40]}`; {hint}")
        return text

    return read


def run(options: Namespace) -> int:
    kind = kind_of(options.output, FILES, "") if options.output else ""
    subjects = _subjects(options)
    cases, skipped = _cases(options, subjects)
    if not cases:
        lines = tuple(f"  {engine} {reason}" for engine, reason in skipped.items())
        raise Failure("no engine can run here:", Exit.ENVIRONMENT, lines)
    if kind:
        _allow(options, kind)
    with progress(steps(cases, options.rounds)) as step:
        found, limits = bench(cases, options.rounds, step)
    report = bench_report(found, limits, skipped)
    say(rendered(report, options.format, options.table), options.format)
    if kind:
        made = Output(options.output, kind, about=counted(len(subjects), "network"))
        write(options, made._replace(data=_data(report, found, made)))
    return _code(found)


def _allow(options: Namespace, kind: str) -> None:
    """Refuse a file that cannot be made before anything is measured."""
    allow(options, Output(options.output, kind))
    if kind in ("svg", "png"):
        require("a plot", ["plot"])


def _data(report: Report, found: Sequence[Measurement], to: Output) -> bytes:
    if to.kind in ("svg", "png"):
        return bench_plot(found, to.kind)
    return rendered(report, KINDS[to.kind], path=to.path).encode()


def _code(found: Sequence[Measurement]) -> int:
    if any(this.is_wrong for this in found):
        return Exit.WRONG
    return 0 if any(this.seconds for this in found) else Exit.ENVIRONMENT


def _subjects(options: Namespace) -> list[Subject]:
    """Return the networks; one of the name of another is called by its file."""
    if len(options.weights) not in (0, len(options.specs)):
        message = f"{len(options.specs)} specs need as many --weights, or none"
        raise Failure(f"{message}; found {len(options.weights)}", Exit.USAGE)
    networks = [compiled(options, path) for path in options.specs]
    names = [network.spec.name for network in networks]
    files = options.weights or [None] * len(networks)
    for network, path in zip(networks, options.weights, strict=False):
        module(network, path)  # to say what is wrong with it once, not in each worker
        stamps_of(options)[path] = stamp(path)
    for network in networks if options.data else ():
        _check_data(options.data, network)
    subjects = [
        Subject(name if names.count(name) == 1 else spec, network, weights, options.data)
        for name, spec, network, weights in zip(names, options.specs, networks, files, strict=True)
    ]
    return _alike(subjects) if options.same else subjects


def _alike(subjects: list[Subject]) -> list[Subject]:
    """Return subjects that have to give what the first gives."""
    first, *others = subjects
    if not first.weights:
        message = "--same needs --weights for each spec: what is initialised is never the same"
        raise Failure(message, Exit.USAGE)
    wanted = _interface(first.network)
    if strange := [other.name for other in others if _interface(other.network) != wanted]:
        message = f"--same: {strange[0]} has other inputs or outputs than {first.name}"
        raise Failure(message, Exit.USAGE)
    return [first, *(replace(other, like=first) for other in others)]


def _interface(network: Network) -> list[object]:
    graph, shapes = network.graph, network.shapes
    outputs = [shapes[out.node] for out in graph.outputs if not out.train_only]
    return [list(graph.inputs.values()), outputs]


def _check_data(path: str, network: Network) -> None:
    from netspec.runtime.labelled import read

    shapes = [*network.graph.inputs.values()]
    if len(shapes) > 1:
        message = f"--data holds images, {network.spec.name} reads {len(shapes)} inputs"
        raise Failure(message, Exit.USAGE)
    try:
        read(path, shapes[0])
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None


def _cases(options: Namespace, subjects: Sequence[Subject]) -> tuple[list[Case], dict[str, str]]:
    """Return what can be run, and why engines cannot."""
    ways = [(engine, dtype) for engine in options.engines for dtype in options.dtype]
    reasons = {way: unavailable(*way) for way in ways}
    cases = [
        Case(subject, engine, threads, batch, dtype)
        for threads in options.threads
        for batch in options.batch
        for engine, dtype in ways
        if not reasons[engine, dtype]
        for subject in subjects
    ]
    return cases, {engine: reason for (engine, _), reason in reasons.items() if reason}
