"""How a network is drawn, as the command line and the Python API ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict


class LookError(ValueError):
    """A look that a network cannot have; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a network is drawn; a format takes no notice of what it has no use for.

    Blocks more than `depth` levels down are closed, but for those that `open` names. `width` and
    `height` are lengths such as "3.5in"; `min_text` is in points. With `names` boxes have those of
    their layers. A PNG has `dpi` pixels an inch; None: 300, or what memory can hold. `block` names
    a block, which is drawn as it is written, or the path of a use: only that is drawn.
    """

    page: str = "letter"
    depth: int | None = None
    theme: str = "light"
    orientation: str = "landscape"
    engine: str = "page"
    timeout: float = 30.0
    width: str | None = None
    height: str | None = None
    min_text: float | None = None
    open: Sequence[str] = ()
    names: bool = False
    dpi: int | None = None
    block: str | None = None


class Options(TypedDict, total=False):
    """The same as arguments, each with the default of a `Look`."""

    page: str
    depth: int | None
    theme: str
    orientation: str
    engine: str
    timeout: float
    width: str | None
    height: str | None
    min_text: float | None
    open: Sequence[str]
    names: bool
    dpi: int | None
    block: str | None
