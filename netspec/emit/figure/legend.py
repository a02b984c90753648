"""The legend under a figure: colours, cost bar, dashes, tags, and the network's totals."""

from __future__ import annotations

from typing import NamedTuple

from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import short, total_text
from netspec.emit.diagram.tree import Cluster, leaves
from netspec.emit.figure.boxes import Boxes, wrapped
from netspec.emit.figure.drawing import SMALL, Box, Drawing, Text, Tile
from netspec.emit.figure.text import width
from netspec.emit.palette import Fill, fill, fills

_ROW = 15.0
_SPACE = 14.0
_BAR = 30.0


class LegendEntry(NamedTuple):
    """A sample box and its words; without a kind only words."""

    kind: str
    text: str
    sample: float = 14.0
    is_head: bool = False
    fill: Fill | None = None

    @property
    def start(self) -> float:
        """Where its words begin."""
        return self.sample + 4 if self.kind else 0.0


def legend(network: Network, root: Cluster, boxes: Boxes, room: float, has_tags: bool) -> Tile:
    """Return the legend, wrapped to the room."""
    drawing = Drawing()
    x, y, widest = 0.0, 0.0, 0.0
    for entry in entries(network, root, boxes, has_tags):
        wide = entry.start + width(entry.text, SMALL)
        if x > 0 and x + wide > room:
            x, y = 0.0, y + _ROW
        _draw(drawing, entry, x, y)
        widest = max(widest, x + wide)
        x += wide + _SPACE
    totals = wrapped(total_text(network), SMALL, room)
    wide = max(width(line, SMALL) for line in totals)
    y += _ROW if x + wide > room else 0.0
    at = max(room, wide)
    for i, line in enumerate(totals):
        drawing.texts.append(Text(at, y + 9.5 + _ROW * i, line, SMALL, "end", "total"))
    return Tile(0, max(widest, at), y + 13 + _ROW * (len(totals) - 1), drawing)


def entries(network: Network, root: Cluster, boxes: Boxes, has_tags: bool) -> list[LegendEntry]:
    """Return what has to be said of a picture beside the totals."""
    shown, most = list(leaves(root)), boxes.most
    kinds = fills((leaf.kind, leaf.kernel) for leaf in shown)
    found = [LegendEntry(kind.key, kind.name, fill=kind) for kind in kinds]
    found += [LegendEntry("", note) for note in boxes.wording.notes()]
    bar = "lower bar" if most.seconds else "bar"
    if most.seconds:
        whole = sum(cost.seconds for cost in network.costs.values())
        text = f"upper bar: time (full = {1000 * most.seconds:.3g} ms, "
        found.append(LegendEntry("time", f"{text}{100 * most.seconds / whole:.0f} %)", _BAR))
    if most.macs:
        share = 100 * most.macs / max(network.totals.inference.macs, 1)
        text = f"{bar}: MACs (full width = {short(most.macs)}, {share:.0f} %)"
        found.append(LegendEntry("bar", text, _BAR))
    if any(leaf.train_only for leaf in shown):
        found.append(LegendEntry("input", "training only", is_head=True, fill=fill("input")))
    if has_tags:
        found.append(LegendEntry("", "equal numbers: one connection"))
    return found


def _draw(drawing: Drawing, entry: LegendEntry, x: float, y: float) -> None:
    id = ("legend", entry.text)
    if entry.kind in ("bar", "time"):
        drawing.boxes.append(Box(x, y + 5, entry.sample, 2, entry.kind, id))
    elif entry.kind:
        box = Box(x, y + 1, entry.sample, 10, entry.kind, id, entry.is_head, fill=entry.fill)
        drawing.boxes.append(box)
    drawing.texts.append(Text(x + entry.start, y + 9.5, entry.text, SMALL, "start", "legend"))
