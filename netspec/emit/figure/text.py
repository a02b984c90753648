"""The width of text in Helvetica and Arial, which share their metrics."""

from __future__ import annotations

# Advance widths in thousandths of the font size, from Adobe's AFM file, for ASCII 32 to 126.
_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip
_OTHER = {"×": 584, "²": 333, "·": 333, "–": 556, "+": 584, "→": 1000, "…": 1000}
_WIDEST = 1015
_ADVANCES = [
    {**dict(zip(map(chr, range(32, 127)), table, strict=True)), **_OTHER}
    for table in (_REGULAR, _BOLD)
]


def width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line; a character that the table lacks counts as the widest."""
    return sum(_ADVANCES[bold].get(char, _WIDEST) for char in text) * size / 1000
