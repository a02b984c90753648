"""Other values that a place of a spec may have been meant to hold, the likeliest first.

Each costs a trial, and the first that mends all is taken: so what can be computed from how far a
contract is missed comes before slips of a finger, and those before small numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from math import isqrt

from netspec import limits
from netspec.analysis.claims import Key
from netspec.analysis.repair.change import shortened, slips
from netspec.analysis.repair.tokens import Token
from netspec.analysis.repair.trial import Trial
from netspec.graph.model import Sizes
from netspec.language.terms import Value
from netspec.ops.dim import Expr

_SMALL = 12
_USUAL = (3, 1, 2, 5, 7)
"""Kernels and strides."""


def guesses(token: Token, trial: Trial, faults: Mapping[Key, int]) -> Iterator[Value]:
    """Yield other values, the likeliest first, each once."""
    seen = {(token.value, type(token.value))}  # True is 1 to Python, and another value here
    for value in _values(token, trial, faults):
        known = value, type(value)
        if known not in seen and (type(value) is not int or 0 <= value <= limits.SIZE):
            seen.add(known)
            yield value


def _values(token: Token, trial: Trial, faults: Mapping[Key, int]) -> Iterator[Value]:
    value = token.value
    if isinstance(value, bool):
        yield not value
        return
    yield from _halves(token)
    if trial.refused:
        yield from _fitting(token, trial.inputs_of(trial.refused))
    elif isinstance(value, int):
        yield from _solutions(token, value, trial, faults)
    elif value is None:
        yield from range(1, 4)


def _halves(token: Token) -> Iterator[Value]:
    """Yield half the kernel for a padding, where the kernel is a parameter."""
    for node in list(token.nodes.values())[:1]:
        padding = node.call.arguments.get("padding")
        is_padding = token.key == "padding" or (padding and padding.span == token.span)
        kernel = node.call.arguments.get("kernel_size")
        value = kernel.value if kernel else None
        if is_padding and isinstance(value, Expr) and value.op == "name":
            yield Expr("//", (value, 2), 3)


def _fitting(token: Token, inputs: Sequence[Sizes]) -> Iterator[int]:
    """Yield what a number may be so that a layer fits: small ones, and the sizes that are there."""
    value = token.value if type(token.value) is int else 0
    is_written = value and not token.key
    if is_written:
        # A small number of channels may fit by chance: a sum takes 1 beside any other.
        pairs = (pair for two in permutations(inputs, 2) for pair in zip(*two, strict=False))
        yield from (other for own, other in pairs if own == value != other)
    if value < _SMALL:
        yield from _near(value)
    if is_written:
        yield from _sizes(value, inputs)
        yield from slips(value)


def _sizes(value: int, shapes: Sequence[Sizes]) -> Iterator[int]:
    """Yield what would make one size another, directly, in a sum or in a product."""
    for left, right in permutations(shapes, 2):
        for a, b in zip(left, right, strict=False):
            if a != b:
                yield from (a, value + a - b, value * a // b)


def _near(value: int) -> Iterator[int]:
    """Yield the small numbers, the nearest first."""
    yield from sorted(range(_SMALL), key=lambda number: abs(number - value))


def _solutions(token: Token, value: int, trial: Trial, faults: Mapping[Key, int]) -> Iterator[int]:
    """Yield what a straight line or a parabola through trials says, then small slips."""
    # One probe says how much a step changes; nearly all counts grow with a width or its square.
    after = trial.faults(token, value + 1, is_probe=True)
    if after is not None and all(key[1] == 0 and key not in after for key in faults):
        return  # it does not touch what is broken, so that no other value will
    if value >= _SMALL and any(key[1] > 0 for key in faults):
        yield from (*shortened(value), *_USUAL)
    yield from _on_the_curve(token, value, trial, faults, after or {})
    # Where the next number does not fit nothing could be computed: a slip is likely then.
    if after is None or value < _SMALL:
        yield from _near(value) if value < _SMALL else ()
        yield from slips(value)


def _on_the_curve(
    token: Token, value: int, trial: Trial, faults: Mapping[Key, int], after: Mapping[Key, int]
) -> Iterator[int]:
    """Yield where the first miss would be zero: sums grow with a width, or with its square."""
    key, fault = next(iter(faults.items()))
    first = after.get(key, fault) - fault
    if first and fault % first == 0:
        yield value - fault // first
    if isinstance(key[0], tuple):
        actual = trial.actual(key)
        middle = round(Fraction(value * (actual - fault), actual))
        # A size is in proportion to what it comes from, but for borders and rounding.
        yield from (middle, middle - 1, middle + 1)
    elif first and (then := trial.faults(token, value + 2, is_probe=True)):
        second = then.get(key, fault) - fault
        yield from (value + step for step in _roots(second - 2 * first, first, fault))


def _roots(bend: int, first: int, fault: int) -> Iterator[int]:
    """Yield the integers x with fault + first·x + bend·x·(x - 1) / 2 = 0."""
    if bend == 0:
        return
    slope = 2 * first - bend
    square = slope * slope - 8 * bend * fault
    if square >= 0 and isqrt(square) ** 2 == square:
        for root in (isqrt(square), -isqrt(square)):
            if (root - slope) % (2 * bend) == 0:
                yield (root - slope) // (2 * bend)
