"""Sizes in fewer words are the same sizes."""

from __future__ import annotations

from random import Random

import pytest

from netspec.ops.collect import collected
from netspec.ops.dim import Dim, Expr, name, names, parse, substitute


def drawn(random: Random, depth: int) -> Dim:
    """Return arithmetic over two names, as shape rules build it."""
    if depth == 0 or random.random() < 0.2:
        return random.choice((name("a"), name("b"), random.randint(0, 9)))
    left = drawn(random, depth - 1)
    match random.choice("++-*/%"):
        case "+":
            return left + drawn(random, depth - 1)
        case "-":
            return left - drawn(random, depth - 1)
        case "*":
            return left * drawn(random, depth - 1)
        case "/":
            return left // random.randint(1, 6)
    return left % random.randint(1, 6)


@pytest.mark.parametrize("batch", range(4))
def test_a_collected_size_is_the_same_and_no_longer(batch: int) -> None:
    random = Random(batch)
    shorter = 0
    for _ in range(500):
        size = drawn(random, random.randint(1, 6))
        found = collected(size)
        shorter += found != size
        assert set(names(found)) <= set(names(size))
        if isinstance(found, Expr):
            assert isinstance(size, Expr) and found.size <= size.size
        for _ in range(5):
            values = {"a": random.randint(0, 50), "b": random.randint(0, 50)}
            assert substitute(found, values) == substitute(size, values), (size, found)
    assert shorter > 50


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("64 + $g + $g + $g", "64 + 3 * g"),
        ("(64 + $g * 6) // 2", "32 + 3 * g"),
        ("((32 + 15 * $g) // 2 + 24 * $g) // 2", "(32 + 63 * g) // 4"),
        ("($h - 1 - 1) // 2 + 1", "h // 2"),
        ("($h + 2 - 2 - 1) // 2 + 1", "(h + 1) // 2"),
        ("$h // 2 + 1", "h // 2 + 1"),
        ("$a + $b - $a", "b"),
        ("$g * ($i + 3)", "g * (i + 3)"),
        ("$in_channels * 4", "in_channels * 4"),
        ("$a // 2 * 2", "a // 2 * 2"),
    ],
)
def test_what_a_reader_finds(text: str, wanted: str) -> None:
    assert str(collected(parse(text))) == wanted
