"""The page as a reader uses it: search, keys, fingers, links, details, files; in a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import netspec
from netspec.compiler import compile_spec
from netspec.emit.html import to_html
from netspec.text.syntax import decode
from tests.browser import PROGRAM, REASON, Tab, browser
from tests.hostile_text import hostile_spec
from tests.support import ROOT, compiled

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=REASON)
SHIFT = 8
OPENED = "[...open].map((item) => item.path).sort()"
STATE = f"JSON.stringify([{OPENED}, view, limits, selected && selected.path])"
INSIDE = """[...boxes.values()].every((box) => {
  const { left, right, top, bottom } = box.getBoundingClientRect();
  const { left: x, top: y, width, height } = room();
  return left >= x - 1 && top >= y - 1 && right <= x + width + 1 && bottom <= y + height + 1;
})"""


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tab, Path]]:
    folder = tmp_path_factory.mktemp("page")
    for name in ("googlenet", "resnet152"):
        network = netspec.load(str(ROOT / "specs" / f"{name}.yaml")).network
        (folder / f"{name}.html").write_text(to_html(network))
    with browser(folder / "profile") as tab:
        yield tab, folder


@pytest.fixture
def page(browsed: tuple[Tab, Path]) -> Iterator[Tab]:
    """GoogLeNet's page, as it opens."""
    tab, folder = browsed
    tab.size(1280, 800)
    tab.open((folder / "googlenet.html").as_uri())
    tab.errors.clear()
    yield tab
    assert tab.errors == []
    assert all(address.startswith(("file:", "blob:")) for address in tab.requests)


def place(tab: Tab, path: str) -> tuple[float, float]:
    """Return a point of a box: near its top, where an open block has nothing else."""
    script = f"(() => {{ const p = boxes.get(byPath.get('{path}')).getBoundingClientRect(); "
    x, y = tab.run(script + "return [p.left + 8 * view.k, p.top + 5 * view.k]; })()")
    return x, y


def told(tab: Tab) -> str:
    return str(tab.run("details.hidden ? '' : details.innerText"))


# ------------------------------------------------------------------ search


def search(tab: Tab, words: str) -> str:
    """Type words into the search, and return what it counts."""
    tab.press("/")
    tab.run("search.select()")
    tab.type(words)
    tab.settle()
    return str(tab.run("counter.textContent"))


def test_search_reaches_into_closed_blocks_and_opens_them(page: Tab) -> None:
    assert search(page, "conv5x5") == "1/9"
    assert len(page.run(OPENED)) == 1 + 9
    assert page.run("found[at].path") == "inception_3a.conv5x5"
    page.press("Enter")
    assert page.run("[found[at].path, counter.textContent]") == ["inception_3b.conv5x5", "2/9"]
    page.press("Enter", SHIFT)
    page.press("Enter", SHIFT)
    assert page.run("found[at].path") == "inception_5b.conv5x5"
    assert page.run("boxes.get(found[at]).classList.contains('current')")
    x, y = place(page, "inception_5b.conv5x5")
    assert 0 < x < 1280 and 0 < y < 800


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("conv2d", "1/59"),
        ("kernel_size 5", "1/11"),
        ("kernel_size=5", "1/11"),
        ("kernel_size: 5", "1/11"),
        ("avg pool 5×5", "1/2"),
        ("reduce5x5", "1/9"),
        ("out_channels 384", "1/2"),
        ("Inception: [  64,", "1/2"),
        ("AuxHead", "1/2"),
        ("kernel_size 4", "0/0"),
        ("(.*", "0/0"),
    ],
)  # fmt: skip
def test_search_finds_ops_arguments_and_lines(page: Tab, words: str, count: str) -> None:
    assert search(page, words) == count


def test_escape_restores_what_was_before_the_search(page: Tab) -> None:
    page.click(*place(page, "inception_4a"))
    page.press("+")
    before = page.run(STATE)
    for _ in range(2):
        search(page, "conv3x3")
        page.press("Enter")
        assert page.run(STATE) != before
        page.press("Escape")
        assert page.run(STATE) == before
        assert page.run("[search.value, counter.textContent, matches.size]") == ["", "", 0]


# ------------------------------------------------------------------ boxes and details


def test_a_click_opens_a_block_and_tells_all_about_it(page: Tab) -> None:
    count = page.run("boxes.size")
    page.click(*place(page, "inception_3a"))
    assert page.run("boxes.size") == count + 8
    found = told(page)
    for text in ("use of Inception", "192×28×28", "163,696", "128,049,152", "class Inception(nn"):
        assert text in found
    page.click(*place(page, "inception_3a.conv5x5"))
    assert "out_channels\t32" in told(page) and "in_channels\t16\tfrom the input" in told(page)
    assert "groups\t1\tdefault" in told(page) and "googlenet.yaml:" in told(page)
    page.click(*place(page, "inception_3a"))
    assert page.run("boxes.size") == count
    page.press("Escape")
    assert told(page) == ""


def test_open_all_and_close_all(page: Tab) -> None:
    closed = page.run("boxes.size")
    page.press("e")
    assert page.run("boxes.size === items.length")
    assert page.run(INSIDE)
    page.press("c")
    assert page.run("boxes.size") == closed


def test_lines_of_a_box_are_lit_under_the_pointer(page: Tab) -> None:
    page.press("e")
    x, y = place(page, "inception_4a.conv3x3")
    page.mouse("mouseMoved", x, y)
    page.settle()
    assert "conv 3×3, 208" in page.run("about.innerText")
    ends = "linesOf(byPath.get('inception_4a.conv3x3')).flatMap(({ from, to }) => [from, to])"
    found = set(page.run(f"{ends}.map((end) => end && end.path).filter(Boolean)"))
    assert found == {f"inception_4a.{name}" for name in ("reduce3x3", "conv3x3", "concat")}
    # What enters a block is followed to where it comes from.
    ends = ends.replace("conv3x3", "conv1x1")
    assert "pool3" in page.run(f"{ends}.map((end) => end && end.path)")
    assert page.run("lit.children.length") > 0
    page.mouse("mouseMoved", 2, 400)
    page.settle()
    assert page.run("lit.children.length") == 0


def test_colours_show_costs(page: Tab) -> None:
    fill = "getComputedStyle(boxes.get(byPath.get('conv2'))).fill"
    found = [page.run(fill)]
    for _ in range(3):
        page.press("m")
        found.append(page.run(fill))
    assert len(set(found)) == 3 and found[0] == found[3]


def test_keys_alone_reach_everything(page: Tab) -> None:
    for _ in range(30):
        page.press("Tab")
        if page.run("document.activeElement.getAttribute('role')") == "treeitem":
            break
    page.press("ArrowDown")
    focused = "document.activeElement.item.path"
    assert page.run(focused) == "conv1"
    for _ in range(7):
        page.press("ArrowDown")
    assert page.run(focused) == "inception_3a"
    label = page.run("document.activeElement.getAttribute('aria-label')")
    assert label.startswith("inception_3a, ") and "163,696 parameters" in label
    page.press("Enter")
    page.press("ArrowDown")
    assert page.run(focused) == "inception_3a.conv1x1"
    page.press("ArrowRight")
    assert page.run(focused) == "inception_3a.conv3x3"
    page.press("ArrowUp")
    assert page.run(focused) == "inception_3a.reduce3x3"
    assert page.run("boxes.get(byPath.get('inception_3a')).getAttribute('aria-expanded')") == "true"
    theme = page.run("document.documentElement.dataset.theme")
    page.press("t")
    assert {theme, page.run("document.documentElement.dataset.theme")} == {"dark", "light"}


# ------------------------------------------------------------------ links


def test_a_link_leads_to_a_layer(page: Tab) -> None:
    address = page.run("location.href")
    page.open(f"{address}#inception_4a.conv3x3")
    assert page.run("selected.path") == "inception_4a.conv3x3"
    assert "96×14×14" in told(page)
    page.run("location.hash = '#aux1.fc1'")
    page.wait("selected && selected.path === 'aux1.fc1'")
    # The layers in a box have its link.
    page.run("location.hash = '#inception_5b.conv5x5.relu'")
    page.wait("selected && selected.path === 'inception_5b.conv5x5'")
    page.click(*place(page, "inception_5b.pool"))
    assert page.run("location.hash") == "#inception_5b.pool"
    page.run("location.hash = '#%E0%A4%A'")
    page.wait("selected === null")


# ------------------------------------------------------------------ windows and fingers


def test_columns_follow_the_window(browsed: tuple[Tab, Path]) -> None:
    tab, folder = browsed
    tab.open((folder / "resnet152.html").as_uri())
    widths = []
    for width, height in ((1600, 500), (1280, 800), (700, 1000), (390, 844)):
        tab.size(width, height)
        assert tab.run(INSIDE)
        widths.append(tab.run("extent.width / extent.height"))
    assert widths == sorted(widths, reverse=True)
    assert tab.errors == []


def test_a_long_block_wraps_in_its_frame(browsed: tuple[Tab, Path]) -> None:
    tab, folder = browsed
    blocks = "blocks:\n  Long: {chain: {copies: {relu: [], repeat: 60}}}\n"
    head = f"netspec: 1\nname: Net\ninputs: {{image: [4, 8, 8]}}\n{blocks}"
    (folder / "long.html").write_text(
        to_html(compiled(f"{head}graph:\n  long: Long\noutputs: {{out: long}}\n"))
    )
    tab.size(1280, 800)
    tab.open((folder / "long.html").as_uri())
    tab.click(*place(tab, "long"))
    assert tab.run("boxes.size") == 63
    box = "boxes.get(byPath.get('long')).getBoundingClientRect()"
    assert tab.run(f"{box}.height < innerHeight && {box}.width > {box}.height / 2")
    assert tab.errors == []


def test_who_looks_closely_goes_on_looking_there(page: Tab) -> None:
    page.click(*place(page, "inception_4c"))
    before = place(page, "inception_4c")
    page.size(900, 700)
    x, y = place(page, "inception_4c")
    assert abs(x - before[0]) < 2 and abs(y - before[1]) < 2


def test_fingers_pinch_move_and_tap(page: Tab) -> None:
    page.size(390, 844, phone=True)
    scale = page.run("view.k")
    page.touch("touchStart", (150, 400), (250, 400))
    for step in range(1, 6):
        page.touch("touchMove", (150 - 10 * step, 400), (250 + 10 * step, 400))
    page.touch("touchEnd")
    assert page.run("view.k") == pytest.approx(2 * scale, rel=0.01)
    x = page.run("view.x")
    page.touch("touchStart", (200, 300))
    page.touch("touchMove", (220, 300))
    page.touch("touchMove", (260, 300))
    page.touch("touchEnd")
    assert page.run("view.x") == pytest.approx(x + 60, abs=1)
    assert page.run("selected") is None
    page.press("f")
    page.settle()
    point = place(page, "inception_3a")
    page.touch("touchStart", point)
    page.touch("touchEnd")
    page.wait("selected !== null")
    assert page.run("[selected.path, isOpen(selected)]") == ["inception_3a", True]
    assert page.run("details.getBoundingClientRect().bottom") <= 844


# ------------------------------------------------------------------ files


def saved(tab: Tab, key: str, file: Path) -> bytes:
    """Press a key, and return the file that the browser then has."""
    tab.press(key)
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} is not written"
        time.sleep(0.05)
    return file.read_bytes()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_view_is_saved_as_svg_and_png(page: Tab, tmp_path: Path, theme: str) -> None:
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run(f"document.documentElement.dataset.theme = '{theme}'")
    page.press("e")
    tree = ElementTree.fromstring(saved(page, "s", tmp_path / "GoogLeNet.svg"))
    words = " ".join(tree.itertext())
    assert "conv 7×7/2, 64" in words and "inception_5b" in words
    kinds = {item.tag.rpartition("}")[2] for item in tree.iter()}
    assert kinds == {"svg", "title", "rect", "path", "text"}
    assert not any("var(" in value for item in tree.iter() for value in item.attrib.values())
    assert saved(page, "g", tmp_path / "GoogLeNet.png").startswith(b"\x89PNG\r\n")
    pixels = "(() => { const made = toCanvas(picture()); const { data } = made.getContext('2d')"
    pixels += ".getImageData(0, 0, made.width, made.height); const seen = new Set(); for (let i ="
    pixels += " 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join()); return seen.size"
    assert page.run(pixels + " })()") > 20


def test_a_part_of_the_view_is_saved_as_it_is_seen(page: Tab) -> None:
    whole = ElementTree.fromstring(page.run("toSvg(picture())")).get("viewBox", "").split()
    for _ in range(6):
        page.press("+")
    part = ElementTree.fromstring(page.run("toSvg(picture())")).get("viewBox", "").split()
    assert float(part[2]) < float(whole[2]) and float(part[3]) < float(whole[3])


# ------------------------------------------------------------------ hostile texts


@pytest.mark.parametrize("number", range(6))
def test_texts_stay_texts(browsed: tuple[Tab, Path], tmp_path: Path, number: int) -> None:
    tab, _ = browsed
    spec = hostile_spec(number)
    file = tmp_path / "page.html"
    file.write_text(to_html(compile_spec(decode(spec.text.encode(), spec.file))))
    tab.requests.clear()
    tab.open(file.as_uri())
    tab.press("e")
    elements = "[document.scripts.length, document.images.length, document.links.length]"
    for i in range(tab.run("items.length")):
        tab.run(f"visit(items[{i}])")
        tab.run(f"tell(items[{i}], 100, 100)")
        assert tab.run(elements) == [2, 0, 0]
    ElementTree.fromstring(tab.run("toSvg(picture())"))
    assert set(tab.requests) == {file.as_uri()}
    assert tab.errors == []
