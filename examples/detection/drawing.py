"""Detections drawn into their pictures."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from detection.detecting import Detections
from detection.layouts import Pictures
from netspec.text.files import write

COLUMNS = 4  # pictures side by side
SIDE = 320  # pixels of the longer side of a drawn picture
_TEXT, _LINE, _GAP = 15, 3, 6
_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)
Colour = tuple[int, int, int]


def drawn(picture: Image.Image, found: Detections, classes: Sequence[str]) -> Image.Image:
    """Return a picture, enlarged or reduced, with its boxes, the surest on top."""
    scale = SIDE / max(picture.size)
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    canvas = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for box, label, score in reversed(list(zip(*(part.tolist() for part in found), strict=True))):
        left, top, right, bottom = (side * scale for side in box)
        colour = colour_of(label)
        draw.rectangle((left, top, right, bottom), outline=colour, width=_LINE)
        _write(draw, (left, top), f"{classes[label - 1]} {score:.0%}", colour)
    return canvas


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, fill: Colour) -> None:
    """Write a line on its own ground, within the picture where it fits."""
    font = ImageFont.load_default(_TEXT)
    shown = " ".join(text.encode("utf-8", "replace").decode().split())
    width, height = draw.textlength(shown, font) + 2 * _LINE, _TEXT + 2 * _LINE
    left = max(min(place[0], draw.im.size[0] - width), 0)
    top = max(place[1] - height, 0)
    draw.rectangle((left, top, left + width, top + height), fill=fill)
    ink = _DARK if sum(fill) > 380 else _LIGHT
    draw.text((left + _LINE, top + _LINE / 2), shown, ink, font)


def colour_of(label: int) -> Colour:
    """Return a colour that differs from those of the labels before it."""
    turn = (label - 1) * 0.618034 % 1  # the golden ratio: never twice the same
    red, green, blue = colorsys.hsv_to_rgb(turn, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw(pictures: Pictures, found: Sequence[Detections], path: Path) -> None:
    """Write the first pictures with what was found in them as one PNG, row by row."""
    cell, columns = SIDE + _GAP, min(COLUMNS, len(found))
    size = columns * cell - _GAP, -(-len(found) // columns) * cell - _GAP
    sheet = Image.new("RGB", size, _LIGHT)
    for place, each in enumerate(found):
        picture = drawn(pictures.read(place), each, pictures.classes)
        sheet.paste(picture, (place % columns * cell, place // columns * cell))
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    write({str(path): data.getvalue()})
