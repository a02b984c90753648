"""`netspec serve`: a page's server, asked over real sockets as a browser asks it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from netspec.compiler import compile_spec
from netspec.editing.view import PARTS
from netspec.emit.diff import diff, render
from netspec.server.folder import Folder
from netspec.text.syntax import decode
from tests.support import ROOT
from tests.test_editing_places import SMALL, VARIANT

pytest.importorskip("websockets")
pytest.importorskip("uvicorn")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

TOKEN = "a-secret"
WAIT = 60


class Served:
    """A running server."""

    def __init__(self, directory: Path, port: int = 0, *arguments: str) -> None:
        command = [sys.executable, "-m", "netspec", "serve", str(directory), f"--port={port}"]
        settings = {**os.environ, "NETSPEC_SERVE_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, text=True, env=settings
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        assert f"?token={TOKEN} " in self.line
        self.port = int(self.line.split("127.0.0.1:")[1].split("/")[0])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def get(self, path: str, host: str = "") -> tuple[int, dict[str, str], bytes]:
        asked = HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        asked.request("GET", path, headers={"Host": host or self.host})
        answer = asked.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def socket(
        self, token: str = TOKEN, origin: str | None = "own", host: str = ""
    ) -> ClientConnection:
        # What the context gives is the connection in all versions, what opens it in some.
        return connect(
            f"ws://{host or self.host}/lsp?token={token}",
            origin=f"http://{self.host}" if origin == "own" else origin,
            sock=None,
            max_size=None,
        ).__enter__()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT)


class Tab:
    """A page that is connected: what it asks, and what it is told meanwhile."""

    def __init__(self, served: Served) -> None:
        self._socket = served.socket()
        self._numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})

    def tell(self, method: str, params: Any) -> None:
        self._socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message))
        while True:
            found = json.loads(self._socket.recv(timeout=WAIT))
            if found.get("id") == number:
                return found
            self.told.append(found)

    def ask(self, method: str, params: Any) -> Any:
        return self.answer(method, params)["result"]

    def refused(self, method: str, params: Any) -> str:
        return self.answer(method, params)["error"]["message"]

    def wait(self, method: str, **wanted: Any) -> dict[str, Any]:
        """Return the next notification of a kind that says what is wanted."""
        for i in itertools.count():
            if i == len(self.told):
                self.told.append(json.loads(self._socket.recv(timeout=WAIT)))
            params = self.told[i].get("params")
            if self.told[i].get("method") == method and wanted.items() <= params.items():
                del self.told[: i + 1]
                return params
        raise AssertionError

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, text: str) -> None:
        item = {"uri": uri, "version": version}
        changes = [{"text": text}]
        self.tell("textDocument/didChange", {"textDocument": item, "contentChanges": changes})

    def close(self) -> None:
        self._socket.close()


@contextmanager
def served(directory: Path, *arguments: str) -> Iterator[Served]:
    site = Served(directory, 0, *arguments)
    try:
        yield site
    finally:
        site.process.kill()
        site.process.wait()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("specs")
    (folder / "small.yaml").write_text(SMALL)
    (folder / "inner").mkdir()
    (folder / "inner/ünï.yaml").write_text(SMALL)
    (folder / "wide.yaml").write_text(VARIANT)
    (folder / "notes.txt").write_text("no spec")
    (folder / ".hidden").mkdir()
    (folder / ".hidden/a.yaml").write_text(SMALL)
    (folder / "outside.yaml").symlink_to(ROOT / "specs/googlenet.yaml")
    with served(folder) as site:
        yield site


@pytest.fixture
def tab(site: Served) -> Iterator[Tab]:
    tab = Tab(site)
    yield tab
    tab.close()


# -------------------------------------------------------------------------- who may connect


@pytest.mark.parametrize("path", ["/", "/nothing.js", "/style.css"])
def test_every_answer_binds_the_page(site, path):
    _, headers, _ = site.get(path)
    policy = dict(x.strip().split(" ", 1) for x in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://{site.host}"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil"])
def test_who_asks_for_another_host_is_refused(site, host):
    assert site.get("/", host)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2fhtml.py",
        "/%2e%2e/page/start.js",
        "/lsp",
        "/a/b.js",
        "/.js",
        "//",
    ],
)
def test_nothing_but_files_of_the_page_is_there(site, path):
    assert site.get(path)[0] in (404, 405)


@pytest.mark.parametrize(
    ("token", "origin"),
    [
        ("", "own"),
        ("other", "own"),
        (f"{TOKEN}x", "own"),
        ("ü", "own"),
        (TOKEN, None),
        (TOKEN, "null"),
        (TOKEN, "http://evil.example"),
        (TOKEN, "http://127.0.0.1:1"),
    ],
)
def test_a_socket_needs_the_token_and_the_page_s_origin(site, token, origin):
    with pytest.raises(InvalidStatus) as refused:
        site.socket(token, origin)
    assert refused.value.response.status_code == 403


def test_a_socket_for_another_host_is_refused(site):
    asked = HTTPConnection("127.0.0.1", site.port, timeout=WAIT)
    key = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for host, origin, status in (
        ("evil.example", "http://evil.example", 403),
        (site.host, f"http://{site.host}", 101),
    ):
        asked.request("GET", f"/lsp?token={TOKEN}", headers={**key, "Host": host, "Origin": origin})
        assert asked.getresponse().status == status
        asked.close()


def test_it_is_bound_to_this_machine(site):
    asked = HTTPConnection("127.0.0.2", site.port, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        asked.request("GET", "/")


# -------------------------------------------------------------------------- files


def test_files_are_the_specs_below_the_directory(tab):
    found = tab.ask("netspec/files", {})
    assert [x["path"] for x in found["files"]] == ["inner/ünï.yaml", "small.yaml", "wide.yaml"]
    assert found["start"] is None
    assert found["root"].startswith("file:///") and found["root"].endswith("/")
    assert all(x["uri"].startswith(found["root"]) for x in found["files"])
    for item in found["files"]:
        assert tab.ask("netspec/read", {"uri": item["uri"]})["text"] in (SMALL, VARIANT)


def test_nothing_else_is_read_or_written(site, tab):
    root = tab.ask("netspec/files", {})["root"]
    for path in ("notes.txt", ".hidden/a.yaml", "outside.yaml", "../x.yaml", "inner/../../x.yaml"):
        params = {"uri": root + path}
        assert "below" in tab.refused("netspec/read", params), path
        assert "below" in tab.refused("netspec/save", {**params, "text": "", "stamp": None}), path
    assert "below" in tab.refused("netspec/read", {"uri": "file:///etc/passwd"})
    for uri in ("http://evil/a.yaml", "", "file://\0.yaml", "a.yaml"):
        assert tab.refused("netspec/read", {"uri": uri})
    assert "no directory" in tab.refused(
        "netspec/save", {"uri": f"{root}none/a.yaml", "text": "", "stamp": None}
    )


@pytest.mark.parametrize("method", ["files", "read", "save", "view", "compare", "export"])
@pytest.mark.parametrize("params", [None, [], {"uri": 5}, {"uri": "x", "with": 3}, "text"])
def test_no_request_ends_the_server(tab, method, params):
    tab.answer(f"netspec/{method}", params)
    assert tab.ask("netspec/files", {})


def test_a_save_is_compared_with_what_it_knew(tmp_path):
    path = str(tmp_path / "a.yaml")
    folder = Folder(str(tmp_path))
    first = folder.save(path, "a: 1\n", None)
    assert first.saved
    assert folder.save(path, "a: 2\n", None) == (False, first.stamp, "a: 1\n")
    assert Path(path).read_bytes() == b"a: 1\n"
    second = folder.save(path, "a: 2\r\n", first.stamp)
    assert second.saved
    assert folder.state(path) == ("a: 2\r\n", second.stamp)
    Path(path).unlink()
    assert folder.save(path, "a: 3\n", second.stamp) == (False, None, None)
    assert not [*tmp_path.iterdir()]


HOSTILE = [
    "a b#c?d%20e&f.yaml",
    "<script>alert(1)<.yaml",
    "'\"`.yaml",
    "line\nbreak.yaml",
    "ü\u202e.yaml",
]


def test_names_of_files_are_names(tmp_path):
    for name in HOSTILE:
        (tmp_path / name).write_text(SMALL)
    os.mkfifo(tmp_path / "pipe.yaml")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text(SMALL)
    with served(tmp_path) as site:
        tab = Tab(site)
        found = tab.ask("netspec/files", {})
        assert [item["path"] for item in found["files"]] == sorted(HOSTILE)
        for item in found["files"]:
            read = tab.ask("netspec/read", {"uri": item["uri"]})
            assert read["text"] == SMALL
            params = {"uri": item["uri"], "text": VARIANT, "stamp": read["stamp"]}
            assert tab.ask("netspec/save", params)["saved"]
            assert (tmp_path / item["path"]).read_text() == VARIANT
        pipe = {"uri": f"{found['root']}pipe.yaml", "text": "", "stamp": None}
        assert "below" in tab.refused("netspec/save", pipe)


def test_another_tab_and_the_disk_are_told(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "wide.yaml").write_text(VARIANT)
    with served(tmp_path / "small.yaml") as site:
        one, other = Tab(site), Tab(site)
        start = one.ask("netspec/files", {})["start"]
        assert start.endswith("/small.yaml")
        wide = start.replace("small", "wide")
        stamp = one.ask("netspec/read", {"uri": start})["stamp"]
        other.open(wide, VARIANT)
        other.wait("textDocument/publishDiagnostics", uri=wide, diagnostics=[])
        text = SMALL.replace("relu1: relu", "relu1: rleu")
        saved = one.ask("netspec/save", {"uri": start, "text": text, "stamp": stamp})
        told = other.wait("netspec/changed", uri=start)
        assert (told["text"], told["stamp"]) == (text, saved["stamp"])
        assert (tmp_path / "small.yaml").read_text() == text
        # What extends it is compiled again.
        news = other.wait("textDocument/publishDiagnostics", uri=start)
        assert [item["code"] for item in news["diagnostics"]] == ["NS020"]
        (tmp_path / "small.yaml").write_text(SMALL)
        assert other.wait("netspec/changed", text=SMALL)["uri"] == start
        assert one.wait("netspec/changed", text=SMALL)["uri"] == start
        (tmp_path / "new.yaml").write_text(SMALL)
        one.wait("netspec/filesChanged")
        (tmp_path / "small.yaml").unlink()
        assert one.wait("netspec/changed", uri=start, text=None)["stamp"] is None


@pytest.mark.long
def test_a_server_that_is_killed_is_found_again(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    with served(tmp_path) as first:
        tab = Tab(first)
        assert first.end(signal.SIGINT) == 130
        again = Served(tmp_path, first.port)
        try:
            assert again.port == first.port
            assert Tab(again).ask("netspec/files", {})["files"]
        finally:
            again.process.kill()
            again.process.wait()
        with pytest.raises(ConnectionClosed):
            tab.ask("netspec/files", {})


# -------------------------------------------------------------------------- networks


def view(tab: Tab, uri: str, version: int = 1, parts: Any = PARTS) -> dict[str, Any]:
    found = tab.ask("netspec/view", {"uri": uri, "version": version, "parts": [*parts]})
    assert (found["uri"], found["version"]) == (uri, version)
    return found


def test_a_view_follows_the_text(site, tab):
    uri = f"{tab.ask('netspec/files', {})['root']}small.yaml"
    tab.open(uri, SMALL)
    first = view(tab, uri)
    assert not first["stale"]
    network = first["network"]
    places, layers = network["places"], {x["path"]: x for x in network["layers"]}
    assert [*layers] == ["image", "conv1", "relu1"]
    lines = SMALL.splitlines()
    place = places[layers["conv1"]["places"][0]]
    start, end = place["range"]["start"], place["range"]["end"]
    assert place["uri"] == uri
    assert start["line"] == end["line"] == 4
    assert lines[4][start["character"] : end["character"]] == "conv1: {conv2d: [4, 3]}"
    code = network["code"].splitlines()
    assert [code[a].strip() for a, b in layers["conv1"]["code"]] == [
        "self.conv1 = nn.Conv2d(3, 4, 3)",
        "x = self.conv1(image)  # (4, 6, 6)",
    ]
    assert 'data-layers="conv1' in network["figure"]
    report = network["report"]
    assert [row["layer"] for row in report["rows"]] == ["conv1", "relu1"]
    assert all(len(row["cells"]) == len(report["columns"]) for row in report["rows"])
    totals = {x["key"]: x["text"] for x in network["totals"]}
    assert totals == {"layers": "2", "params": "112", "macs": "3,888", "depth": "1"}
    assert [(x["name"], x["value"]) for x in network["steps"]][3:] == [
        ("out_channels", 4),
        ("kernel_size", 3),
    ]
    tab.change(uri, 2, SMALL.replace("[4, 3]", "[6, 3]"))
    assert view(tab, uri, 2, [])["network"]["totals"][1]["value"] == 168
    tab.change(uri, 3, SMALL.replace("conv2d: [4", "conv3d: [4"))
    stale = view(tab, uri, 3, ["figure"])
    assert stale["stale"]
    assert stale["network"]["totals"][1]["value"] == 168
    assert (stale["network"]["code"], stale["network"]["report"]) == (None, None)
    tab.change(uri, 4, "{")
    assert view(tab, uri, 4, [])["stale"]
    assert tab.refused("netspec/export", {"uri": uri, "format": "py"}).startswith("the text has")
    assert "is not open" in tab.refused("netspec/view", {"uri": f"{uri}x", "parts": []})


def test_ranges_count_as_the_client_does(tab):
    uri = f"{tab.ask('netspec/files', {})['root']}inner/ünï.yaml"
    text = SMALL.replace("conv1: {conv2d: [4, 3]}", "conv1: {doc: 𝔸𝔸, conv2d: [4, 3]}")
    tab.open(uri, text)
    found = {step["name"]: step["range"] for step in view(tab, uri)["network"]["steps"]}
    line = text.splitlines()[4].encode("utf-16-le")
    at = [2 * found["out_channels"][end]["character"] for end in ("start", "end")]
    assert line[at[0] : at[1]].decode("utf-16-le") == "4"


def test_a_comparison_is_that_of_the_command(site, tab):
    root = tab.ask("netspec/files", {})["root"]
    uri, wide = f"{root}small.yaml", f"{root}wide.yaml"
    text = SMALL.replace("[4, 3]", "[6, 3]")
    tab.open(uri, text)
    before, after = (compile_spec(decode(x.encode(), "x")) for x in (SMALL, text))
    expected = json.loads(render(diff(before, after), "json"))
    found = tab.ask("netspec/compare", {"uri": uri, "with": {"text": SMALL}})
    for key in ("layers", "weights", "params"):
        assert found["diff"][key] == expected[key]
    assert found["diff"]["before"]["macs"] == expected["before"]["macs"]
    other = tab.ask("netspec/compare", {"uri": uri, "with": {"uri": wide}})
    assert other["diff"]["before"]["name"] == "Wide"
    assert other["diff"]["before"]["params"] == 224
    broken = tab.ask("netspec/compare", {"uri": uri, "with": {"text": "{"}})
    assert broken["diff"] is None
    assert broken["problem"].startswith("the other one has errors: ")


def test_exports_are_what_the_commands_write(tab):
    uri = f"{tab.ask('netspec/files', {})['root']}small.yaml"
    tab.open(uri, SMALL)
    for format, start in (("py", "# Generated by netspec"), ("svg", "<svg "), ("tex", "%")):
        found = tab.ask("netspec/export", {"uri": uri, "format": format})
        assert found["name"] == f"small.{format}"
        assert found["text"].startswith(start)
    assert "is one of" in tab.refused("netspec/export", {"uri": uri, "format": "exe"})


# -------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.yaml"], 2, "there is no file none.yaml"),
        (["README.md"], 2, "expected a .yaml file, or a directory"),
        (["--port", "99999"], 3, "port 99999"),
        (["--port", "x"], 2, "--port"),
    ],
)
def test_what_cannot_be_served(arguments, code, words):
    command = [sys.executable, "-m", "netspec", "serve", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, cwd=ROOT)
    assert (found.returncode, words in found.stderr) == (code, True), found.stderr


def test_a_port_that_is_taken_is_told(site):
    command = [sys.executable, "-m", "netspec", "serve", "--port", str(site.port)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, cwd=ROOT)
    assert found.returncode == 3
    assert "in use" in found.stderr
