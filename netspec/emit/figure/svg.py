"""The page figure as SVG: plain shapes and text, no script, no link, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from netspec.analysis.network import Network
from netspec.emit.figure.drawing import Box, Line, Text
from netspec.emit.figure.hatch import hatch
from netspec.emit.figure.naming import layers_of
from netspec.emit.figure.page import MARGIN, Figure, lay_out
from netspec.emit.figure.room import room
from netspec.emit.figure.text import FAMILY
from netspec.emit.look import Look, LookError
from netspec.graph.model import NodeId, path

BAR_INSET = 3.0
"""What a full bar leaves of its box's width on each side."""
SHORTEST_BAR = 0.8
"""A shorter bar would look like dirt."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours that do not belong to a kind of op; `fill` is the column of the palette.

    With a colour for it, `hatch`, kinds have their strokes.
    """

    fill: str
    paper: str
    group: str
    border: str
    ink: str
    faint: str
    line: str
    bar: str
    head: str
    hatch: str = ""


THEMES = {
    "light": Theme(
        "light", "#ffffff", "#f6f7f8", "#8f959c", "#111111", "#555b61", "#4a4f55", "#700000",
        "#8a2f8a",
    ),
    "dark": Theme(
        "dark", "#14181d", "#1b2026", "#67707a", "#f2f4f6", "#b4bcc5", "#a3abb4", "#ffb3a7",
        "#e59be5",
    ),
    "print": Theme(
        "grey", "#ffffff", "#ffffff", "#555555", "#000000", "#333333", "#222222", "#000000",
        "#000000", "#9c9c9c",
    ),
}  # fmt: skip


def to_svg(network: Network, look: Look | None = None) -> str:
    """Return the network's figure, laid out for a page or a width, as SVG text.

    Blocks are closed as `look` says, and further ones where the text would become too small to
    read. Raises LookError.
    """
    look = look or Look()
    theme = themed(look)
    return write(_laid_out(network, look), theme)


def to_linked_svg(network: Network, look: Look) -> str:
    """Return the same figure, whose boxes say in `data-layers` which paths they stand for."""
    theme, figure = themed(look), _laid_out(network, look)
    return write(figure, theme, layers_of(network, figure.root))


def _laid_out(network: Network, look: Look) -> Figure:
    return lay_out(network, room(look), look.depth, look.open, look.names)


def themed(look: Look) -> Theme:
    """Return the colours of a look. Raises LookError."""
    if look.theme not in THEMES:
        raise LookError(f"theme {look.theme!r}: expected one of {', '.join(THEMES)}")
    return THEMES[look.theme]


def write(
    figure: Figure, theme: Theme, layers: Mapping[NodeId, Sequence[NodeId]] | None = None
) -> str:
    """Return a figure as SVG text; with `layers` a box says which ones it stands for."""
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
            f"<title>{_words(figure.root.label)}</title>",
            f'<rect x="{-MARGIN:g}" y="{-MARGIN:g}" width="{_number(width)}" '
            f'height="{_number(height)}" fill="{theme.paper}"/>',
            *(_named(box, theme, layers) for box in groups),
            *(_line(line, theme) for line in drawing.lines),
            *(_named(box, theme, layers) for box in boxes),
            # What stands in a box does not hide it from the pointer.
            '<g pointer-events="none">',
            *(_text(text, theme) for text in drawing.texts),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _number(value: float) -> str:
    """Write a coordinate with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _named(box: Box, theme: Theme, layers: Mapping[NodeId, Sequence[NodeId]] | None) -> str:
    """Write a box, in a group that has the paths of its layers."""
    own: Sequence[NodeId] = [box.owner] if box.is_group and any(box.owner) else ()
    found = layers.get(box.owner, own) if layers is not None and box.kind != "tag" else ()
    text = _box(box, theme)
    return f'<g data-layers="{escape(" ".join(map(path, found)))}">{text}</g>' if found else text


def _box(box: Box, theme: Theme) -> str:
    x, y, wide, tall = map(_number, (box.x, box.y, box.width, box.height))
    place = f'x="{x}" y="{y}" width="{wide}" height="{tall}"'
    if box.kind in ("bar", "time"):
        return f'<rect {place} fill="{theme.bar if box.kind == "bar" else theme.ink}"/>'
    radius = 6 if box.kind in ("input", "tag") else 4 if box.is_group else 2.5
    fill = theme.group if box.is_group else theme.paper
    if box.fill:
        fill = getattr(box.fill, theme.fill)
    stroke = theme.head if box.is_head else theme.border if box.is_group else theme.line
    dash = ' stroke-dasharray="3 2"' if box.is_head else ""
    rect = f'<rect {place} rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="0.7"{dash}'
    rect += f"><title>{_words(box.about)}</title></rect>" if box.about else "/>"
    return rect + _hatch(box, theme) + _bars(box, theme)


def _hatch(box: Box, theme: Theme) -> str:
    found = []
    for stroke in box.fill.hatch if box.fill and theme.hatch else "":
        points = " ".join(f"{_number(x)},{_number(y)}" for x, y in hatch(box, stroke))
        dash = ' stroke-dasharray="0.8 3.7"' if stroke == "." else ""
        pen = f'fill="none" stroke="{theme.hatch}" stroke-width="0.5"{dash}'
        found.append(f'<polyline points="{points}" {pen}/>')
    return "".join(found)


def _bars(box: Box, theme: Theme) -> str:
    room = box.width - 2 * BAR_INSET
    bars = ((box.time, box.y + 1.4, theme.ink), (box.bar, box.y + box.height - 3.2, theme.bar))
    return "".join(
        f'<rect x="{_number(box.x + BAR_INSET)}" y="{_number(y)}" width="{_number(share * room)}" '
        f'height="1.8" fill="{colour}"/>'
        for share, y, colour in bars
        if share * room >= SHORTEST_BAR
    )


def _words(text: str) -> str:
    """Return text of a spec as text of the picture."""
    return escape(text, quote=False)


def _text(text: Text, theme: Theme) -> str:
    faint = text.role in ("note", "shape", "legend")
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = ' font-weight="bold"' if text.bold else ""
    place = f'x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.size:g}"'
    fill = theme.faint if faint else theme.ink
    left, _, right, _ = text.bounds
    # In whatever font a viewer draws it, a text takes the room that was laid out for it.
    length = f'textLength="{_number(right - left)}" lengthAdjust="spacingAndGlyphs"'
    return f'<text {place} fill="{fill}"{anchor}{weight} {length}>{_words(text.text)}</text>'


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
