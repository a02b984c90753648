"""What a network is drawn as: the formats, what each needs, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from netspec.analysis.network import Network
from netspec.emit.diagram.block import block_network
from netspec.emit.dot import render_dot, to_dot
from netspec.emit.figure.raster import rasterise
from netspec.emit.figure.room import ORIENTATIONS, PAGES
from netspec.emit.figure.svg import THEMES, to_svg
from netspec.emit.html import to_html
from netspec.emit.look import Look, LookError
from netspec.emit.mermaid import to_mermaid

__all__ = ["ENGINES", "FORMATS", "ORIENTATIONS", "PAGES", "THEMES", "draw"]

ENGINES = ("page", "graphviz")


class Format(NamedTuple):
    """A format of files: what it needs beside netspec, and what writes it."""

    needs: str
    write: Callable[[Network, Look], bytes]


def draw(network: Network, format: str = "svg", look: Look | None = None) -> bytes:
    """Return a network as a file of one of FORMATS.

    Raises LookError, a ValueError, and OSError where what a format needs is not there.
    """
    if format not in FORMATS:
        raise LookError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    look = look or Look()
    if format == "html" and look.block in network.spec.blocks:
        raise LookError(f"a page has the numbers of one use; name its path, not `{look.block}`")
    shown = network if look.block is None else block_network(network, look.block)
    return FORMATS[format].write(shown, look)


def _picture(format: str, network: Network, look: Look) -> bytes:
    if look.engine == "graphviz":
        return render_dot(to_dot(network, look.depth), format, look.timeout)
    text = to_svg(network, look)
    if format == "svg":
        return text.encode()
    try:
        return rasterise(text, format)
    except (ImportError, OSError) as error:
        need = f".{format} needs {FORMATS[format].needs} (or write .svg, which needs nothing)"
        raise OSError(f"{need}: {error}".splitlines()[0]) from None


_CAIRO = "CairoSVG and the cairo library: pip install 'netspec[figures]' and apt install libcairo2"
FORMATS: Mapping[str, Format] = {
    "svg": Format("", partial(_picture, "svg")),
    "png": Format(_CAIRO, partial(_picture, "png")),
    "pdf": Format(_CAIRO, partial(_picture, "pdf")),
    "dot": Format("", lambda network, look: to_dot(network, look.depth).encode()),
    "mmd": Format("", lambda network, look: to_mermaid(network, look.depth).encode()),
    "html": Format("", lambda network, look: to_html(network).encode()),
}
