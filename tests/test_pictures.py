"""Figures as files: the same in every font, in SVG that a browser draws, in PDF and in PNG."""

from __future__ import annotations

import base64
import ctypes
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from pypdfium2 import raw

import netspec
from netspec import limits
from netspec.analysis.network import Network
from netspec.cli import main
from netspec.emit.diagram.tree import build
from netspec.emit.figure.drawing import Drawing, Text
from netspec.emit.figure.page import MARGIN, Figure, lay_out
from netspec.emit.figure.pdf import to_pdf
from netspec.emit.figure.raster import to_png
from netspec.emit.figure.room import room
from netspec.emit.figure.svg import THEMES, write
from netspec.emit.figure.text import FAMILY, font, width
from netspec.emit.look import Look
from tests.drawings import holds
from tests.support import ROOT, SPECS

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SPEC = str(ROOT / "specs" / "googlenet.yaml")


@cache
def network(name: str) -> Network:
    return netspec.load(str(ROOT / "specs" / f"{name}.yaml")).network


@cache
def figure(name: str) -> Figure:
    return lay_out(network(name), room(Look()))


def svg(name: str, theme: str = "light") -> str:
    return write(figure(name), THEMES[theme])


NAMES = [path.stem for path in SPECS]

# ------------------------------------------------------------------ the font

HELVETICA = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
HELVETICA_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip
"""Advance widths in thousandths for ASCII 32 to 126, from Adobe's AFM files; Arial has the same."""


@pytest.mark.parametrize(("bold", "table"), [(False, HELVETICA), (True, HELVETICA_BOLD)])
def test_a_viewer_with_helvetica_or_arial_has_nothing_to_squeeze(
    bold: bool, table: tuple[int, ...]
) -> None:
    for char, wide in zip(map(chr, range(32, 127)), table, strict=True):
        assert width(char, 1000, bold) == pytest.approx(wide, abs=0.6), char


@pytest.mark.parametrize("bold", [False, True])
def test_the_font_is_read_as_fonttools_reads_it(bold: bool) -> None:
    ours = font(bold)
    theirs = TTFont(io.BytesIO(ours.data))
    names, advances = theirs.getBestCmap(), theirs["hmtx"]
    glyphs = {chr(code): theirs.getGlyphID(name) for code, name in names.items()}
    assert ours.glyphs == glyphs
    for char, wide in ours.advances.items():
        assert wide == 1000 * advances[names[ord(char)]][0] / theirs["head"].unitsPerEm


@pytest.mark.parametrize("name", NAMES)
def test_the_font_has_what_figures_say(name: str) -> None:
    assert {char for text in figure(name).drawing.texts for char in text.text} <= {
        *font(False).glyphs, *font(True).glyphs
    }  # fmt: skip


def test_no_font_is_higher_than_the_layout_expects() -> None:
    said = {char for name in NAMES for text in figure(name).drawing.texts for char in text.text}
    _, top, _, bottom = Text(0, 0, "x", 1000).bounds
    sources = [io.BytesIO(font(bold).data) for bold in (False, True)]
    for source in (*sources, FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"):
        file = TTFont(source)
        names, shapes = file.getBestCmap(), file["glyf"]
        for char in said - {" "}:
            shape = shapes[names[ord(char)]]
            high, low = (1000 * y / file["head"].unitsPerEm for y in (shape.yMax, shape.yMin))
            assert -high >= top and -low <= bottom, (char, source)


# ------------------------------------------------------------------ SVG in a browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OTHERS = {
    "DejaVu Sans": ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    "Narrow": ("STIXGeneral.ttf", "STIXGeneralBol.ttf"),
}
"""Fonts that come with matplotlib."""
INSTALLED = ("Liberation Sans", "Arial")
"""Fonts of the machine, or what it takes for them."""
MEASURE = """
const ends = (text) => [
  text.getStartPositionOfChar(0).x,
  text.getEndPositionOfChar(text.getNumberOfChars() - 1).x,
];
const report = [...document.querySelectorAll("svg")].map(
  (svg) => [...svg.querySelectorAll("text")].map(ends)
);
document.body.textContent = "REPORT" + JSON.stringify(report) + "TROPER";
"""


def faces() -> Iterator[str]:
    for family, files in OTHERS.items():
        for weight, file in zip((400, 700), files, strict=True):
            data = base64.b64encode((FONTS / file).read_bytes()).decode()
            source = f"url(data:font/ttf;base64,{data})"
            yield f"@font-face {{font-family: '{family}'; font-weight: {weight}; src: {source}}}"


def measured(pictures: list[str], folder: Path) -> Any:
    """Return the left and right ends of each text of each picture, as a browser draws it."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("there is no browser")
    page = folder / "page.html"
    style, body = "\n".join(faces()), "\n".join(pictures)
    page.write_text(
        f"<!DOCTYPE html><meta charset='utf-8'><style>{style}</style><body>{body}"
        f"<script>document.fonts.ready.then(() => {{{MEASURE}}});</script></body>"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000"]
    command += ["--disable-background-networking", page.as_uri()]
    run = subprocess.run(command, capture_output=True, timeout=240, check=True)
    text = run.stdout.decode()
    assert "REPORT" in text, run.stderr.decode()[-500:]
    return json.loads(unescape(text[text.index("REPORT") + 6 : text.index("TROPER")]))


@pytest.mark.long
def test_every_font_takes_the_room_that_was_laid_out(tmp_path: Path) -> None:
    """What fits in the layout fits in every font: texts begin and end where they should."""
    fonts = [*OTHERS, *INSTALLED]
    pictures = [svg(name) for name in NAMES]
    free = re.sub(' textLength="[^"]*" lengthAdjust="[^"]*"', "", pictures[0])
    shown = [picture.replace(FAMILY, name) for name in fonts for picture in pictures]
    *found, loose = measured([*shown, free.replace(FAMILY, "DejaVu Sans")], tmp_path)
    wanted = [[text.bounds for text in figure(name).drawing.texts] for name in NAMES]
    for i, ends in enumerate(found):
        for (start, end), (left, _, right, _) in zip(ends, wanted[i % len(NAMES)], strict=True):
            assert (start, end) == pytest.approx((left, right), abs=0.02)
    # The fonts are there, and would take other room if they could.
    overflow = [end - start - b[2] + b[0] for (start, end), b in zip(loose, wanted[0], strict=True)]
    assert max(overflow) > 10


# ------------------------------------------------------------------ PDF


def said(item: Any, page: Any) -> str:
    """Return the characters of a text object, without the space before its neighbour on the row."""
    text = ctypes.create_string_buffer(2000)
    start = ctypes.cast(text, ctypes.POINTER(ctypes.c_ushort))
    size = raw.FPDFTextObj_GetText(item, page, start, 1000)
    return text.raw[: size - 2].decode("utf-16-le").rstrip()


def colour(read: Any, item: Any) -> str:
    parts = [ctypes.c_uint() for _ in range(4)]
    assert read(item, *parts)
    return "#" + "".join(f"{part.value:02x}" for part in parts[:3])


def place(item: Any, height: float, scale: float) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of an object in the units of the layout."""
    left, low, right, high = item.get_bounds()
    found = left / scale, (height - high) / scale, right / scale, (height - low) / scale
    return found[0] - MARGIN, found[1] - MARGIN, found[2] - MARGIN, found[3] - MARGIN


def extent(element: ElementTree.Element) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of a shape's path."""
    if (points := element.get("points")) is None:
        x, y, wide, tall = (float(element.attrib[k]) for k in ("x", "y", "width", "height"))
        return x, y, x + wide, y + tall
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("name", ["googlenet", "unet", "vit_b_16"])
def test_the_pdf_shows_what_the_svg_shows(name: str, theme: str) -> None:
    """Each element of the one is an object of the other: its place, colours and dashes."""
    shown = figure(name)
    picture = svg(name, theme)
    page = pypdfium2.PdfDocument(to_pdf(picture))[0]
    words, texts = page.get_textpage(), iter(shown.drawing.texts)
    elements = [
        element for element in ElementTree.fromstring(picture).iter() if element.get("fill")
    ]
    for element, item in zip(elements, page.get_objects(), strict=True):
        found = place(item, page.get_height(), shown.scale)
        fill, stroke = element.get("fill"), element.get("stroke", "none")
        assert fill == "none" or colour(raw.FPDFPageObj_GetFillColor, item) == fill
        if element.tag.endswith("text"):
            text = next(texts)
            assert said(item, words) == element.text == text.text
            # The ink of a text lies within its bounds, and all but fills their width.
            left, top, right, bottom = text.bounds
            assert holds((left - 0.3, top, right + 0.3, bottom), found), text
            assert found[0] < left + 1.5 and found[2] > right - 1.5, text
            continue
        pen = 0.0 if stroke == "none" else float(element.attrib["stroke-width"])
        # A pen's width around it, and the tips of corners, count as its place.
        reach = pen * (3 if element.tag.endswith("polyline") else 1)
        assert found == pytest.approx(extent(element), abs=reach + 0.05)
        if pen:
            assert colour(raw.FPDFPageObj_GetStrokeColor, item) == stroke
            dashes = element.get("stroke-dasharray", "").split()
            assert raw.FPDFPageObj_GetDashCount(item) == len(dashes)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_pdf_is_text_in_fonts_that_it_holds(name: str) -> None:
    data = to_pdf(svg(name))
    words = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range().split()
    assert {*words} >= {word for text in figure(name).drawing.texts for word in text.text.split()}
    assert data.count(b"/Type0") == data.count(b"/FontFile2") > 0


def test_a_character_that_the_font_lacks_has_room_and_stays_text() -> None:
    texts = [Text(50, 20 * i, word) for i, word in enumerate(["卷积 3×3", "é→µ", "😀 x"], 1)]
    root = build(network("googlenet"))
    picture = write(Figure(Drawing([], texts, []), 100, 100, 1.0, root), THEMES["light"])
    wanted = 9.5 * (1 + 1 + 0.278 + 0.556 + 0.584 + 0.556)
    assert f'textLength="{wanted:.2f}"' in picture
    page = pypdfium2.PdfDocument(to_pdf(picture))[0]
    words = page.get_textpage()
    items = [item for item in page.get_objects() if item.type == raw.FPDF_PAGEOBJ_TEXT]
    assert [said(item, words) for item in items] == [text.text for text in texts]


def test_a_page_is_no_larger_than_pdf_allows() -> None:
    root = build(network("googlenet"))
    picture = write(Figure(Drawing([], [], []), 40_000, 100, 1.0, root), THEMES["light"])
    page = pypdfium2.PdfDocument(to_pdf(picture))[0]
    assert page.get_size() == pytest.approx((14_400, 14_400 * 108 / 40_008), abs=0.01)


def test_a_pdf_is_the_same_everywhere() -> None:
    """Neither a hash seed nor the fonts of the machine, of which there may be none, are in it."""
    program = (
        "import sys, netspec; net = netspec.load(sys.argv[1])\n"
        "for kind in ('pdf', 'png'): sys.stdout.buffer.write(net.render(kind))"
    )
    wanted = b"".join(netspec.load(SPEC).render(kind) for kind in ("pdf", "png"))
    for seed in ("0", "1"):
        changed = {"PYTHONHASHSEED": seed, "FONTCONFIG_FILE": "/dev/null", "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", program, SPEC],
            env={**os.environ, **changed},
            capture_output=True,
            check=True,
        )
        assert run.stdout == wanted


# ------------------------------------------------------------------ PNG


@pytest.mark.parametrize("dpi", [72, 150, 300])
def test_a_png_has_its_pixels_and_says_how_large_they_are(dpi: int, tmp_path: Path) -> None:
    output = tmp_path / "figure.png"
    assert main(["render", SPEC, "-o", str(output), "--dpi", str(dpi)]) == 0
    picture = Image.open(output)
    picture.load()
    shown = figure("googlenet")
    sides = [(side + 2 * MARGIN) * shown.scale / 72 * dpi for side in (shown.width, shown.height)]
    assert picture.size == pytest.approx(sides, abs=1)
    assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.02)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    # The first box of the legend has its colour where it should.
    box = next(
        box for box in shown.drawing.boxes if box.owner[0] == "legend" and box.kind == "pool"
    )
    place = [(x + MARGIN) * shown.scale * dpi / 72 for x in (box.x + 7, box.y + 5)]
    found = "#{:02x}{:02x}{:02x}".format(*picture.getpixel(tuple(map(round, place))))
    assert found == box.fill.light


def test_a_png_is_no_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pdf = to_pdf(svg("googlenet"))
    monkeypatch.setattr(limits, "PIXELS", 100_000)
    small = Image.open(io.BytesIO(to_png(pdf, None)))
    assert 80_000 < small.width * small.height <= 101_000
    output = tmp_path / "figure.png"
    assert main(["render", SPEC, "-o", str(output), "--dpi", "100"]) == 2
    assert "pixels are more than 100,000; give --dpi 37 at most" in capsys.readouterr().err
    assert not output.exists()
