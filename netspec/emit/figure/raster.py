"""SVG → PNG and PDF, through CairoSVG."""

from __future__ import annotations

PICTURES = ("png", "pdf")
_SCALE = 3.0
"""Pixels per point: 216 dots per inch on paper."""


class RasterError(Exception):
    """CairoSVG, or the cairo library that it loads, is not there."""


def rasterise(svg: str, kind: str) -> bytes:
    """Return a picture of an SVG text. Raises RasterError with how to get what is missing."""
    try:
        import cairosvg
    except (ImportError, OSError) as error:
        message = (
            f".{kind} needs CairoSVG and the cairo library: pip install 'netspec[figures]' and "
            f"apt install libcairo2 (or write .svg, which needs nothing): {error}"
        )
        raise RasterError(message.splitlines()[0]) from None
    convert = cairosvg.svg2png if kind == "png" else cairosvg.svg2pdf
    picture: bytes = convert(bytestring=svg.encode(), scale=_SCALE if kind == "png" else 1.0)
    return picture
