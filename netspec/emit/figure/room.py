"""The room for a figure: a page, or the width and height that a paper leaves for it."""

from __future__ import annotations

import re
from typing import NamedTuple

from netspec.emit.look import Look, LookError

_UNITS = {"pt": 1.0, "in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4}
LONGEST = 14_400.0
"""What PDF allows a side of a page to be: 200 inches."""
_SHORTEST = 36.0
_TALLEST = 648.0
"""The height of a figure of a given width: the text of a letter page with margins of an inch."""


class Room(NamedTuple):
    """The room for a figure in points, and between which sizes its text may be.

    A figure is exactly as wide as a width that `is_exact`, and has no smaller text than a size that
    `is_strict`.
    """

    width: float
    height: float
    least: float
    largest: float
    is_exact: bool = False
    is_strict: bool = False


PAGES = {
    "letter": (612.0, 792.0, 36.0),
    "a4": (595.28, 841.89, 36.0),
    "slide": (540.0, 960.0, 18.0),
}
"""The short side, the long side and the margin of each."""
ORIENTATIONS = ("landscape", "portrait")


def points(text: str) -> float:
    """Return a length in points: 252pt, 3.5in, 8.4cm, 84mm. Raises LookError."""
    found = re.fullmatch(r"(\d{1,5}(?:\.\d{1,9})?|\.\d{1,9})\s?(pt|in|cm|mm)", str(text), re.ASCII)
    value = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _SHORTEST <= value <= LONGEST:
        expected = "expected a length from 0.5in to 200in, such as 3.5in, 84mm, 8.4cm or 252pt"
        raise LookError(f"{expected}, found `{str(text)[:40]}`")
    return value


def room(look: Look) -> Room | None:
    """Return the room that a look leaves; None without bounds. Raises LookError.

    Lengths that are given come before the page's.
    """
    if look.orientation not in ORIENTATIONS:
        known = ", ".join(ORIENTATIONS)
        raise LookError(f"orientation {look.orientation!r}: expected one of {known}")
    if look.page != "none" and look.page not in PAGES:
        raise LookError(f"page {look.page!r}: expected one of {', '.join(PAGES)}, none")
    if look.width is not None:
        height = _TALLEST if look.height is None else points(look.height)
        found = Room(points(look.width), height, 6.0, 10.0, is_exact=True)
    elif look.page != "none":
        found = _page(look)
    elif look.height is None:
        return None
    else:
        raise LookError("a height needs a width or a page")
    if look.min_text is None:
        return found
    largest = max(found.largest, look.min_text)
    return found._replace(least=look.min_text, largest=largest, is_strict=True)


def _page(look: Look) -> Room:
    *sides, margin = PAGES[look.page]
    short, long = (side - 2 * margin for side in sides)
    is_wide = look.orientation == "landscape"
    width, height = (long, short) if is_wide else (short, long)
    if look.height is not None:
        height = min(height, points(look.height))
    if look.page == "slide":
        return Room(width, height, 8.0, 16.0)
    return Room(width, height, 6.5 if is_wide else 6.0, 12.0)
