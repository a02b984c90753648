"""Which elements of its input an op reads, along each dimension.

Along one dimension, what an element reads is an interval whose ends are periodic functions of its
index, and such functions compose exactly: strides, dilation, adaptive pools and upsampling too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm, prod
from typing import NamedTuple


class Reach(NamedTuple):
    """Intervals [low(i), high(i)]; element i + period sees what i sees, `advance` further on."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]
    advance: int

    @property
    def extent(self) -> int:
        """The size of the largest interval."""
        return max(high - low for low, high in zip(self.lows, self.highs, strict=True)) + 1

    def elements(self, count: int) -> int:
        """Return how many elements the first `count` intervals hold."""
        extents = [high - low + 1 for low, high in zip(self.lows, self.highs, strict=True)]
        turns, rest = divmod(count, len(extents))
        return turns * sum(extents) + sum(extents[:rest])

    @property
    def stride(self) -> Fraction:
        """How far intervals lie apart on average; 0: all are the same."""
        return Fraction(self.advance, len(self.lows))

    @property
    def centre(self) -> Fraction:
        """The middle of the first interval."""
        return Fraction(self.low(0) + self.high(0), 2)

    def low(self, i: int) -> int:
        """Return the first element of an interval."""
        turns, phase = divmod(i, len(self.lows))
        return self.lows[phase] + turns * self.advance

    def high(self, i: int) -> int:
        """Return the last element of an interval."""
        turns, phase = divmod(i, len(self.highs))
        return self.highs[phase] + turns * self.advance

    def period(self, step: Reach) -> int:
        """Return after how many elements a layer that reads these in steps repeats itself."""
        return len(step.lows) * len(self.lows) // gcd(len(self.lows), step.advance)

    def after(self, step: Reach) -> Reach:
        """Return what is seen through a layer whose elements read these elements."""
        if len(self.lows) == len(step.lows) == 1:
            return self._after_one(step)
        period = range(self.period(step))
        advance = step.advance * len(period) // len(step.lows) * self.advance // len(self.lows)
        lows = tuple(self.low(step.low(i)) for i in period)
        return Reach(lows, tuple(self.high(step.high(i)) for i in period), advance)

    def _after_one(self, step: Reach) -> Reach:
        """Return the same for intervals that only move: nearly all layers' do."""
        low = self.lows[0] + step.lows[0] * self.advance
        high = self.highs[0] + step.highs[0] * self.advance
        return Reach((low,), (high,), step.advance * self.advance)

    def __or__(self, other: Reach) -> Reach:
        """Return the intervals that hold both; the strides must be equal."""
        period = range(lcm(len(self.lows), len(other.lows)))
        lows = tuple(min(self.low(i), other.low(i)) for i in period)
        highs = tuple(max(self.high(i), other.high(i)) for i in period)
        return Reach(lows, highs, self.advance * len(period) // len(self.lows))


class Along(NamedTuple):
    """One dimension of an output: the dimension of the input that it goes along, and how."""

    axis: int
    reach: Reach


Reads = tuple[Along, ...]
"""What an element reads along each dimension of the output; of all others it reads everything."""


def in_order(reaches: Iterable[Reach]) -> Reads:
    """Return what an op reads whose dimensions are the input's, one by one."""
    return tuple([Along(axis, reach) for axis, reach in enumerate(reaches)])


def one_by_one(rank: int) -> Reads:
    """Return what an op reads that computes each element from the one at its place."""
    return in_order((SAME,) * rank)


def sliding(kernel: int, stride: int, before: int) -> Reach:
    """Return what a window reads that starts `before` elements in front of the first."""
    return Reach((-before,), (kernel - 1 - before,), stride)


def everything(count: int) -> Reach:
    """Return what a layer reads whose elements all read all `count` elements."""
    return Reach((0,), (count - 1,), 0)


SAME = sliding(1, 1, 0)


def mixing(sizes: Sequence[int], axes: Collection[int]) -> Reads:
    """Return what an op reads whose elements see all along some dimensions, one along others."""
    return in_order(everything(n) if i in axes else SAME for i, n in enumerate(sizes))


def per_phase(ends: Callable[[int], tuple[int, int]], period: int, advance: int) -> Reach:
    """Return the intervals whose ends are given for the elements of one period."""
    lows, highs = zip(*map(ends, range(period)), strict=True)
    return Reach(lows, highs, advance)


def sharing(factor: int) -> Reach:
    """Return what elements read that repeat or share out each input element `factor` times."""
    return per_phase(lambda i: (i // factor, i // factor), factor, 1)


def grouped(inputs: int, outputs: int, groups: int) -> Reach:
    """Return what `outputs` channels read of `inputs` ones, group by group."""
    each, count = inputs // groups, outputs // groups
    return Reach((0,) * count, (each - 1,) * count, each) if groups > 1 else everything(inputs)


def adapting(size: int, count: int) -> Reach:
    """Return the windows that PyTorch chooses to get `count` elements from `size`."""
    if count == 1:
        return everything(size)
    period = count // gcd(size, count)

    def ends(i: int) -> tuple[int, int]:
        return i * size // count, -(-(i + 1) * size // count) - 1

    return per_phase(ends, period, size * period // count)


def adapted(sizes: Sequence[int], counts: Sequence[int]) -> int:
    """Return how many elements the windows hold that PyTorch chooses, which may overlap."""
    pairs = zip(sizes, counts, strict=True)
    return prod(adapting(size, count).elements(count) for size, count in pairs)


def spreading(kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    """Return the elements that reach an output of a transposed convolution, phase by phase."""

    def ends(i: int) -> tuple[int, int]:
        places = [i + padding - dilation * tap for tap in range(kernel)]
        hits = [place // stride for place in places if place % stride == 0]
        # A phase that no tap hits is bias alone; it sees nothing, so its place is free.
        return (min(hits), max(hits)) if hits else ((i + padding) // stride,) * 2

    return per_phase(ends, stride, 1)
