"""The page figure as SVG: plain shapes and text, no script, no link, nothing fetched."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from netspec.analysis.network import Network
from netspec.emit.figure.drawing import Box, Line, Text
from netspec.emit.figure.page import MARGIN, Figure, lay_out, page_size
from netspec.emit.figure.text import FAMILY
from netspec.emit.palette import KINDS

SHORTEST_BAR = 0.8
"""A shorter bar would look like dirt."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours that do not belong to a kind of op; `fill` is the column of the palette."""

    fill: str
    paper: str
    group: str
    border: str
    ink: str
    faint: str
    line: str
    bar: str
    head: str


THEMES = {
    "light": Theme(
        "light", "#ffffff", "#f6f7f8", "#8f959c", "#111111", "#555b61", "#4a4f55", "#c00000",
        "#8a2f8a",
    ),
    "dark": Theme(
        "dark", "#14181d", "#1b2026", "#67707a", "#f2f4f6", "#b4bcc5", "#a3abb4", "#ff6b5e",
        "#e59be5",
    ),
    "print": Theme(
        "grey", "#ffffff", "#ffffff", "#555555", "#000000", "#333333", "#222222", "#000000",
        "#000000",
    ),
}  # fmt: skip


def to_svg(
    network: Network,
    page: str = "letter",
    orientation: str = "landscape",
    depth: int | None = None,
    theme: str = "light",
) -> str:
    """Return the network's figure, wrapped onto a page, as SVG text.

    `page` is letter, a4, slide or none; `theme` is light, dark or print. Blocks more than `depth`
    levels down are closed, and further ones where the text would become too small to read.
    Raises ValueError for an unknown page, orientation or theme, and for a network that no page can
    show FigureError, which is one.
    """
    if theme not in THEMES:
        raise ValueError(f"theme {theme!r}: expected one of {', '.join(THEMES)}")
    return write(lay_out(network, page_size(page, orientation), depth), THEMES[theme])


def write(figure: Figure, theme: Theme) -> str:
    """Return a figure as SVG text."""
    width, height = figure.width + 2 * MARGIN, figure.height + 2 * MARGIN
    size = f'width="{_number(width * figure.scale)}pt" height="{_number(height * figure.scale)}pt"'
    view = f"{-MARGIN:g} {-MARGIN:g} {_number(width)} {_number(height)}"
    drawing = figure.drawing
    # Lines pass over the frames of blocks, and under all other boxes.
    groups = [box for box in drawing.boxes if box.is_group]
    boxes = [box for box in drawing.boxes if not box.is_group]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{view}" '
            f'font-family="{FAMILY}" role="img">',
            f"<title>{escape(figure.root.label, quote=False)}</title>",
            f'<rect x="{-MARGIN:g}" y="{-MARGIN:g}" width="{_number(width)}" '
            f'height="{_number(height)}" fill="{theme.paper}"/>',
            *(_box(box, theme) for box in groups),
            *(_line(line, theme) for line in drawing.lines),
            *(_box(box, theme) for box in boxes),
            *(_text(text, theme) for text in drawing.texts),
            "</svg>",
            "",
        ]
    )


def _number(value: float) -> str:
    """Write a coordinate with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _box(box: Box, theme: Theme) -> str:
    x, y, wide, tall = map(_number, (box.x, box.y, box.width, box.height))
    place = f'x="{x}" y="{y}" width="{wide}" height="{tall}"'
    if box.kind in ("bar", "time"):
        return f'<rect {place} fill="{theme.bar if box.kind == "bar" else theme.ink}"/>'
    radius = 6 if box.kind in ("input", "tag") else 4 if box.is_group else 2.5
    fill = theme.group if box.is_group else theme.paper
    if not box.is_group and box.kind != "tag":
        fill = getattr(KINDS[box.kind], theme.fill)
    stroke = theme.head if box.is_head else theme.border if box.is_group else theme.line
    dash = ' stroke-dasharray="3 2"' if box.is_head else ""
    rect = f'<rect {place} rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="0.7"{dash}/>'
    bars = ((box.time, box.y + 1.4, theme.ink), (box.bar, box.y + box.height - 3.2, theme.bar))
    return rect + "".join(
        f'<rect x="{_number(box.x + 3)}" y="{_number(y)}" width="{_number(length)}" height="1.8" '
        f'fill="{colour}"/>'
        for length, y, colour in bars
        if length >= SHORTEST_BAR
    )


def _text(text: Text, theme: Theme) -> str:
    faint = text.role in ("note", "shape", "legend")
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = ' font-weight="bold"' if text.bold else ""
    place = f'x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.size:g}"'
    fill = theme.faint if faint else theme.ink
    left, _, right, _ = text.bounds
    # In whatever font a viewer draws it, a text takes the room that was laid out for it.
    length = f'textLength="{_number(right - left)}" lengthAdjust="spacingAndGlyphs"'
    words = escape(text.text, quote=False)
    return f'<text {place} fill="{fill}"{anchor}{weight} {length}>{words}</text>'


def _line(line: Line, theme: Theme) -> str:
    colour = theme.head if line.is_head else theme.line
    dash = ' stroke-dasharray="3 2"' if line.is_head else ""
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in line.points)
    path = (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="0.8" '
        f'stroke-linejoin="round"{dash}/>'
    )
    return path + (_arrow(line, colour) if line.is_arrow else "")


def _arrow(line: Line, colour: str) -> str:
    """Return the head of an arrow at a line's end."""
    (x0, y0), (x, y) = line.points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    corners = [(x, y), (x - 4.5 * dx - 2 * dy, y - 4.5 * dy - 2 * dx)]
    corners.append((x - 4.5 * dx + 2 * dy, y - 4.5 * dy + 2 * dx))
    points = " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'
