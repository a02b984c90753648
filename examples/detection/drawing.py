"""Detections drawn into their pictures."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from detection.detecting import Detections
from detection.layouts import Pictures
from detection.proposing import readable
from netspec.text.files import write

COLUMNS = 4  # pictures side by side
SIDE = 320  # pixels of the longer side of a drawn picture
_TEXT, _LINE, _GAP = 15, 3, 6
_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)
Colour = tuple[int, int, int]
Box = tuple[float, ...]


def drawn(picture: Image.Image, found: Detections, classes: Sequence[str]) -> Image.Image:
    """Return a picture, enlarged or reduced, with its boxes, the surest on top."""
    scale = SIDE / max(picture.size)
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    canvas = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    boxes, labels, scores = (part.tolist() for part in found)
    places = [tuple(side * scale for side in box) for box in boxes]
    for box, label in reversed(list(zip(places, labels, strict=True))):
        draw.rectangle(box, outline=colour_of(label), width=_LINE)
    taken: list[Box] = []
    for box, label, score in zip(places, labels, scores, strict=True):
        text = f"{classes[label - 1]} {score:.0%}"
        taken.append(_write(draw, box, text, colour_of(label), taken))
    return canvas


def _write(
    draw: ImageDraw.ImageDraw, box: Box, text: str, fill: Colour, taken: Sequence[Box]
) -> Box:
    """Write a line on its own ground, above its box or where nothing else is written; return it."""
    font = ImageFont.load_default(_TEXT)
    shown = " ".join(text.encode("utf-8", "replace").decode().split())
    width, height = draw.textlength(shown, font) + 2 * _LINE, _TEXT + 2 * _LINE
    left = max(min(box[0], draw.im.size[0] - width), 0)
    lowest = draw.im.size[1] - height
    tops = [max(min(top, lowest), 0) for top in (box[1] - height, box[3], box[1], box[3] - height)]
    grounds = [(left, top, left + width, top + height) for top in tops]
    ground = next((each for each in grounds if not any(_meet(each, x) for x in taken)), grounds[0])
    draw.rectangle(ground, fill=fill)
    ink = _DARK if sum(fill) > 380 else _LIGHT
    draw.text((ground[0] + _LINE, ground[1] + _LINE / 2), shown, ink, font)
    return ground


def _meet(one: Box, other: Box) -> bool:
    """Tell whether two boxes overlap."""
    is_beside = one[2] <= other[0] or other[2] <= one[0]
    return not (is_beside or one[3] <= other[1] or other[3] <= one[1])


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
        if (picture := readable(pictures, place)) is not None:
            corner = place % columns * cell, place // columns * cell
            sheet.paste(drawn(picture, each, pictures.classes), corner)
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    write({str(path): data.getvalue()})
