"""The page of the Python API: what `netspec` exports, which mkdocstrings documents."""

from __future__ import annotations

from collections.abc import Iterator

import netspec
from docs.writers.markdown import page

OWN = ("netspec.ops.base.Op", "netspec.ops.base.op", "netspec.testing.check_op")
"""What ops of somebody's own are made of, and tried with."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    names = sorted((name for name in netspec.__all__ if name[0] != "_"), key=_place)
    intro = (
        "What `import netspec` offers. [Python](guide/python.md) shows its use, "
        "[Stability](stability.md) says what of it is stable."
    )
    parts = [f"::: netspec.{name}" for name in names]
    own = [f"::: {name}\n    options:\n      show_root_full_path: true" for name in OWN]
    about = "What [ops of your own](howto/own_ops.md) are made of, and tried with."
    yield "api.md", page("Python API", intro, *parts, about, *own)


def _place(name: str) -> tuple[int, str]:
    """Functions come first, then classes, then errors."""
    value = getattr(netspec, name)
    if not isinstance(value, type):
        return 0, name
    return (2 if issubclass(value, BaseException) else 1), name
