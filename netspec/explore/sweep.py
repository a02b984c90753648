"""Every point of a grid of parameters' values, compiled from one reading of the spec."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, product
from math import prod

from netspec import limits
from netspec.analysis.case import Budget
from netspec.analysis.network import Network
from netspec.analysis.points import Point, measured, refused
from netspec.compiler import Prepared, differing
from netspec.language.model import Spec
from netspec.text.diagnostics import SpecError

Axes = Mapping[str, Sequence[float]]
"""The values of each parameter of a grid."""
Bench = Callable[[Network], float | None]
"""Measures how many milliseconds a network takes; None for one that does not run."""
_CHUNKS = 4
"""For each process, so that none waits long for the last one."""


class GridError(ValueError):
    """A grid without points, or with too many."""


def sweep(
    prepared: Prepared,
    axes: Axes,
    bench: Bench | None = None,
    strict: bool = False,
    jobs: int = 1,
    step: Callable[[Point], None] = lambda point: None,
) -> list[Point]:
    """Return what the spec comes to at each point of a grid, the last parameter varying fastest.

    `jobs` processes compile, at most one for each processor. With `strict` a point with a warning
    has no network. `step` is called with each point as soon as it is there. Raises GridError, and
    ParameterError for a parameter that the spec does not have.
    """
    points = grid(prepared.spec, axes)
    workers = min(jobs, os.cpu_count() or 1, len(points))
    if workers < 2 or bench:  # what is measured must run alone
        return list(_told(_compiled(prepared, strict, bench, points), step))
    size = -(-len(points) // (workers * _CHUNKS))
    chunks = [points[i : i + size] for i in range(0, len(points), size)]
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(workers, initializer=_follow_parent) as pool:
        found = pool.map(partial(_chunk, prepared, strict), chunks)
        return list(_told(chain.from_iterable(found), step))


def _told(points: Iterable[Point], step: Callable[[Point], None]) -> Iterator[Point]:
    for point in points:
        step(point)
        yield point


def grid(spec: Spec, axes: Axes) -> list[dict[str, float]]:
    """Return the points of a grid. Raises GridError and ParameterError."""
    empty = [name for name, values in axes.items() if not values]
    if empty:
        raise GridError(f"`{empty[0]}` has no values")
    count = prod(map(len, axes.values()))
    if count > limits.POINTS:
        raise GridError(f"the grid has {count:,} points, more than {limits.POINTS:,}")
    ways = [_meant(spec, name, values) for name, values in axes.items()]
    return [dict(zip(axes, values, strict=True)) for values in product(*ways)]


def _meant(spec: Spec, name: str, values: Sequence[float]) -> list[float]:
    """Return the values of a parameter as the spec has them, each once."""
    for value in values:
        differing(spec, {name: value})
    is_real = isinstance(spec.params[name].default, float)
    return list(dict.fromkeys(map(float, values) if is_real else values))


def network_at(prepared: Prepared, values: Mapping[str, float], strict: bool = False) -> Network:
    """Compile at a point, where nobody asks for repairs. Raises SpecError."""
    network = prepared.at(values, strict, Budget())
    if strict and network.warnings:
        raise SpecError(network.warnings)
    return network


def _compiled(
    prepared: Prepared, strict: bool, bench: Bench | None, points: Sequence[Mapping[str, float]]
) -> Iterator[Point]:
    for values in points:
        try:
            network = network_at(prepared, values, strict)
        except SpecError as error:
            yield refused(values, error.diagnostics)
        else:
            yield measured(values, network, bench(network) if bench else None)


def _chunk(prepared: Prepared, strict: bool, points: Sequence[Mapping[str, float]]) -> list[Point]:
    return list(_compiled(prepared, strict, None, points))


def _follow_parent() -> None:
    """Let a process end with the one that started it: a signal to that one is not sent here."""
    from multiprocessing import connection, parent_process
    from threading import Thread

    def wait() -> None:
        if parent := parent_process():
            connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=wait, daemon=True).start()
