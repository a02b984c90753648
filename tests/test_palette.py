"""The colours of kinds: told apart in grey and by colour-blind readers, under text and bars."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.emit.figure.svg import THEMES
from netspec.emit.palette import KINDS, fill, fills
from netspec.ops.base import STYLES

SQUARES = [(size, size) for size in (1, 3, 5, 7, 11)]
OTHERS = [("conv", (1, 3)), ("conv", (1, 7)), ("transposed", (2, 2)), ("transposed", (4, 4))]
PLAIN = [(kind, ()) for kind in KINDS if kind not in ("conv", "transposed")]
SHOWN = [*PLAIN, *(("conv", kernel) for kernel in SQUARES), *OTHERS]
FILLS = [fill(*box) for box in SHOWN]
KERNELS = st.lists(st.integers(1, 16), min_size=1, max_size=3).map(tuple)


def test_there_is_a_fill_for_every_style() -> None:
    assert {*STYLES} <= {*KINDS}
    assert len({fill(kind).key for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("field", ["light", "grey"])
def test_larger_kernels_are_darker(field: str) -> None:
    """Kernels that no label tells apart at a glance keep a distance in lightness."""
    shades = [lightness(getattr(fill("conv", kernel), field)) for kernel in SQUARES]
    assert all(a - b > 8 for a, b in pairwise(shades[:4]))
    assert all(a - b > 2 for a, b in pairwise(shades))


@settings(max_examples=200, deadline=None)
@given(st.lists(KERNELS, min_size=2, max_size=2), st.sampled_from(["conv", "transposed"]))
def test_colours_follow_the_size_of_a_kernel(kernels: list[tuple[int, ...]], kind: str) -> None:
    one, other = (fill(kind, kernel) for kernel in kernels)
    sizes = [sorted(kernel) for kernel in kernels]
    assert (one.key == other.key) == (sizes[0] == sizes[1])
    if one.key == other.key:
        assert one.light == other.light
    elif len({len({*kernel}) > 1 for kernel in kernels}) == 1:
        small, large = (fill(kind, kernel) for kernel in sorted(kernels, key=prod))
        for field in ("light", "grey"):
            assert lightness(getattr(large, field)) <= lightness(getattr(small, field))


@settings(max_examples=100, deadline=None)
@given(st.lists(KERNELS, max_size=8))
def test_legends_name_every_kernel(kernels: list[tuple[int, ...]]) -> None:
    found = fills(("conv", kernel) for kernel in kernels)
    names = ", ".join(this.name.removeprefix("conv ") for this in found).split(", ")
    wanted = {"×".join(map(str, kernel)) for kernel in kernels}
    assert sorted(names) == (sorted(wanted) or [""])
    assert len({this.key for this in found}) == len(found)


def test_fills_differ_in_print() -> None:
    """Greys that are near each other carry different hatches."""
    for one, other in combinations(FILLS, 2):
        is_apart = abs(lightness(one.grey) - lightness(other.grey)) > 3
        assert is_apart or {*one.hatch} != {*other.hatch}, (one.key, other.key)


# What WCAG asks of graphics, and of text.
GRAPHIC, TEXT = 3.0, 4.5


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*THEMES.values()]), st.sampled_from(KINDS), KERNELS)
def test_bars_and_text_are_seen_on_every_fill(theme: object, kind: str, kernel: tuple) -> None:
    ground = getattr(fill(kind, kernel), theme.fill)
    assert contrast(theme.bar, ground) >= GRAPHIC
    assert contrast(theme.ink, ground) >= TEXT
    assert not theme.hatch or contrast(theme.ink, theme.hatch) >= TEXT
    # Costs stand in closed blocks, and beside boxes.
    for around in (getattr(fill("block"), theme.fill), theme.group, theme.paper):
        assert contrast(theme.faint, around) >= TEXT


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_kinds_differ_for_colour_blind_readers(deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]
    shown = [this for this in FILLS if this.key not in ("input", "block", "reshape")]
    for a, b in combinations(shown, 2):
        one, other = (seen(this.light, matrix) for this in (a, b))
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


def luminance(colour: str) -> float:
    red, green, blue = linear_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightness(colour: str) -> float:
    """Return CIE L* of a colour."""
    return float(116 * luminance(colour) ** (1 / 3) - 16)


def contrast(one: str, other: str) -> float:
    """Return the ratio of luminances as WCAG 2 defines it."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)
