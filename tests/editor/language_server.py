"""Drives the real yaml-language-server over LSP: does the shipped schema help an editor?

    npm install --prefix DIRECTORY yaml-language-server
    python tests/editor/language_server.py DIRECTORY

Needs node, so it stands outside the test run; it prints each check and exits 1 if one fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "netspec/data/netspec-1.schema.json"
HEAD = f"""\
# yaml-language-server: $schema={SCHEMA.as_uri()}
netspec: 1
name: Net
inputs: {{image: [3, 32, 32]}}
graph:
"""
TAIL = "\noutputs: {y1: out}\n"


class Server:
    """A language server, and the messages that it has sent."""

    def __init__(self, directory: str) -> None:
        program = Path(directory) / "node_modules/.bin/yaml-language-server"
        self._process = subprocess.Popen(
            [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._number = 0
        self._documents = 0
        settings = {"processId": None, "rootUri": None, "capabilities": {}}
        self.ask("initialize", settings)
        self._send("initialized", {})
        yaml = {"validate": True, "completion": True, "hover": True}
        self._send("workspace/didChangeConfiguration", {"settings": {"yaml": yaml}})

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _send(self, method: str, params: Any, **more: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> Any:
        stream = self._process.stdout
        assert stream
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(stream.read(length))

    def ask(self, method: str, params: Any) -> Any:
        """Send a request and return its result; answer the server's own requests meanwhile."""
        self._number += 1
        self._send(method, params, id=self._number)
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")
            self._answer(message)

    def _answer(self, message: Any) -> None:
        if "id" not in message or "method" not in message:
            return
        items = message.get("params", {}).get("items", []) if message.get("params") else []
        body = {"jsonrpc": "2.0", "id": message["id"], "result": [None] * len(items) or None}
        text = json.dumps(body).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self._process.stdin.flush()

    def open(self, text: str) -> tuple[str, list[Any]]:
        """Open a document; return its address and the diagnostics that the server publishes."""
        self._documents += 1
        address = f"file:///tmp/netspec-{self._documents}.yaml"
        document = {"uri": address, "languageId": "yaml", "version": 1, "text": text}
        self._send("textDocument/didOpen", {"textDocument": document})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = self._receive()
            params = message.get("params") or {}
            if message.get("method") == "textDocument/publishDiagnostics":
                if params.get("uri") == address:
                    return address, params["diagnostics"]
            else:
                self._answer(message)
        raise TimeoutError("no diagnostics")

    def complete(self, text: str) -> dict[str, Any]:
        """Return the completions at the `|` of a text, by label."""
        before = text[: text.index("|")]
        address, _ = self.open(text.replace("|", "", 1))
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        params = {"textDocument": {"uri": address}, "position": position}
        result = self.ask("textDocument/completion", params)
        return {item["label"]: item for item in result["items"]}

    def hover(self, line: str) -> str:
        """Return what is told of the `|` of a layer's line."""
        address, _ = self.open(graph(line.replace("|", "", 1)))
        position = {"line": HEAD.count("\n"), "character": len(f"  out: {line.partition('|')[0]}")}
        params = {"textDocument": {"uri": address}, "position": position}
        return str(self.ask("textDocument/hover", params)["contents"]["value"])


def graph(line: str) -> str:
    return f"{HEAD}  out: {line}{TAIL}"


def labels(server: Server, line: str) -> set[str]:
    return set(server.complete(graph(line)))


def messages(server: Server, text: str) -> list[str]:
    return [item["message"] for item in server.open(text)[1]]


def checks(server: Server) -> list[tuple[str, bool]]:
    """Return what was tried, and whether it came out right."""
    ops = server.complete(graph("{c|}"))
    arguments = labels(server, "{conv2d: [64, 3], st|}")
    google = (ROOT / "specs/googlenet.yaml").read_text().partition("\n")[2]
    variant = (ROOT / "specs/googlenet_bn.yaml").read_text().partition("\n")[2]
    head = HEAD.partition("\n")[0] + "\n"
    typo = messages(server, graph("{conv2d: [64, 3], strid: 2}"))
    return [
        ("completes op names", {"conv2d", "max_pool2d", "linear"} <= ops.keys()),
        ("documents an op", "convolution" in json.dumps(ops["conv2d"].get("documentation"))),
        ("completes an op's arguments", {"stride", "padding", "bias"} <= arguments),
        ("completes what every layer says", {"from", "shape"} <= arguments),
        ("offers no other op's arguments", not {"ceil_mode", "momentum", "linear"} & arguments),
        ("completes a bare op", "relu" in labels(server, "re|")),
        ("completes a word argument", "same" in labels(server, "{conv2d: [64, 3], padding: |}")),
        ("completes sections", {"graph", "blocks", "expect"} <= set(server.complete(head + "|"))),
        (
            "completes a block's keys",
            "parallel" in server.complete(HEAD + "  a: relu\nblocks:\n  A:\n    |\n"),
        ),
        (
            "completes a variant's keys",
            {"change", "insert", "remove"}
            <= set(server.complete(head + "netspec: 1\nextends: a.yaml\n|\n")),
        ),
        (
            "completes a place",
            "after"
            in server.complete(
                head + "netspec: 1\nextends: a.yaml\ninsert:\n  graph.x: {relu: [], a|}\n"
            ),
        ),
        (
            "tells an argument by its name, once",
            server.hover("{conv2d: [64, 3], str|ide: 2}").startswith(
                "#### stride\n\nthe step of the window; by default 1\n"
            ),
        ),
        ("flags a misspelt argument", any("strid" in text for text in typo)),
        ("flags a misspelt op", bool(messages(server, graph("{conv3: [64, 3]}")))),
        ("flags a misspelt bare op", bool(messages(server, graph("rellu")))),
        ("flags a wrong value", bool(messages(server, graph("{max_pool2d: [3], ceil_mode: 1}")))),
        ("flags a misspelt section", bool(messages(server, graph("relu") + "expects: {}\n"))),
        ("flags nothing in googlenet.yaml", not messages(server, head + google)),
        ("flags nothing in googlenet_bn.yaml", not messages(server, head + variant)),
    ]


def main() -> int:
    server = Server(sys.argv[1])
    try:
        results = checks(server)
    finally:
        server.stop()
    for name, good in results:
        print(f"{'ok  ' if good else 'FAIL'} {name}")
    return int(not all(good for _, good in results))


if __name__ == "__main__":
    sys.exit(main())
