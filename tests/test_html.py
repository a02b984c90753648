"""The offline page: self-contained, small, inert text; and that it works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import netspec
from netspec import limits
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.figure.drawing import Box, Drawing, Line, Point, Text
from netspec.emit.html import to_html
from netspec.text.syntax import decode
from tests import drawings
from tests.support import compiled, draws

HOSTILE = """
netspec: 1
name: Hostile
inputs: {image: [3, 8, 8]}
graph:
  conv: {conv2d: [4, 1], doc: "</script><script>alert(1)</script><!--"}
outputs: {out: conv}
"""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

DRIVE = """
const named = (path) => [...boxes.keys()].find((each) => each.path === path);
const report = [boxes.size];
boxes.get(named("inception_3a")).dispatchEvent(new MouseEvent("click", { bubbles: true }));
report.push(boxes.size, open.size);
boxes.get(named("inception_3a")).dispatchEvent(new MouseEvent("click", { bubbles: true }));
report.push(boxes.size);
search.value = "conv5x5"; look(0);
report.push(found.length, open.size, document.getElementById("count").textContent);
const target = boxes.get(named("inception_3a.conv5x5"));
target.focus();
report.push(about.textContent);
dispatchEvent(new KeyboardEvent("keydown", { key: "c" }));
report.push(boxes.size);
const before = view.k;
dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
report.push(view.k > before, document.documentElement.dataset.theme);
dispatchEvent(new KeyboardEvent("keydown", { key: "t" }));
report.push(document.documentElement.dataset.theme);
document.body.textContent = "REPORT" + JSON.stringify(report) + "TROPER";
"""

MEASURE = Path(__file__).parent / "measure.js"


@pytest.fixture(scope="module")
def googlenet() -> Network:
    specs = Path(__file__).parent.parent / "specs"
    return netspec.load(str(specs / "googlenet.yaml")).network


class Elements(HTMLParser):
    """Collects the elements of a page and the text of its data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][1].get("id") == "network":
            self.data += data


def test_the_page_is_small_and_fetches_nothing(googlenet: Network) -> None:
    page = to_html(googlenet)
    assert len(page.encode()) <= limits.HTML_BYTES
    elements = Elements(page)
    assert not any(set(attributes) & {"src", "href", "onclick"} for _, attributes in elements.tags)
    assert "default-src 'none'" in page
    addresses = set(re.findall(r"https?://[^\s\"']+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_the_data_holds_every_box_with_its_costs_and_line(googlenet: Network) -> None:
    data = json.loads(Elements(to_html(googlenet)).data)
    items = {item["label"]: item for item in data["items"]}
    block = items["inception_3a"]
    assert block["cost"] == "164k params · 128M MACs"
    assert len(block["items"]) == 8
    assert "163,696 parameters · 128,049,152 MACs" in block["about"]
    assert block["yaml"].startswith("googlenet.yaml:") and "inception_3a:" in block["yaml"]
    assert items["aux1"]["head"] == 1
    assert [side["after"] for side in data["flow"]["sides"]] == [11, 14]


def test_text_never_becomes_markup() -> None:
    page = to_html(compile_spec(decode(HOSTILE.encode(), "<b>spec.yaml")))
    scripts = [tag for tag, _ in Elements(page).tags if tag == "script"]
    assert len(scripts) == 2
    assert "<!--" not in page
    assert "\\u003c/script>\\u003cscript>alert(1)" in page
    assert "alert(1)" not in page.replace("\\u003c/script>\\u003cscript>alert(1)", "")


def test_a_huge_network_stays_within_the_limit() -> None:
    blocks = "  Block:\n    chain:\n" + "".join(f"      r{i}: relu\n" for i in range(40))
    graph = "".join(f"  b{i}: {{Block: []}}\n  p{i}: {{dropout: 0.{i + 1}}}\n" for i in range(90))
    head = "netspec: 1\nname: Large\ninputs: {image: [4]}\nblocks:\n"
    spec = f"{head}{blocks}graph:\n{graph}outputs: {{out: p89}}\n"
    page = to_html(compile_spec(decode(spec.encode(), "spec.yaml")))
    assert len(page.encode()) <= limits.HTML_BYTES


def in_a_browser(page: str, script: str, folder: Path) -> Any:
    """Return what a script in a page reports, None where there is no browser."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return None
    file = folder / "page.html"
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000"]
    run = subprocess.run([*command, file.as_uri()], capture_output=True, timeout=120, check=True)
    text = run.stdout.decode()
    assert "REPORT" in text, run.stderr.decode()[-500:]
    return json.loads(unescape(text[text.index("REPORT") + 6 : text.index("TROPER")]))


def test_the_page_works_in_a_browser(googlenet: Network, tmp_path: Path) -> None:
    report = in_a_browser(to_html(googlenet), DRIVE, tmp_path)
    if report is None:
        # Without a browser the page is only known to be well formed.
        assert json.loads(Elements(to_html(googlenet)).data)["flow"]["parts"]
        return
    closed, opened, count, again, found, parents, counter, about, after, zoomed, *themes = report
    assert opened == closed + 8
    assert (count, again) == (1, closed)
    assert (found, parents, counter) == (9, 9, "1/9")
    assert "conv 5×5, 32 → ReLU" in about
    assert "output 32×28×28" in about
    assert "googlenet.yaml:" in about
    assert after == closed
    assert zoomed is True
    assert sorted(themes) == ["dark", "light"]


def drawing(shown: dict[str, Any]) -> Drawing:
    """Return what a browser shows as the page figure would have it."""
    result = Drawing()
    for i, (x, y, width, height, kind) in enumerate(shown["boxes"]):
        is_group = "group" in kind.split()
        result.boxes.append(Box(x, y, width, height, kind, (kind, str(i)), is_group=is_group))
    for x, y, words, kind, anchor in shown["texts"]:
        size, role = (9, "note") if kind == "note" else (10, "node")
        role = "title" if kind == "title" else "shape" if size == 9 and not anchor else role
        result.texts.append(Text(x, y, words, size, anchor or "start", role, kind == "title"))
    for i, points in enumerate(shown["lines"]):
        result.lines.append(Line(tuple(map(tuple, points)), (str(i),)))
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


def random_networks(count: int) -> list[Network]:
    texts: list[str] = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
    @given(drawings.random_spec())
    def draw(text: str) -> None:
        texts.append(text)

    draw()
    return [compiled(text) for text in dict.fromkeys(texts)]


def test_whatever_is_open_nothing_overlaps_and_nothing_crosses(tmp_path: Path) -> None:
    networks = [*random_networks(draws(8, 200))]
    pages = [to_html(network) for network in networks]
    data = ",".join(Elements(page).data for page in pages)
    script = f"const NETWORKS = [{data}];\n{MEASURE.read_text()}"
    report = in_a_browser(pages[0], script, tmp_path)
    # Without a browser only `test_routes` tells how links are drawn.
    assert report is None or len(report) == 4 * len(networks)
    assert [problem for shown in report or () for problem in problems(shown)] == []
