"""How diagnostics reach a terminal: colours where they are wanted, ASCII where they must be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

from netspec.diagnostics import Diagnostic, Paint, render


def show(items: Iterable[Diagnostic], stream: TextIO) -> None:
    """Print diagnostics with their source lines."""
    paint = Paint(_wants_colour(stream))
    for item in items:
        _print(render(item, paint) + "\n", stream)


def _print(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
