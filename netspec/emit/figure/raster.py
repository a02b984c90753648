"""SVG → PNG and PDF, through CairoSVG."""

from __future__ import annotations

_SCALE = 3.0
"""Pixels per point: 216 dots per inch on paper."""


def rasterise(svg: str, kind: str) -> bytes:
    """Return a picture of an SVG text. Raises ImportError or OSError without Cairo."""
    import cairosvg

    convert = cairosvg.svg2png if kind == "png" else cairosvg.svg2pdf
    picture: bytes = convert(bytestring=svg.encode(), scale=_SCALE if kind == "png" else 1.0)
    return picture
