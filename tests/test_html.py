"""The offline page: self-contained, small, inert text; and that it works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import netspec
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.html import LARGEST, to_html
from netspec.text.syntax import decode

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
    assert len(page.encode()) <= LARGEST
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
    assert len(page.encode()) <= LARGEST


def test_the_page_works_in_a_browser(googlenet: Network, tmp_path: Path) -> None:
    page = to_html(googlenet)
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        # Without a browser the page is only known to be well formed.
        assert json.loads(Elements(page).data)["flow"]["parts"]
        return
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"<script>{DRIVE}</script></body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000"]
    run = subprocess.run([*command, file.as_uri()], capture_output=True, timeout=120, check=True)
    text = run.stdout.decode()
    assert "REPORT" in text, run.stderr.decode()[-500:]
    report = json.loads(text[text.index("REPORT") + 6 : text.index("TROPER")])
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
