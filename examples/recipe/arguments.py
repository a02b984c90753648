"""What programs read of their options beside the recipe's: numbers within bounds."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from netspec.text.plain import number


def whole(least: int, most: int = 10**9) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(text: str) -> int:
        value = number(text)
        if not isinstance(value, int) or not least <= value <= most:
            raise ArgumentTypeError(f"expected a whole number from {least} on, found {text!r:.80}")
        return value

    return read


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = number(text)
    if value is None or not 0 <= value <= 1:
        raise ArgumentTypeError(f"expected a number from 0 to 1, found {text!r:.80}")
    return float(value)
