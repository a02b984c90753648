"""SVG → PDF: of the few elements that `svg` writes, with text as text in the font of figures."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from xml.etree import ElementTree

from netspec.emit.figure.room import LONGEST
from netspec.emit.figure.text import MISSING, Font, font

_ROUND = 0.5523
"""Of a radius: how far from its ends a quarter of a circle has its control points."""
_METRICS = "/FontBBox [-544 -389 2797 1043] /Ascent 905 /Descent -212 /CapHeight 688"
_STEM = {"Arimo-Regular": 88, "Arimo-Bold": 138}
_PAINT = {(True, False): "f", (False, True): "S", (True, True): "B"}
_CHARACTERS = """\
/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Characters def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
{}
endcmap CMapName currentdict /CMap defineresource pop end end
"""


def to_pdf(svg: str) -> bytes:
    """Return a figure's SVG text as a PDF file of one page, the same bytes for the same text."""
    root = ElementTree.fromstring(svg)
    sides = [float(root.attrib[side].removesuffix("pt")) for side in ("width", "height")]
    wide, tall = (side * min(1.0, LONGEST / max(sides)) for side in sides)
    x, y, width, height = map(float, root.attrib["viewBox"].split())
    across, down = wide / width, tall / height
    # The y of PDF grows upwards.
    view = _numbers(across, 0, 0, -down, -x * across, tall + y * down)
    content = _Content()
    drawn = [content.draw(element) for element in root.iter() if element is not root]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_numbers(wide, tall)}] /Contents 4 0 R "
        "/Resources << /Font << /F0 5 0 R /F1 11 0 R >> >> >>".encode(),
        # Corners are pointed up to four times a pen's width, as in SVG.
        _stream("\n".join([f"{view} cm 4 M", *filter(None, drawn)]).encode()),
    ]
    for bold, codes in enumerate(content.codes):
        objects += _font_objects(font(bool(bold)), codes, len(objects) + 1)
    return _file(objects)


class _Content:
    """Draws elements as operators; `codes` are those of the characters, regular and bold."""

    def __init__(self) -> None:
        self.codes: tuple[dict[str, int], dict[str, int]] = ({}, {})

    def draw(self, element: ElementTree.Element) -> str:
        """Return the operators for an element. Every attribute has to be one that is drawn."""
        given = dict(element.attrib)
        match element.tag.partition("}")[2]:
            case "rect":
                drawn = _rectangle(given)
            case "polyline" | "polygon" as tag:
                drawn = _polygon(given, tag == "polygon")
            case "text":
                drawn = self._text(given, element.text or "")
            case "title" | "g":
                given.pop("pointer-events", None)
                drawn = ""
            case tag:
                raise AssertionError(f"PDF has no way to draw <{tag}>")
        assert not given, f"PDF has no way to draw {given}"
        return drawn

    def _text(self, given: dict[str, str], text: str) -> str:
        """Return a line of text, upright again in a view that turns y around."""
        x, y, size, wide = (float(given.pop(k)) for k in ("x", "y", "font-size", "textLength"))
        # In this font the text has that length already.
        given.pop("lengthAdjust")
        x -= {"start": 0.0, "middle": wide / 2, "end": wide}[given.pop("text-anchor", "start")]
        bold = given.pop("font-weight", "") == "bold"
        codes = self.codes[bold]
        shown = "".join(f"{codes.setdefault(char, len(codes) + 1):04x}" for char in text)
        place = _numbers(1, 0, 0, -1, x, y)
        return (
            f"{_colour(given.pop('fill'))} rg BT /F{bold:d} {size:g} Tf {place} Tm <{shown}> Tj ET"
        )


def _rectangle(given: dict[str, str]) -> str:
    """Return a rectangle, with quarters of circles for round corners."""
    x, y, wide, tall = (float(given.pop(name)) for name in ("x", "y", "width", "height"))
    radius = min(float(given.pop("rx", "0")), wide / 2, tall / 2)
    if not radius:
        return _painted(given, f"{_numbers(x, y, wide, tall)} re")
    path = [f"{_numbers(x + radius, y)} m"]
    # Clockwise from the top: each corner with the directions along the sides before and after it.
    corners = (
        (x + wide, y, 1, 0, 0, 1),
        (x + wide, y + tall, 0, 1, -1, 0),
        (x, y + tall, -1, 0, 0, -1),
        (x, y, 0, -1, 1, 0),
    )
    for at, down, a, b, c, d in corners:
        near = (1 - _ROUND) * radius
        start = at - a * radius, down - b * radius
        end = at + c * radius, down + d * radius
        bends = at - a * near, down - b * near, at + c * near, down + d * near
        path += [f"{_numbers(*start)} l", f"{_numbers(*bends, *end)} c"]
    return _painted(given, " ".join([*path, "h"]))


def _polygon(given: dict[str, str], is_closed: bool) -> str:
    """Return a line through points, back to the first one if it is closed."""
    points = [map(float, point.split(",")) for point in given.pop("points").split()]
    path = " l ".join(_numbers(*point) for point in points).replace(" l ", " m ", 1)
    return _painted(given, f"{path} l{' h' if is_closed else ''}")


def _painted(given: dict[str, str], path: str) -> str:
    """Return a path with what fills and strokes it."""
    fill, stroke = given.pop("fill"), given.pop("stroke", "none")
    join = 1 if given.pop("stroke-linejoin", "miter") == "round" else 0
    line = f"{given.pop('stroke-width', '1')} w [{given.pop('stroke-dasharray', '')}] 0 d {join} j"
    pens = [f"{_colour(fill)} rg"] if fill != "none" else []
    pens += [f"{_colour(stroke)} RG {line}"] if stroke != "none" else []
    return " ".join([*pens, path, _PAINT[fill != "none", stroke != "none"]])


def _colour(code: str) -> str:
    """Return #rrggbb as the three numbers of PDF."""
    return _numbers(*(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)))


def _numbers(*values: float) -> str:
    return " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values)


# ------------------------------------------------------------------ fonts and the file


def _font_objects(font: Font, codes: dict[str, int], first: int) -> list[bytes]:
    """Return the six objects of a font, the first of which has the number `first`.

    A code leads to a glyph and back to its character; what the font lacks shows its empty box.
    """
    name = f"/NETSPC+{font.name}"
    glyphs = b"".join(font.glyphs.get(char, 0).to_bytes(2, "big") for char in codes)
    advances = " ".join(_numbers(font.advances.get(char, MISSING)) for char in codes)
    rows = [f"<{i:04x}> <{char.encode('utf-16-be').hex()}>" for char, i in codes.items()]
    # No more than a hundred may stand together.
    parts = [rows[i : i + 100] for i in range(0, len(rows), 100)]
    characters = [f"{len(x)} beginbfchar\n" + "\n".join(x) + "\nendbfchar" for x in parts]
    texts = [
        f"<< /Type /Font /Subtype /Type0 /BaseFont {name} /Encoding /Identity-H "
        f"/DescendantFonts [{first + 1} 0 R] /ToUnicode {first + 5} 0 R >>",
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont {name} /CIDSystemInfo << /Registry "
        f"(Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor {first + 2} 0 R "
        f"/CIDToGIDMap {first + 4} 0 R /W [1 [{advances}]] >>",
        f"<< /Type /FontDescriptor /FontName {name} /Flags 32 {_METRICS} /ItalicAngle 0 "
        f"/StemV {_STEM[font.name]} /FontFile2 {first + 3} 0 R >>",
    ]
    streams = [font.data, b"\0\0" + glyphs, _CHARACTERS.format("\n".join(characters)).encode()]
    return [*(text.encode() for text in texts), *map(_stream, streams)]


def _stream(data: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    sizes = b"/Filter /FlateDecode /Length %d /Length1 %d" % (len(packed), len(data))
    return b"<< %s >>\nstream\n%s\nendstream" % (sizes, packed)


def _file(objects: Iterable[bytes]) -> bytes:
    """Return numbered objects as a file, with the table of their places."""
    data, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(places) + 1, rows)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(places) + 1)
    return data + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(data)
