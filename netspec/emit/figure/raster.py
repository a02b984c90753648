"""PDF → PNG, through PDFium."""

from __future__ import annotations

import math
import zlib
from struct import pack

from netspec import limits
from netspec.emit.look import LookError

_DPI = 300
"""What printers of papers ask for."""


def to_png(pdf: bytes, dpi: int | None) -> bytes:
    """Return the page of a PDF as PNG, with so many pixels an inch; None: 300, or all there may be.

    Raises ImportError without PDFium, and LookError for too many pixels.
    """
    import pypdfium2

    page = pypdfium2.PdfDocument(pdf)[0]
    area = page.get_width() * page.get_height() / 72**2
    most = int(math.sqrt(limits.PIXELS / area))
    dpi = min(_DPI, most) if dpi is None else dpi
    if dpi < 1:
        raise LookError(f"dpi {dpi}: expected 1 or more pixels an inch")
    if dpi > most:
        raise LookError(
            f"{dpi**2 * area:,.0f} pixels are more than {limits.PIXELS:,}; give --dpi {most} at "
            "most, or write .pdf, which is sharp at every size"
        )
    bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
    assert bitmap.n_channels == 3
    data, packer = memoryview(bitmap.buffer), zlib.compressobj()
    # Each row starts with its filter: none.
    rows = (data[y * bitmap.stride :][: 3 * bitmap.width] for y in range(bitmap.height))
    packed = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    metre = round(dpi / 0.0254)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", pack(">LLBBBBB", bitmap.width, bitmap.height, 8, 2, 0, 0, 0)),
            _chunk(b"pHYs", pack(">LLB", metre, metre, 1)),
            _chunk(b"IDAT", packed),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">L", len(data)) + kind + data + pack(">L", zlib.crc32(kind + data))
