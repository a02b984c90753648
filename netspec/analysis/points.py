"""What a spec comes to at values of its parameters, and the Pareto front of many such points."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from netspec.analysis.memory import weigh
from netspec.analysis.network import Network
from netspec.text.diagnostics import Diagnostic

GOALS = ("params", "macs", "activation_bytes", "milliseconds")
"""What a front is about unless it says otherwise: there should be little of each."""
Signs = Mapping[str, int]
"""The goals of a front: 1 for little, -1 for much."""


class Reason(NamedTuple):
    """The first thing that is wrong with a network, and where; it travels without the text."""

    code: str
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Point:
    """A network at `values` of its parameters, or the `reason` why there is none.

    `params` and `macs` are what inference needs, `macs` of one image. `activation_bytes` are what
    training holds for backward of one image, `peak_bytes` what of them inference has alive at once,
    the input included; both are for float32. `milliseconds` are there where a bench measured them.
    `on_front`: no other point of the grid is better in one goal and as good in the others.
    """

    values: Mapping[str, float]
    params: int = 0
    macs: int = 0
    activation_bytes: int = 0
    peak_bytes: int = 0
    milliseconds: float | None = None
    reason: Reason | None = None
    on_front: bool = False


def measured(
    values: Mapping[str, float], network: Network, milliseconds: float | None = None
) -> Point:
    """Return what a network comes to."""
    memory = weigh(network.graph, network.shapes, network.costs)
    cost = network.totals.inference
    return Point(values, cost.params, cost.macs, memory.activations, memory.peak, milliseconds)


def refused(values: Mapping[str, float], found: Sequence[Diagnostic]) -> Point:
    """Return a point at which there is no network."""
    first = found[0]
    place = f"{first.span.source.name}:{first.span.line}:{first.span.column}" if first.span else ""
    return Point(values, reason=Reason(first.code, place, first.message))


def signs(goals: Collection[str]) -> Signs:
    """Read goals: `macs` wants few multiply-adds, `+macs` many. Raises ValueError."""
    found = {goal.removeprefix("+"): -1 if goal.startswith("+") else 1 for goal in goals}
    unknown = [goal for goal in found if goal not in GOALS]
    if unknown or not found:
        known = ", ".join(f"`{goal}`" for goal in GOALS)
        raise ValueError(f"no goal is called `{''.join(unknown[:1])[:40]}`; there are {known}")
    return found


def with_front(points: Sequence[Point], goals: Collection[str] = GOALS) -> list[Point]:
    """Mark the points than which none is better in one goal and as good in all others.

    Raises ValueError for what is no goal.
    """
    wanted = signs(goals)
    keys = [_key(point, wanted) for point in points]
    front: list[tuple[float, ...]] = []
    # What dominates a point comes before it, and so does one on the front that dominates that.
    for key in sorted({key for key in keys if key}):
        if not any(all(a <= b for a, b in zip(one, key, strict=True)) for one in front):
            front.append(key)
    best = set(front)
    return [replace(p, on_front=key in best) for p, key in zip(points, keys, strict=True)]


def _key(point: Point, wanted: Signs) -> tuple[float, ...]:
    """Return what is to be small of a point: nothing if there is no network."""
    if point.reason:
        return ()
    numbers = ((getattr(point, goal), sign) for goal, sign in wanted.items())
    return tuple(math.inf if number is None else sign * number for number, sign in numbers)
