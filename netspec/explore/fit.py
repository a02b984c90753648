"""The largest value of a parameter that keeps contracts, on the grid of the multiples of a step.

Powers of two bracket where the contracts break, halving finds the last value below that, and then
every value from there up to the largest power is compiled: the answer is exact on that range, also
where nothing rises with the parameter. Where those are too many, some hundreds that follow and a
sample of the others are, and all that was compiled must rise, or fall, throughout: otherwise there
is no answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from netspec import limits
from netspec.analysis.claims import broken, gap
from netspec.analysis.network import Network
from netspec.analysis.points import Point, measured, refused
from netspec.compiler import Prepared, differing
from netspec.explore.sweep import network_at
from netspec.language.expect import BOUND_MEANT, bound
from netspec.language.grammar import ExpectKeys
from netspec.language.terms import Argument, Expectation
from netspec.text.diagnostics import Source, Span, SpecError, brief
from netspec.text.syntax import Scalar

_CONTRACT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?::|==?(?!\s*[<>]))?\s*(.*)", re.DOTALL)


_LEAST = Decimal("0.000001")
_FEW = 64
"""Values that are tried in any case."""
_ENDS = 2
"""Of a range of values."""


class FitError(ValueError):
    """A question without an answer; the text says why."""


class UnkeptError(FitError):
    """No value keeps the contracts. `details` say how near each comes."""

    def __init__(self, message: str, details: Sequence[str]) -> None:
        super().__init__(message)
        self.details = tuple(details)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.details)


@dataclass(frozen=True, slots=True)
class Trial:
    """A value that was compiled: what it comes to, and what keeps it from being the answer."""

    point: Point
    metrics: Mapping[str, int]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """The largest `value` that keeps the contracts.

    `best` is what it comes to, `above` the next one of the grid, which does not keep them. `tried`
    values were compiled, the largest of them `most`; if not `is_whole` only a sample of those above
    the answer. `rises` tells whether what the contracts bound never falls.
    """

    value: float
    best: Trial
    above: Trial
    tried: int
    most: float
    is_whole: bool
    rises: bool


def contract(text: str) -> Expectation:
    """Read a contract as `expect` has them: `macs<=1.5G`, `depth=22`. Raises FitError."""
    match = _CONTRACT.fullmatch(text)
    name, rest = (match[1], match[2]) if match else ("", "")
    known = list(ExpectKeys.model_fields)
    span = Span(Source("--to", rest), 0, len(rest))
    if name not in known:
        key = Scalar(name, Span(Source("--to", name), 0, len(name)))
        help = ExpectKeys.instead(key, Scalar(rest, span), known) if name else "write `macs<=1.5G`"
        raise FitError(f"no metric is called `{brief(name)[:40]}`; {help}")
    if (found := bound(rest)) is None:
        raise FitError(f"{BOUND_MEANT}, found `{brief(rest)[:40]}`")
    return Expectation(name, *found, Argument(rest, span))


class Multiples(NamedTuple):
    """The values of a parameter that may be an answer: 0, `step`, 2 × `step` …"""

    parameter: str
    step: float = 1


def fit(
    prepared: Prepared,
    contracts: Sequence[Expectation],
    multiples: Multiples,
    others: Mapping[str, float] | None = None,
    strict: bool = False,
) -> Fit:
    """Return the largest of the multiples that keeps the contracts.

    `others` are values of other parameters. Raises FitError and ParameterError.
    """
    name, step = multiples.parameter, Decimal(str(multiples.step))
    search = _Search(prepared, contracts, name, step, dict(others or {}), strict)
    search.refuse()
    top = search.bracket()
    low = search.halve()
    is_whole = search.scan(low + 1 if low is not None else 0, top)
    best = search.largest()
    if best is None:
        raise search.unkept(is_whole)
    above = search.at(best + 1)
    is_sure = is_whole or (best == low and search.is_steady() and search.is_contiguous())
    if not (is_sure and above.faults):
        raise FitError(search.unsteady(top))
    rises, most = search.is_steady(falling=False), search.value(max(search.trials))
    found = search.at(best), above, len(search.trials), most, is_whole, rises
    return Fit(search.value(best), *found)


@dataclass(slots=True)
class _Search:
    """Compiles multiples of the step, each once; `trials` are by the number of the multiple."""

    prepared: Prepared
    contracts: Sequence[Expectation]
    parameter: str
    step: Decimal
    others: Mapping[str, float]
    strict: bool
    trials: dict[int, Trial] = field(default_factory=dict)
    layers: int = 100
    """Of the largest network yet, or of a small one: what another one may take."""

    def refuse(self) -> None:
        """Raise FitError for a parameter that cannot vary, or not by this step."""
        if not self.contracts:
            raise FitError("there is no contract to keep")
        differing(self.prepared.spec, {**self.others, self.parameter: self._own})
        if not self.step.is_finite() or not _LEAST <= self.step <= limits.SIZE:
            raise FitError(f"a step is a number from {_LEAST} to {limits.SIZE}, not {self.step}")
        if self.parameter in self.others:
            raise FitError(f"`{self.parameter}` varies, so it cannot be set")
        if isinstance(self._own, bool):
            raise FitError(f"`{self.parameter}` is true or false: there is nothing to fit")
        if isinstance(self._own, int) and self.step % 1:
            raise FitError(f"`{self.parameter}` is an integer, and so is its step, not {self.step}")

    @property
    def _own(self) -> float:
        """The spec's own value."""
        param = self.prepared.spec.params.get(self.parameter)
        return param.default if param else 0  # type: ignore[return-value]  # a number

    def value(self, multiple: int) -> float:
        found = multiple * self.step
        return float(found) if isinstance(self._own, float) else int(found)

    def at(self, multiple: int) -> Trial:
        """Compile at a multiple of the step, or look it up."""
        if multiple not in self.trials:
            self.trials[multiple] = self._compiled({self.parameter: self.value(multiple)})
        return self.trials[multiple]

    def _compiled(self, values: Mapping[str, float]) -> Trial:
        try:
            network = network_at(self.prepared, {**self.others, **values}, self.strict)
        except SpecError as error:
            first = error.diagnostics[0]
            return Trial(refused(values, error.diagnostics), {}, (f"{first.code} {first.message}",))
        self.layers = max(self.layers, len(network.graph.nodes))
        return self._judged(values, network)

    def _judged(self, values: Mapping[str, float], network: Network) -> Trial:
        metrics = network.totals.metrics
        faults = tuple(gap(item, metrics) for item in broken(self.contracts, metrics))
        return Trial(measured(values, network), metrics, faults)

    # -------------------------------------------------------------- the search

    def bracket(self) -> int:
        """Try powers of two until two in a row, beyond the spec's own value, are no answer.

        Return the last one. One that comes nearer than all before is no reason to stop.
        Raises FitError if there is no end.
        """
        own = int(Decimal(str(self._own)) / self.step)
        self.at(max(own, 0))
        power, missed, least = 1, 0, math.inf
        while self.value(power) <= limits.SIZE:
            trial = self.at(power)
            now = self._miss(trial)
            missed = missed + 1 if trial.faults and now >= least else 0
            if missed > 1 and power >= max(2 * own, _FEW):
                return power
            power, least = 2 * power, min(least, now)
        if self.at(power // 2).faults:
            return power // 2
        most = f"{self.value(power // 2):,}"
        raise FitError(f"every value of `{self.parameter}` keeps it, {most} too: none is largest")

    def _miss(self, trial: Trial) -> float:
        """Return how far a trial is from keeping the contracts, in parts of what they bound."""
        missed = broken(self.contracts, trial.metrics) if trial.metrics else ()
        parts = (_miss(item, trial) / (item.value or 1) for item in missed)
        return sum(parts) if trial.metrics else math.inf

    def halve(self) -> int | None:
        """Return the last value that is an answer as if none behind the next fault were."""
        low = self.largest()
        if low is None:
            return None
        high = min(k for k in self.trials if k > low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at(middle).faults else (middle, high)
        return low

    def scan(self, start: int, top: int) -> bool:
        """Try all values of a range, or the first and a sample of the others; tell which."""
        count = max(2, limits.FITTED // self.layers)
        stride = 1
        if top - start > count:
            for multiple in range(start, start + count // 2):
                self.at(multiple)
            stride = -(-(top - start) // (count // 2))
        for multiple in range(start, top, stride):
            self.at(multiple)
        return stride == 1

    def largest(self) -> int | None:
        """Return the largest value yet that is an answer."""
        return max((k for k, trial in self.trials.items() if not trial.faults), default=None)

    # -------------------------------------------------------------- what is said of it

    def is_steady(self, falling: bool = True) -> bool:
        """Tell whether all that is bounded only rises, or else only falls, over all trials."""
        return all(
            _is_rising(series) or (falling and _is_rising([-number for number in series]))
            for series in map(self._series, {item.metric for item in self.contracts})
        )

    def _series(self, metric: str) -> list[int]:
        found = (self.trials[multiple].metrics for multiple in sorted(self.trials))
        return [metrics[metric] for metrics in found if metrics]

    def is_contiguous(self) -> bool:
        """Tell whether no value without a network lies between two with one."""
        found = [bool(self.trials[multiple].metrics) for multiple in sorted(self.trials)]
        return sum(a != b for a, b in pairwise([False, *found, False])) <= _ENDS

    def unsteady(self, top: int) -> str:
        metrics = " and ".join(dict.fromkeys(f"`{item.metric}`" for item in self.contracts))
        most = limits.FITTED // self.layers
        message = (
            f"{metrics} both rises and falls with `{self.parameter}`, or is not always there, "
        )
        message += f"and {top:,} values are more than can all be tried (about {most:,})"
        return f"{message}; a larger step has fewer"

    def unkept(self, is_whole: bool) -> UnkeptError:
        """Say which contract no trial keeps, and how near the nearest comes."""
        networks = [trial for _, trial in sorted(self.trials.items()) if trial.metrics]
        most = f"{self.value(max(self.trials)):,}"
        span = f"{len(self.trials):,} values of `{self.parameter}` were tried, up to {most}"
        if not networks:
            fault = next(iter(self.trials.values())).faults[0]
            return UnkeptError(f"no value of `{self.parameter}` gives a network: {fault}", [span])
        never = [x for x in self.contracts if all(broken([x], t.metrics) for t in networks)]
        details = list(_nearest(never or self.contracts, networks))
        if isinstance(self._own, float):
            details.append(f"a step of less than {self.step} has values in between")
        names = " and ".join(f"`{named(item)}`" for item in never or self.contracts)
        how = "cannot be kept" if never else "cannot be kept together"
        how += "" if is_whole else " at any value of a sample"
        return UnkeptError(f"{names} {how}; {span}", details)


def named(item: Expectation) -> str:
    """Write a contract: macs <=1.5G."""
    return f"{item.metric} {item.argument.span.text}"


def _is_rising(series: Iterable[int]) -> bool:
    return all(a <= b for a, b in pairwise(series))


def _nearest(items: Iterable[Expectation], trials: Sequence[Trial]) -> Iterator[str]:
    """Say of each contract how near the nearest value comes that gives a network."""
    for item in items:
        trial = min(trials, key=lambda one: (bool(broken([item], one.metrics)), _miss(item, one)))
        (parameter, value), *_ = trial.point.values.items()
        number = trial.metrics[item.metric]
        at = f"nearest at {parameter}={value}: `{item.metric}` is {number:,}"
        missed = gap(item, trial.metrics).partition(" is ")[2]
        yield f"{at}, {missed}" if broken([item], trial.metrics) else f"{at}, which keeps it"


def _miss(item: Expectation, trial: Trial) -> float:
    return abs(trial.metrics[item.metric] - item.value)
