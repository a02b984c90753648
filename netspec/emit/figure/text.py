"""The font of figures, Arimo, which has the metrics of Helvetica and Arial; the width of text."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from struct import iter_unpack, unpack_from

FAMILY = "Arimo, Helvetica, Arial, 'Liberation Sans', sans-serif"
"""The font, and where a viewer misses it those of the same widths."""
MISSING = 1000.0
"""The width of a character that the font lacks: a square, as most of the world's letters need."""


@dataclass(frozen=True, slots=True, eq=False)
class Font:
    """A font file; `glyphs` has a character's number in it, `advances` its width in thousandths."""

    name: str
    data: bytes
    glyphs: Mapping[str, int]
    advances: Mapping[str, float]


@cache
def font(bold: bool) -> Font:
    """Return the font that comes with netspec, read once."""
    name = f"Arimo-{'Bold' if bold else 'Regular'}"
    data = pkgutil.get_data("netspec", f"data/fonts/{name}.ttf")
    assert data is not None
    tables = {tag: data[start : start + size] for tag, start, size in _tables(data)}
    (units,) = unpack_from(">H", tables[b"head"], 18)
    (count,) = unpack_from(">H", tables[b"hhea"], 34)
    widths = [wide for wide, _ in iter_unpack(">Hh", tables[b"hmtx"][: 4 * count])]
    glyphs = _glyphs(tables[b"cmap"])
    # Glyphs from the last entry on share its width.
    advances = {char: 1000 * widths[min(i, count - 1)] / units for char, i in glyphs.items()}
    return Font(name, data, glyphs, advances)


def _tables(data: bytes) -> list[tuple[bytes, int, int]]:
    """Return the name, start and length of a font's tables."""
    (count,) = unpack_from(">H", data, 4)
    entries = iter_unpack(">4s4xLL", data[12 : 12 + 16 * count])
    return [(tag, start, size) for tag, start, size in entries]


def _glyphs(cmap: bytes) -> dict[str, int]:
    """Return the glyph of each character, from the subtable of format 4 (segments of codes)."""
    starts = (start for _, _, start in iter_unpack(">HHL", cmap[4 : 4 + 8 * cmap[3]]))
    table = next(cmap[start:] for start in starts if cmap[start : start + 2] == b"\0\4")
    (size,) = unpack_from(">H", table, 6)
    ends, firsts, deltas, offsets = (
        unpack_from(f">{size // 2}H", table, at)
        for at in (14, 16 + size, 16 + 2 * size, 16 + 3 * size)
    )
    found = {}
    for i, (first, end, delta) in enumerate(zip(firsts, ends, deltas, strict=True)):
        for code in range(first, end + 1):
            # An offset counts from its own place; what it leads to is used as it is if 0.
            place = 16 + 3 * size + 2 * i + offsets[i] + 2 * (code - first)
            (glyph,) = unpack_from(">H", table, place) if offsets[i] else (code,)
            found[chr(code)] = (glyph + delta) % 2**16 if glyph else 0
    return {char: glyph for char, glyph in found.items() if glyph}


def width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line, without kerning."""
    advances = font(bold).advances
    return sum(advances.get(char, MISSING) for char in text) * size / 1000
