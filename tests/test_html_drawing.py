"""What the page draws in a browser, whatever is open and however it wraps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netspec.analysis.network import Network
from netspec.emit.figure.drawing import Box, Drawing, Point, Text
from netspec.emit.html import to_html
from netspec.graph.model import path
from tests import drawings, wiring
from tests.browser import PROGRAM, REASON, Tab, browser
from tests.support import compiled, draws

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=REASON)
MEASURE = (Path(__file__).parent / "measure.js").read_text()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def measured(tab: Tab, network: Network, folder: Path) -> list[dict[str, Any]]:
    """Return what the page shows with some blocks open, in one column and in several."""
    file = folder / "page.html"
    file.write_text(to_html(network))
    tab.open(file.as_uri())
    found = tab.run(MEASURE)
    assert tab.errors == []
    return list(found)


def drawing(shown: dict[str, Any]) -> Drawing:
    """Return what a browser shows as the page figure would have it."""
    result = Drawing()
    for x, y, width, height, kind, owner in shown["boxes"]:
        result.boxes.append(Box(x, y, width, height, kind, (owner,), is_group=kind == "group"))
    tags = [(x, y, x + width, y + height) for x, y, width, height in shown["tags"]]
    for i, (x, y, right, low) in enumerate(tags):
        result.boxes.append(Box(x, y, right - x, low - y, "tag", ("tag", str(i))))
    for x, y, words, kind, anchor in shown["texts"]:
        size, role = (9, "note") if kind == "note" else (10, kind)
        role = "shape" if kind == "note" and anchor == "start" else role
        role = "tag" if any(drawings.holds(tag, (x, y, x, y)) for tag in tags) else role
        result.texts.append(Text(x, y, words, size, anchor, role, kind == "title"))
    for i, (points, _, _) in enumerate(shown["lines"]):
        result.line([(x, y) for x, y in points], (str(i),))
    return result


def crossings(found: Drawing) -> list[str]:
    """Return the pieces of lines that cross; those from one source may fork and share a way."""
    pieces = [piece for line in found.lines for piece in drawings.segments(line)]
    level = [piece for piece in pieces if piece[0][1] == piece[1][1]]
    upright = [piece for piece in pieces if piece[0][0] == piece[1][0]]
    return [f"{a} crosses {b}" for a in level for b in upright if _is_cross(a, b)]


def _is_cross(level: tuple[Point, Point], upright: tuple[Point, Point]) -> bool:
    (left, y), (right, _) = sorted(level)
    (x, top), (_, bottom) = sorted(upright)
    near = drawings.EPSILON
    return left + near < x < right - near and top + near < y < bottom - near


def problems(shown: dict[str, Any]) -> list[str]:
    found = drawing(shown)
    page = (0.0, 0.0, shown["width"], shown["height"])
    return [
        *drawings.overlapping_boxes(found),
        *drawings.overlapping_texts(found),
        *drawings.lines_through_things(found),
        *crossings(found),
        *(str(box) for box in found.boxes if not drawings.holds(page, drawings.bounds(box))),
    ]


# ------------------------------------------------------------------ every edge of the graph


def drawn_edges(shown: dict[str, Any]) -> set[tuple[str, str]]:
    """Return from which box to which the lines lead, through inputs, outputs, forks and tags."""
    ways = defaultdict(set)
    for _, start, end in shown["lines"]:
        ways[_key(start)].add(_key(end))
    found = set()
    for start in [key for key in ways if isinstance(key, tuple)]:
        seen, waiting = set(), [*ways[start]]
        while waiting:
            if (end := waiting.pop()) not in seen:
                seen.add(end)
                waiting += ways[end] if isinstance(end, str) else []
        found |= {(start[1], end[1]) for end in seen if isinstance(end, tuple)}
    return {edge for edge in found if edge[0] != edge[1]}


def _key(end: Any) -> Any:
    return tuple(end) if isinstance(end, list) else end


def edges(network: Network, shown: dict[str, Any]) -> set[tuple[str, str]]:
    """Return from which box to which data flows."""
    leaves = [owner for *_, kind, owner in shown["boxes"] if kind != "group"]
    home = {}
    for node in (*network.graph.inputs, *network.graph.nodes):
        names = (path(node[:end]) for end in range(len(node), 0, -1))
        home[node] = next(name for name in names if name in leaves)
    links = [(x, node.id) for node in network.graph.nodes.values() for x in node.inputs]
    found = {(home[a], home[b]) for a, b in links if home[a] != home[b]}
    outputs = {(home[x.node], f"output {x.name}") for x in network.graph.outputs}
    return found | {edge for edge in outputs if edge[1] in leaves}


# ------------------------------------------------------------------ random networks


def random_networks(count: int) -> list[Network]:
    texts: list[str] = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
    @given(drawings.random_spec())
    def draw(text: str) -> None:
        texts.append(text)

    draw()
    return [compiled(text) for text in dict.fromkeys(texts)]


def test_whatever_is_open_nothing_overlaps_and_every_edge_is_drawn(
    tab: Tab, tmp_path: Path
) -> None:
    for network in random_networks(draws(3, 40)):
        for shown in measured(tab, network, tmp_path):
            assert problems(shown) == []
            assert drawn_edges(shown) == edges(network, shown)
            seen, faults = wiring.drawn_edges(drawing(shown))
            assert {(start, end) for (start,), (end,) in seen} == edges(network, shown)
            assert faults == []
