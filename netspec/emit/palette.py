"""One colour per kind of op, for every picture; a kernel is the darker the more elements it has.

The fills stay apart for the common colour deficiencies too, and dark text and bars read on all of
them. In print, greys that are near each other carry different hatches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log, prod

from netspec.ops.base import numbers
from netspec.ops.dim import Shape, has_names
from netspec.ops.window import times


@dataclass(frozen=True, slots=True)
class Fill:
    """How a box is filled on each theme: `key` is a word for style sheets, `name` for legends.

    `hatch` are the strokes that it has in print, any of / \\ | - and . for dots.
    """

    key: str
    name: str
    light: str
    dark: str
    grey: str
    hatch: str = ""


class _Ramp:
    """The fills of kernels: these at so many elements, at other counts what lies between."""

    def __init__(self, hatch: str, *steps: tuple[int, str, str, str]) -> None:
        self._hatch = hatch
        self._steps = steps

    def at(self, elements: int, key: str, name: str) -> Fill:
        """Return the fill of a kernel of so many elements."""
        pairs = [*pairwise(self._steps)]
        low, high = next((x for x in pairs if elements <= x[1][0]), pairs[-1])
        share = min(1.0, max(0.0, log(elements / low[0]) / log(high[0] / low[0])))
        light, dark, grey = (mixed(a, b, share) for a, b in zip(low[1:], high[1:], strict=True))
        return Fill(key, name, light, dark, grey, self._hatch)


def mixed(low: str, high: str, share: float) -> str:
    """Return the colour at a share of the way from one to another."""
    pairs = [(int(low[i : i + 2], 16), int(high[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


_CONV = _Ramp(
    "",
    (1, "#d3e5f5", "#1d3a57", "#eaeaea"),
    (9, "#9fc9ea", "#1e486f", "#d0d0d0"),
    (25, "#74addf", "#205788", "#b4b4b4"),
    (49, "#5594d6", "#2366a3", "#9a9a9a"),
    (121, "#6877cb", "#4162b4", "#868686"),
)
_OBLONG = _Ramp(
    "|",
    (2, "#93d6c0", "#12402f", "#e8e8e8"),
    (7, "#56a68c", "#1b5f48", "#c4c4c4"),
    (32, "#4c997f", "#1f6e53", "#a8a8a8"),
)
_TRANSPOSED = _Ramp(
    ".",
    (1, "#e8b4bf", "#52202c", "#e8e8e8"),
    (4, "#d68b99", "#6b2a3a", "#d0d0d0"),
    (16, "#d26a80", "#80354a", "#bcbcbc"),
    (64, "#cb647a", "#8c3a50", "#a8a8a8"),
)
_PLAIN = {
    fill.key: fill
    for fill in (
        Fill("input", "input, output", "#ffffff", "#1f242b", "#ffffff"),
        Fill("linear", "linear", "#79b878", "#276b3c", "#d6d6d6", "/\\"),
        Fill("attention", "attention", "#d9dc7c", "#5d6413", "#d6d6d6", "|-"),
        Fill("pool", "pool", "#f2a65e", "#8f5310", "#d6d6d6", "/"),
        Fill("resize", "resize", "#c98236", "#703c12", "#d6d6d6", "\\"),
        Fill("norm", "norm", "#cfa3c4", "#7d4a92", "#ffffff", "/"),
        Fill("activation", "activation", "#f7c6c4", "#6b1f1f", "#ffffff", "\\"),
        Fill("dropout", "dropout", "#fff4c9", "#5c5423", "#ffffff", "-"),
        Fill("join", "join", "#dcdcdc", "#454b54", "#d6d6d6", "-"),
        Fill("reshape", "reshape", "#f5f5f2", "#2b3138", "#ffffff", "."),
        Fill("block", "block", "#e9ebf0", "#28303c", "#ffffff", "|"),
        Fill("other", "other", "#e3d3ae", "#57523f", "#d6d6d6", "-."),
    )
}
KINDS = ("input", "conv", "transposed", *[kind for kind in _PLAIN if kind != "input"])
"""What `Op.kind` may give, and what boxes may be beside ops, in the order of legends."""


def fill(kind: str, kernel: Shape = ()) -> Fill:
    """Return the fill of a kind of op; the order of a kernel's sizes makes no difference to it."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    name = f"{kind} {times(kernel)}".rstrip()
    sizes = [] if has_names(kernel) else sorted(numbers(kernel))
    square = _CONV if kind == "conv" else _TRANSPOSED
    ramp = _OBLONG if kind == "conv" and len({*sizes}) > 1 else square
    return ramp.at(prod(sizes), "_".join([kind, *map(str, sizes)]), name)


def fills(boxes: Iterable[tuple[str, Shape]], brief: bool = True) -> list[Fill]:
    """Return the fills of kinds with their kernels in the order of legends, each with its names.

    A brief name tells behind the first of its kind only the kernel.
    """
    found: dict[str, Fill] = {}
    kinds: set[str] = set()
    for kind, kernel in sorted({*boxes}, key=_order):
        this = fill(kind, kernel)
        name = times(kernel) if brief and kind in kinds else this.name
        name = f"{found[this.key].name}, {name}" if this.key in found else name
        found[this.key] = replace(this, name=name)
        kinds.add(kind)
    return list(found.values())


def _order(box: tuple[str, Shape]) -> tuple[int, int, str]:
    kind, kernel = box
    return KINDS.index(kind), 0 if has_names(kernel) else prod(numbers(kernel)), times(kernel)
