"""The colours of kinds: told apart in grey, and by colour-blind readers."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from netspec.emit.palette import KINDS


def test_kinds_differ_in_grey() -> None:
    """Kinds that no label tells apart at a glance keep a distance in lightness."""
    for field in ("light", "grey"):
        fills = [getattr(KINDS[f"conv{size}"], field) for size in (1, 3, 5, 7)]
        shades = [lightness(fill) for fill in fills]
        assert all(a - b > 8 for a, b in pairwise(shades))
    others = ["pool", "norm", "linear", "dropout", "join", "activation"]
    shades = sorted(lightness(KINDS[kind].light) for kind in others)
    assert all(b - a > 2 for a, b in pairwise(shades))


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_kinds_differ_for_colour_blind_readers(deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]
    kinds = [key for key in KINDS if key not in ("input", "block", "reshape")]
    for a, b in combinations(kinds, 2):
        one, other = (seen(KINDS[key].light, matrix) for key in (a, b))
        assert sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) ** 0.5 > 6, (a, b)


def seen(colour: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """Return CIE L*a*b* of a colour as a colour-blind reader sees it."""
    linear = linear_rgb(colour)
    r, g, b = (
        min(1.0, max(0.0, sum(x * y for x, y in zip(row, linear, strict=True)))) for row in matrix
    )
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.0888
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def linear_rgb(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]


def lightness(colour: str) -> float:
    """Return CIE L* of a colour."""
    red, green, blue = linear_rgb(colour)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * luminance ** (1 / 3) - 16
