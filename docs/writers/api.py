"""The page of the Python API: what `netspec` exports, which mkdocstrings documents."""

from __future__ import annotations

from collections.abc import Iterator

import netspec
from docs.writers.markdown import page

OPTIONS = "    options:\n      heading_level: 2\n"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    names = sorted((name for name in netspec.__all__ if name[0] != "_"), key=_place)
    intro = (
        "What `import netspec` offers. [Python](guide/python.md) shows its use, "
        "[Stability](stability.md) says what of it stays."
    )
    parts = [f"::: netspec.{name}\n{OPTIONS}" for name in names]
    yield "api.md", page("Python API", intro, *parts)


def _place(name: str) -> tuple[int, str]:
    """Functions come first, then classes, then errors."""
    value = getattr(netspec, name)
    if not isinstance(value, type):
        return 0, name
    return (2 if issubclass(value, BaseException) else 1), name
