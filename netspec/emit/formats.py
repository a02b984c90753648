"""What a network is drawn as: the formats, and what writes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from netspec.analysis.network import Network
from netspec.emit.diagram.block import block_network
from netspec.emit.dot import render_dot, to_dot
from netspec.emit.figure.pdf import to_pdf
from netspec.emit.figure.raster import to_png
from netspec.emit.figure.room import ORIENTATIONS
from netspec.emit.figure.svg import THEMES, to_svg
from netspec.emit.html import to_html
from netspec.emit.look import Look, LookError
from netspec.emit.mermaid import to_mermaid
from netspec.runtime.installed import NotInstalledError
from netspec.version import installation

__all__ = ["ENGINES", "FORMATS", "ORIENTATIONS", "THEMES", "draw"]

ENGINES = ("page", "graphviz")


def draw(network: Network, format: str = "svg", look: Look | None = None) -> bytes:
    """Return a network as a file of one of FORMATS.

    Raises LookError, a ValueError, and where what a format needs is not there DotError, an OSError,
    or NotInstalledError.
    """
    if format not in FORMATS:
        raise LookError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    look = look or Look()
    if look.engine not in ENGINES:
        raise LookError(f"engine {look.engine!r}: expected one of {', '.join(ENGINES)}")
    if format == "html" and look.block is not None:
        raise LookError("a page shows a whole network, whose blocks open; other formats draw one")
    shown = network if look.block is None else block_network(network, look.block)
    return FORMATS[format](shown, look)


def _picture(kind: str, network: Network, look: Look) -> bytes:
    if look.engine == "graphviz":
        return render_dot(to_dot(network, look), kind, look.timeout)
    text = to_svg(network, look)
    return to_pdf(text) if kind == "pdf" else text.encode()


def _png(network: Network, look: Look) -> bytes:
    try:
        return to_png(_picture("pdf", network, look), look.dpi)
    except ImportError as error:
        need = f".png needs PDFium: {installation(['figures'])} (or write .pdf or .svg)"
        raise NotInstalledError(f"{need}: {error}") from None


FORMATS: Mapping[str, Callable[[Network, Look], bytes]] = {
    "svg": partial(_picture, "svg"),
    "png": _png,
    "pdf": partial(_picture, "pdf"),
    "dot": lambda network, look: to_dot(network, look).encode(),
    "mmd": lambda network, look: to_mermaid(network, look.depth).encode(),
    "html": lambda network, look: to_html(network).encode(),
}
"""What writes each format."""
