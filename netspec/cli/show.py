"""How diagnostics reach a terminal: colours where they are wanted, ASCII where they must be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from netspec.diagnostics import Diagnostic, Paint

FORMATS = ("full", "concise", "json", "github", "sarif")
_ASCII = str.maketrans({"×": "x", "→": "->", "…": "...", "–": "-"})


def show(items: Sequence[Diagnostic], stream: TextIO, format: str = "full") -> None:
    """Print diagnostics in one of the formats."""
    if not items and format in ("full", "concise", "github"):
        return
    from netspec.formats import written

    say(written(items, format, Paint(_wants_colour(stream))), stream)


def say(text: str, stream: TextIO) -> None:
    """Print text, in characters that the stream can show."""
    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=stream)


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
