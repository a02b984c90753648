"""The live page's own files: what they may load, what they let into the page, how they compare."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

import netspec
from netspec.emit.figure.svg import to_linked_svg
from netspec.emit.look import Look
from tests.browser import PROGRAM, REASON, Tab, browser
from tests.hostile_text import hostile_text
from tests.support import ROOT

LIVE = ROOT / "netspec" / "data" / "live"
OWN = [path for path in sorted(LIVE.glob("*.js")) if path.name != "editor.js"]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"
)
SPECS = ("googlenet", "unet", "vit_b_16")
needs_browser = pytest.mark.skipif(PROGRAM is None, reason=REASON)


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def elements() -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed((LIVE / "index.html").read_text())
    return parser.found


def test_page_loads_only_its_own_files_and_has_nothing_inline(
    elements: list[tuple[str, dict[str, str | None]]],
) -> None:
    loaded = [attributes.get("src") or attributes.get("href") for _, attributes in elements]
    assert {name for name in loaded if name} == {"icon.svg", "style.css", "main.js"}
    for tag, attributes in elements:
        assert tag != "style" and not (tag == "script" and "src" not in attributes)
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_every_control_has_a_name(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    labelled = {attributes.get("for") for tag, attributes in elements if tag == "label"}
    for tag, attributes in elements:
        if tag in ("input", "select", "nav", "section", "progress", "dialog"):
            names = {"aria-label", "aria-labelledby"} & attributes.keys()
            assert names or attributes.get("id") in labelled, (tag, attributes)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_scripts_make_no_markup_of_texts(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", text)
    # The one place that reads markup gives it back as text that was rebuilt.
    assert text.count("innerHTML") == (1 if path.name == "markup.js" else 0)
    assert len(text.splitlines()) < 400


def test_own_scripts_import_what_is_there() -> None:
    exports = r"export (?:async )?(?:const|class|function) (\w+)"
    known = {path.name: set(re.findall(exports, path.read_text())) for path in OWN}
    bundle = (LIVE / "editor.js").read_text()
    listed = bundle[bundle.rindex("export{") :]
    known["editor.js"] = set(re.findall(r"\bas (\w+)", listed))
    for path in OWN:
        wanted = re.findall(r"import \{([^}]*)\} from \"\./([^\"]+)\"", path.read_text())
        for names, module in wanted:
            asked = {name.split(" as ")[0].strip() for name in names.split(",") if name.strip()}
            assert asked <= known[module], (path.name, module)
            used = {name for name in asked if len(re.findall(rf"\b{name}\b", path.read_text())) > 1}
            assert used == asked, (path.name, asked - used)


@pytest.mark.long
def test_bundle_is_what_the_lock_file_says(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    for name in ("package.json", "package-lock.json", "editor.js", "build.mjs"):
        shutil.copy(ROOT / "live" / name, tmp_path)
    command = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300).returncode:
        pytest.skip("npm's registry is out of reach")
    made = tmp_path / "made"
    made.mkdir()
    subprocess.run(["node", "build.mjs", str(made)], cwd=tmp_path, check=True, timeout=120)
    for name in ("editor.js", "LICENSES.txt"):
        assert (made / name).read_text() == (LIVE / name).read_text(), "make live"


# ---------------------------------------------------------------------- in a browser


class Handler(SimpleHTTPRequestHandler):
    """Serves the page's files with the policy that it runs under."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A page of the same origin as the scripts, which has none itself."""
    handler = functools.partial(Handler, directory=str(LIVE))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser(tmp_path_factory.mktemp("live") / "profile") as tab:
        tab.open(f"http://127.0.0.1:{server.server_port}/LICENSES.txt")
        yield tab
    server.shutdown()
    server.server_close()


def imported(tab: Tab, module: str, script: str, *arguments: object) -> object:
    """Return what a function of a module's exports gives."""
    given = ", ".join(json.dumps(argument) for argument in arguments)
    return tab.run(f"import('/{module}.js').then((module) => ({script})(module, {given}))")


def shown(tab: Tab, svg: str) -> object:
    """Return how many elements of a figure are imported, or why none is."""
    script = """({ figure }, text) => {
      try {
        return figure(text).querySelectorAll("*").length;
      } catch (error) {
        return error.message;
      }
    }"""
    return imported(tab, "markup", script, svg)


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("name", SPECS)
def test_figures_are_imported_whole(tab: Tab, name: str, theme: str) -> None:
    svg = to_linked_svg(
        netspec.load(str(ROOT / "specs" / f"{name}.yaml")).network, Look(theme=theme)
    )
    assert shown(tab, svg) == len(re.findall(r"<[a-z]", svg)) - 1


@needs_browser
@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<foreignObject/>", "<foreignObject>"),
        ("<a href='javascript:alert(1)'/>", "<a>"),
        ("<image href='http://example.org/'/>", "<image>"),
        ("<use href='#x'/>", "<use>"),
        ("<style>* { fill: red }</style>", "<style>"),
        ("<rect onclick='alert(1)'/>", "onclick"),
        ("<rect style='fill: red'/>", "style"),
        ("<g xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='#x'/>", "xmlns:xlink"),
        ("<text xmlns='http://www.w3.org/1999/xhtml'>x</text>", "<text>"),
        ("<rect", "<html>"),
    ],
)
def test_figure_with_anything_else_is_refused(tab: Tab, inside: str, told: str) -> None:
    answer = shown(tab, f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
    assert isinstance(answer, str) and told in answer


@needs_browser
def test_markup_of_a_documentation_is_elements_without_attributes(tab: Tab) -> None:
    script = """({ harmless }, texts) => texts.map((text) => {
      const made = document.createElement("div");
      made.innerHTML = harmless(text);
      const all = [...made.querySelectorAll("*")];
      const names = all.map((item) => item.localName);
      return [made.innerText ?? "", names, all.some((item) => item.attributes.length)];
    })"""
    random = Random(1)
    hostile = [hostile_text(random) for _ in range(50)]
    wrapped = [f"<p>{text}</p><img src=x onerror=alert(1)><b style='x'>{text}" for text in hostile]
    answers = imported(tab, "markup", script, [*hostile, *wrapped, "<p>a <b>b</b> <code>c</code>"])
    assert isinstance(answers, list)
    for _, names, has_attributes in answers:
        assert not has_attributes
        assert not {"script", "img", "a", "iframe", "style", "svg", "math", "b"} & {*names}
    assert answers[-1][:2] == ["a b c", ["p", "code"]]


@needs_browser
def test_smallest_change_makes_the_second_text(tab: Tab) -> None:
    random = Random(2)

    def text() -> str:
        return "".join(random.choices("ab\n𝔸", k=random.randrange(6)))

    pairs = [(text(), text()) for _ in range(500)]
    script = """({ change }, pairs) => pairs.map(([before, after]) => {
      const found = change(before, after) ?? { from: 0, to: 0, insert: "" };
      return before.slice(0, found.from) + found.insert + before.slice(found.to);
    })"""
    assert imported(tab, "places", script, pairs) == [after for _, after in pairs]


@needs_browser
def test_selected_layers_light_what_is_theirs(tab: Tab) -> None:
    def place(first: int, last: int, end: int = 5, uri: str = "a") -> dict[str, object]:
        start, stop = {"line": first, "character": 0}, {"line": last, "character": end}
        return {"uri": uri, "range": {"start": start, "end": stop}}

    places = [place(1, 1), place(4, 6, 0), place(2, 2), place(1, 1, uri="b")]
    layers = [
        {"path": "x", "places": [0], "code": [[3, 3]]},
        {"path": "block.one", "places": [2, 1], "code": [[5, 6]]},
        {"path": "block.two", "places": [3, 1], "code": [[7, 7]]},
        {"path": "blocked", "places": [3], "code": []},
    ]
    script = """({ Links }, network) => {
      const links = new Links(network);
      const lit = links.lit(links.below(["block"]));
      const one = links.lit(links.inCode(6, 6));
      return {
        below: [...links.below(["block"])], line5: [...links.onLines("a", 5, 5)],
        line6: [...links.onLines("a", 6, 6)], lines: lit.lines("a"), use: lit.use("a"),
        code: lit.code(),
        shares: ["x", "block", "block.one", "blocked"].map((path) => lit.share(path)),
        one: ["block", "block.one", "block.two"].map((path) => one.share(path)),
        order: [...links.order.keys()],
      };
    }"""
    block = ["block.one", "block.two"]
    assert imported(tab, "links", script, {"layers": layers, "places": places}) == {
        "below": block, "line5": block, "line6": [], "lines": [[2, 2], [4, 5]], "use": 4,
        "code": [[5, 6], [7, 7]], "shares": ["", "all", "all", ""], "one": ["some", "all", ""],
        "order": ["x", "block", *block, "blocked"],
    }  # fmt: skip


@needs_browser
def test_page_starts_under_its_policy(tab: Tab) -> None:
    """Without a server it says so; no script or style of it is refused."""
    tab.errors.clear()
    address = tab.run("location.href")
    tab.open(address.replace("LICENSES.txt", "index.html"))
    tab.wait("document.body.dataset.connection === 'lost'")
    assert (
        tab.run("document.getElementById('status').textContent") == "netspec serve does not answer"
    )
    assert tab.run("getComputedStyle(document.querySelector('.cm-scroller')).display") == "flex"
    assert [error for error in tab.errors if "WebSocket" not in error and "404" not in error] == []
    tab.open(address)
