"""The live page in a browser: what is typed, dragged and clicked, in both of its homes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser import PROGRAM, REASON
from tests.live import SMALL, Serve, Tab, link, shared
from tests.playground import IS_FETCHED, build, served
from tests.playground import REASON as UNFETCHED

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="the extra `serve` is not installed")
pytestmark = [pytest.mark.skipif(PROGRAM is None, reason=REASON)]
PLAYGROUND = pytest.param(
    "playground",
    marks=[pytest.mark.skipif(not IS_FETCHED, reason=UNFETCHED), pytest.mark.long],
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=PROGRAM)
        yield chromium
        chromium.close()


def new_tab(browser: Any) -> Tab:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(120_000)
    return Tab(page)


@pytest.fixture(scope="module", params=["serve", PLAYGROUND])
def home(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[str]:
    """The address of a page on a folder with the small network."""
    folder = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        if request.param == "playground":
            build(folder / "site")
            yield stack.enter_context(served(folder / "site")) + link("small.yaml", SMALL)
        else:
            (folder / "small.yaml").write_text(SMALL)
            server = Serve(folder)
            stack.callback(server.kill)
            yield server.url


@pytest.fixture(scope="module")
def opened(browser: Any, home: str) -> Tab:
    tab = new_tab(browser)
    tab.open(home)
    return tab


@pytest.fixture
def tab(opened: Tab) -> Iterator[Tab]:
    """The page with the small network."""
    opened.write(SMALL)
    opened.told.clear()
    yield opened
    assert opened.told == []


def total(tab: Tab, label: str) -> str:
    return str(tab.page.locator("#totals li", has_text=label).inner_text())


def lit(tab: Tab) -> tuple[list[str], list[str], list[str]]:
    """Return what is linked with the selection: boxes, rows, and lines of the spec."""
    boxes = tab.page.locator("#figure .lit").evaluate_all("all => all.map(x => x.dataset.layers)")
    rows = tab.page.locator("#report .lit").evaluate_all("all => all.map(x => x.dataset.layer)")
    return boxes, rows, tab.page.locator("#editor .cm-line.lit").all_inner_texts()


# ---------------------------------------------------------------------- both homes


def test_a_mistake_is_shown_and_mended_while_the_figure_stays(tab: Tab):
    before = tab.page.locator("#figure svg").inner_html()
    tab.change("pool1", "max_pool2d", "max_pol2d")
    tab.page.locator("#editor .cm-lintRange-error").first.wait_for()
    tab.page.locator("#figure.stale").wait_for()
    assert tab.page.locator("#figure svg").inner_html() == before
    tab.page.locator("#problems button.fix").first.click()
    tab.page.locator("#figure:not(.stale)").wait_for()
    tab.page.locator("#problems").wait_for(state="hidden")
    assert "pool1: {max_pool2d: 2}" in tab.text


def test_what_is_typed_is_drawn_and_counted(tab: Tab):
    before = total(tab, "parameters")
    tab.change("conv1", "16", "32")
    assert total(tab, "parameters") != before
    assert "conv 3×3, 32" in tab.page.locator("#figure svg").text_content()


def test_a_number_is_dragged(tab: Tab):
    before = total(tab, "multiply-adds")
    tab.click("conv1")
    slider = tab.page.locator("#steps input").first
    where = slider.bounding_box()
    middle = where["y"] + where["height"] / 2
    tab.page.mouse.move(where["x"] + where["width"] / 2, middle)
    tab.page.mouse.down()
    for share in (0.6, 0.7, 0.8):
        tab.page.mouse.move(where["x"] + share * where["width"], middle)
    tab.page.mouse.up()
    tab.settle()
    assert total(tab, "multiply-adds") != before
    assert "conv2d: [16" not in tab.text
    tab.page.locator("#problems").wait_for(state="hidden")


def test_a_box_shows_its_line_and_its_row(tab: Tab):
    tab.page.locator('#figure [data-layers~="pool1"]').click()
    tab.page.locator("#editor .cm-line.lit").wait_for()
    boxes, rows, lines = lit(tab)
    assert boxes == rows == ["pool1"]
    assert [line.strip().split(":")[0] for line in lines] == ["pool1"]


def test_a_line_shows_its_box_its_row_and_its_code(tab: Tab):
    tab.page.locator("[data-panel=code]").click()
    tab.page.locator("#code .cm-line", has_text="MaxPool2d").wait_for()
    tab.click("pool1")
    tab.page.locator("#code .cm-line.lit").first.wait_for()
    boxes, rows, _ = lit(tab)
    assert boxes == rows == ["pool1"]
    code = tab.page.locator("#code .cm-line.lit").all_inner_texts()
    assert [line for line in code if "MaxPool2d" in line]
    tab.page.locator("[data-panel=code]").click()


def test_text_of_a_spec_is_text_alone(tab: Tab):
    markup = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    tab.write(SMALL.replace("relu1: relu", "relu1: <img src=x onerror=alert(1)>"))
    tab.page.locator("#problems li").first.wait_for()
    assert "<img src=x" in tab.page.locator("#problems").inner_text()
    tab.write(SMALL.replace("a small network", f"'{markup}'"))
    tab.page.locator("[data-panel=code]").click()
    tab.page.locator("#code .cm-line", has_text="onerror").first.wait_for()
    assert tab.page.locator("img[src=x], main script, #figure foreignObject").count() == 0
    tab.page.locator("[data-panel=code]").click()


def test_no_script_runs_but_the_page_s_own(tab: Tab):
    script = "const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
    assert (
        tab.page.evaluate(f"() => {{ {script} document.body.append(s); return window.ran; }}")
        is None
    )
    assert tab.told.pop().count("Content Security Policy")
    own = tab.page.evaluate("location.origin")
    assert all(url.startswith((own, own.replace("http", "ws"), "blob:")) for url in tab.asked)


@pytest.mark.parametrize("format", ["yaml", "py", "svg", "tex"])
def test_it_is_downloaded(tab: Tab, format: str):
    starts = {"yaml": "netspec: 1", "py": '"""', "svg": "<svg", "tex": "% needs \\usepackage"}
    tab.page.locator("#downloads summary").click()
    with tab.page.expect_download() as download:
        tab.page.locator(f"#downloads [data-format={format}]").click()
    path = Path(download.value.path())
    assert download.value.suggested_filename == f"small.{format}"
    assert starts[format] in path.read_text()


def test_a_reload_and_another_tab_find_the_state(tab: Tab, browser: Any):
    tab.change("conv1", "16", "24")
    while "token=" not in tab.page.url and "[24, 3]" not in shared(tab.page.url):
        tab.page.wait_for_timeout(50)
    other = new_tab(browser)
    other.open(tab.page.url)
    other.page.locator("#editor .cm-line", has_text="conv2d: [24, 3]").wait_for()
    assert other.text == tab.text
    assert other.told == []
    other.page.close()


@pytest.mark.long
@pytest.mark.skipif(not IS_FETCHED, reason=UNFETCHED)
def test_a_link_brings_what_its_spec_extends_and_keeps_it(browser: Any, tmp_path: Path):
    variant = "netspec: 1\nextends: small.yaml\nname: Other\nparams: {classes: 7}\n"
    build(tmp_path)
    with served(tmp_path) as address:
        tab = new_tab(browser)
        beside = link("small.yaml", SMALL).removeprefix("#")
        tab.open(f"{address}{link('other.yaml', variant)};{beside}")
        tab.change("params", "7", "8")
        while "classes: 8" not in shared(tab.page.url):
            tab.page.wait_for_timeout(50)
        assert ";small.yaml:" in tab.page.url
        tab.page.reload()
        tab.drawn()
        assert "classes: 8" in tab.text
        assert tab.told == []
        tab.page.close()


# ---------------------------------------------------------------------- the disk


@pytest.fixture
def disk(browser: Any, tmp_path: Path) -> Iterator[tuple[Tab, Serve, Path]]:
    """The page on a folder of its own."""
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    server = Serve(tmp_path)
    tab = new_tab(browser)
    tab.open(server.url)
    yield tab, server, file
    tab.page.close()
    server.kill()
    assert tab.told == []


@pytest.mark.long
def test_two_tabs_have_one_file(disk: tuple[Tab, Serve, Path], browser: Any):
    tab, server, file = disk
    other = new_tab(browser)
    other.open(server.url)
    tab.change("conv1", "16", "24")
    other.page.locator("#editor .cm-line", has_text="conv2d: [24, 3]").wait_for()
    other.drawn()
    assert "conv 3×3, 24" in other.page.locator("#figure svg").text_content()
    assert "conv2d: [24, 3]" in file.read_text()
    assert other.told == []
    other.page.close()


@pytest.mark.long
def test_a_server_that_comes_back_gets_what_was_typed(disk: tuple[Tab, Serve, Path]):
    tab, server, file = disk
    server.kill()
    tab.wait("document.body.dataset.connection === 'lost'")
    tab.page.locator("#editor .cm-content").focus()
    tab.page.keyboard.press("Control+End")
    tab.page.keyboard.insert_text("# typed without a server")
    server.start()
    tab.wait("document.body.dataset.connection === 'open'")
    tab.drawn()
    tab.saved()
    assert file.read_text() == SMALL + "# typed without a server"


def test_a_change_on_disk_appears(disk: tuple[Tab, Serve, Path]):
    tab, _, file = disk
    file.write_text(SMALL.replace("16", "24"))
    tab.page.locator("#editor .cm-line", has_text="conv2d: [24, 3]").wait_for()
    tab.settle()
    assert "conv 3×3, 24" in tab.page.locator("#figure svg").text_content()
    (file.parent / "<b>new.yaml").write_text(SMALL)
    tab.page.locator("#files button", has_text="<b>new.yaml").wait_for()


@pytest.mark.long
@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_a_conflict_is_asked(disk: tuple[Tab, Serve, Path], choice: str):
    tab, _, file = disk
    theirs = SMALL.replace("16", "24")
    tab.page.locator("#editor .cm-content").focus()
    tab.page.keyboard.press("Control+End")
    tab.page.keyboard.insert_text("# mine")
    file.write_text(theirs)
    tab.page.locator("#conflict").wait_for()
    tab.page.locator(f"#conflict button[value={choice}]").click()
    expected = SMALL + "# mine" if choice == "mine" else theirs
    tab.wait(f"document.querySelector('#editor .cm-content').innerText.includes({expected[-8:]!r})")
    tab.page.wait_for_timeout(1500)
    assert file.read_text() == expected


@pytest.mark.long
def test_five_thousand_layers(disk: tuple[Tab, Serve, Path]):
    tab, _, file = disk
    layers = "".join(f"  l{i}: {{conv2d: [8, 3], padding: 1}}\n" for i in range(5000))
    head = "netspec: 1\nname: Deep\ninputs: {image: [8, 16, 16]}\ngraph:\n"
    (file.parent / "deep.yaml").write_text(f"{head}{layers}outputs: {{out: l4999}}\n")
    tab.page.locator("#files button", has_text="deep.yaml").click()
    tab.wait("document.getElementById('totals').innerText.includes('5,000 layers')")
    tab.drawn()
    tab.change("l7:", "conv2d", "convd")
    tab.page.locator("#problems li").first.wait_for()
    assert "convd" in tab.page.locator("#problems").inner_text()
