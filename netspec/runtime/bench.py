"""How fast networks run: engines, threads and batches in turn, so that all meet the same machine.

Each engine has a process of its own for each number of threads. First every case gives its outputs,
which must be those of the eager module; then rounds over all cases take one sample of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import NamedTuple

from netspec.analysis.network import Network
from netspec.emit.torch.module import to_python
from netspec.runtime.engines import DTYPES, ENGINES, FLOAT
from netspec.runtime.installed import NotInstalledError, missing
from netspec.runtime.module import forms
from netspec.runtime.worker import Answer, EngineError, Worker
from netspec.version import __version__

__all__ = [
    "DTYPES", "ENGINES", "Case", "EngineError", "Limits", "Measurement", "Stopwatch", "Subject",
    "bench", "latency",
]  # fmt: skip
TOLERANCES = {FLOAT: 1e-4}
"""The largest difference from eager, as a share of the largest output, that is rounding.

In other types the difference is no mistake; it is told beside the time.
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to run, what it is called, and the files of its weights and labelled images.

    `like` is one that computes the same, from other weights: its outputs are wanted.
    """

    name: str
    network: Network
    weights: str | None = None
    data: str | None = None
    like: Subject | None = None

    def order(self) -> dict[str, object]:
        """Return what a worker has to know of it."""
        source = to_python(self.network, __version__)
        inputs, model = forms(self.network), self.network.spec.name
        files = {"weights": self.weights, "data": self.data}
        like = self.like.order() if self.like else None
        return {"source": source, "model": model, "inputs": inputs, "like": like, **files}

    @property
    def flops(self) -> int:
        """The floating-point operations of one image: two a multiply-add."""
        return self.network.totals.inference.flops

    def least_bytes(self, batch: int) -> int:
        """Return what a run moves at least: weights, inputs and outputs, each once, as float32."""
        graph, shapes = self.network.graph, self.network.shapes
        outputs = [shapes[out.node] for out in graph.outputs if not out.train_only]
        elements = sum(map(_size, [*graph.inputs.values(), *outputs]))
        return 4 * (self.network.totals.inference.params + batch * elements)


def _size(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


class Case(NamedTuple):
    """One way to run one network."""

    subject: Subject
    engine: str
    threads: int = 1
    batch: int = 1
    dtype: str = FLOAT


class Limits(NamedTuple):
    """What the machine did at best in a second with so many threads."""

    flops: float
    bytes: float


@dataclass(slots=True)
class Measurement:
    """What was measured of a case: seconds of a call, a sample a round. Or why it did not run."""

    case: Case
    seconds: list[float] = field(default_factory=list)
    difference: float | None = None
    accuracy: float | None = None
    error: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether its outputs are others than eager's."""
        allowed = TOLERANCES.get(self.case.dtype, float("inf"))
        return self.difference is not None and not self.difference <= allowed

    @property
    def milliseconds(self) -> float:
        """The median."""
        return 1000 * median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The milliseconds that a quarter, and three quarters, of the samples stay below."""
        if len(self.seconds) < 2:
            return self.milliseconds, self.milliseconds
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return 1000 * low, 1000 * high

    def times_as_fast_as(self, other: Measurement) -> float:
        """Return how often this fits into the other: the median of what each round says."""
        return median(b / a for a, b in zip(self.seconds, other.seconds, strict=True))

    def peak_share(self, limits: Limits) -> float:
        """Return the share of the operations that a matrix product does in this time."""
        work = self.case.subject.flops * self.case.batch
        return work / limits.flops / median(self.seconds)

    def bandwidth_share(self, limits: Limits) -> float:
        """Return the share of the bytes that a copy moves in this time."""
        return self.case.subject.least_bytes(self.case.batch) / limits.bytes / median(self.seconds)


def unavailable(engine: str, dtype: str) -> str:
    """Return why an engine cannot run here in a type; nothing if it can."""
    known = ENGINES[engine]
    if dtype not in known.dtypes:
        return f"computes in {' and '.join(known.dtypes)}, not {dtype}"
    return missing(known.needs)


def bench(
    cases: Sequence[Case], rounds: int, step: Callable[[str], None] = lambda what: None
) -> tuple[list[Measurement], Mapping[int, Limits]]:
    """Return what was measured of each case, and what the machine can, by number of threads.

    A case that cannot run, or that is wrong, says so and is not timed. `step` hears of all that
    is done, `steps` times.
    """
    with ExitStack() as stack:
        workers: dict[tuple[str, int], Worker] = {}
        for case in cases:
            if (key := (case.engine, case.threads)) not in workers:
                workers[key] = stack.enter_context(Worker(*key))
        found = [*_prepared(cases, workers, step)]
        return found, _rounds(found, workers, rounds, step)


def steps(cases: Sequence[Case], rounds: int) -> int:
    """Return how often `bench` says what it does."""
    return len(cases) * (1 + rounds)


Workers = Mapping[tuple[str, int], Worker]


def _prepared(
    cases: Sequence[Case], workers: Workers, step: Callable[[str], None]
) -> Iterator[Measurement]:
    for i, case in enumerate(cases):
        step(f"preparing {case.engine}")
        this = Measurement(case)
        try:
            answer = _prepare(workers[case.engine, case.threads], str(i), case)
            this.difference, this.accuracy = answer["difference"], answer.get("accuracy")
        except EngineError as error:
            this.error = str(error)
        yield this


def _prepare(worker: Worker, cell: str, case: Case) -> Answer:
    order = {"cell": cell, "batch": case.batch, "dtype": case.dtype, **case.subject.order()}
    return worker.ask(do="prepare", **order)


def _rounds(
    found: Sequence[Measurement], workers: Workers, rounds: int, step: Callable[[str], None]
) -> dict[int, Limits]:
    """Take the samples; return the limits of the machine, which are measured in between."""
    limits: dict[int, Limits] = {}
    for turn in range(rounds):
        if turn in (0, rounds // 2, rounds - 1):
            _measure_limits(limits, workers)
        # Each round begins elsewhere, so that none always runs behind the same other.
        for i in [*range(turn % len(found), len(found)), *range(turn % len(found))]:
            this = found[i]
            step(f"round {turn + 1} of {rounds}")
            if this.error or this.is_wrong:
                continue
            try:
                worker = workers[this.case.engine, this.case.threads]
                this.seconds.append(float(worker.ask(do="time", cell=str(i))["seconds"]))
            except EngineError as error:
                this.error = str(error)
    return limits


def _measure_limits(limits: dict[int, Limits], workers: Workers) -> None:
    """Raise the limits to what the machine does now, once for each number of threads."""
    for threads, worker in {threads: worker for (_, threads), worker in workers.items()}.items():
        try:
            now = worker.ask(do="limits")
        except EngineError:  # the cases of this worker have said so
            continue
        best = limits.get(threads, Limits(0.0, 0.0))
        limits[threads] = Limits(max(best.flops, now["flops"]), max(best.bytes, now["bytes"]))


class Stopwatch:
    """Measures many networks by one engine, in one process; a context."""

    def __init__(self, engine: str = "eager", threads: int = 1) -> None:
        """Raise ValueError for an unknown engine, ImportError for one that is not installed."""
        if engine not in ENGINES:
            raise ValueError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
        if reason := unavailable(engine, FLOAT):
            raise NotInstalledError(f"{engine} {reason}")
        self._key, self._stack = (engine, threads), ExitStack()

    def __enter__(self) -> Stopwatch:
        self._worker = self._stack.enter_context(Worker(*self._key))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def latency(self, network: Network, batch: int = 1, samples: int = 7) -> float:
        """Return the milliseconds of one call, the median. Raises EngineError."""
        case = Case(Subject(network.spec.name, network), *self._key, batch)
        this = Measurement(case, difference=_prepare(self._worker, "0", case)["difference"])
        if this.is_wrong:
            told = (
                f"{case.engine} differs from eager by {this.difference:.1e} of the largest output"
            )
            raise EngineError(told)
        for _ in range(samples):
            this.seconds.append(float(self._worker.ask(do="time", cell="0")["seconds"]))
        self._worker.ask(do="drop", cell="0")
        return this.milliseconds


def latency(network: Network, engine: str = "eager", threads: int = 1, batch: int = 1) -> float:
    """Return the milliseconds that a network takes for a batch, the median of some samples.

    For many networks a `Stopwatch` keeps its process. Raises ValueError, ImportError and
    EngineError.
    """
    with Stopwatch(engine, threads) as watch:
        return watch.latency(network, batch)
