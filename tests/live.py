"""The live page in a real browser, as a user acts: of `netspec serve`, and of the playground."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support import ROOT

TOKEN = "a-token-of-the-tests"
SMALL = """\
netspec: 1
name: Small
doc: a small network
params: {classes: 10}
inputs: {image: [3, 32, 32]}
graph:
  conv1: {conv2d: [16, 3], padding: 1}
  relu1: relu
  pool1: {max_pool2d: 2}
  flat: flatten
  fc: {linear: $classes}
outputs: {logits: fc}
"""
_DRAWN = """() => {
  const { version, connection } = document.body.dataset;
  const figure = document.getElementById("figure");
  return connection === "open" && version && figure.dataset.version === version;
}"""


class Serve:
    """`netspec serve` of a directory, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start, and wait until it listens; at the same port as before."""
        command = [sys.executable, "-m", "netspec", "serve", str(self.folder)]
        environment = {**os.environ, "NETSPEC_SERVE_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        )  # fmt: skip
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        self._port = int(found[1])
        self.url = f"http://127.0.0.1:{self._port}/?token={TOKEN}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


def link(path: str, text: str) -> str:
    """Return the fragment of a URL that shares a spec."""
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(text.encode()) + packer.flush()
    return f"#{quote(path)}:{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def shared(url: str) -> str:
    """Return the spec that a URL of the playground opens."""
    letters = url.partition("#")[2].partition(";")[0].partition(":")[2]
    return zlib.decompress(base64.urlsafe_b64decode(letters + "=="), wbits=-15).decode()


class Tab:
    """One tab with the page. `page` is playwright's."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.told: list[str] = []
        """What went wrong: exceptions, refusals of the policy, dialogs."""
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.told.append(str(error)))
        page.on("dialog", lambda dialog: (self.told.append(dialog.message), dialog.dismiss()))
        page.on("console", self._note)
        page.on("request", lambda request: self.asked.append(request.url))

    def _note(self, message: Any) -> None:
        if message.type == "error" and "WebSocket" not in message.text:
            self.told.append(message.text)

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.drawn()

    def drawn(self) -> None:
        """Wait until the figure is that of the text, or the last one of an earlier text."""
        self.page.wait_for_function(_DRAWN)

    def wait(self, condition: str) -> None:
        """Wait until an expression of the page holds."""
        self.page.wait_for_function(f"() => {condition}")

    # ------------------------------------------------------------------ the editor

    @property
    def text(self) -> str:
        """What the editor shows; all of a text that is no longer than the window."""
        return str(self.page.evaluate(_TEXT))

    def write(self, text: str) -> None:
        """Put a text in place of what the editor has."""
        self.page.locator("#editor .cm-content").focus()
        for key in ("Control+a", "Delete"):
            self.page.keyboard.press(key)
        self.page.keyboard.insert_text(text)
        self.settle()

    def settle(self) -> None:
        """Wait until the server was told, and has answered."""
        self.page.wait_for_timeout(50)
        self.drawn()

    def click(self, words: str) -> None:
        """Put the cursor on the line with these words."""
        line = self.page.locator("#editor .cm-line", has_text=words).first
        line.click(position={"x": 40, "y": 8})

    def change(self, line: str, old: str, new: str) -> None:
        """Select some text of a line, and type another one in its place."""
        self.click(line)
        self.page.evaluate(_SELECT, [line, old])
        self.page.keyboard.type(new)
        self.settle()

    def saved(self) -> None:
        self.wait("/: saved/.test(document.getElementById('status').textContent)")


_TEXT = """() => [...document.querySelectorAll("#editor .cm-line")].map((line) => {
  const copy = line.cloneNode(true);
  for (const hint of copy.querySelectorAll("[contenteditable=false]")) hint.remove();
  return copy.textContent;
}).join("\\n")"""
_SELECT = """([words, part]) => {
  const lines = [...document.querySelectorAll("#editor .cm-line")];
  const line = lines.find((item) => item.textContent.includes(words));
  const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const from = node.data.indexOf(part);
    if (from < 0) continue;
    getSelection().setBaseAndExtent(node, from, node, from + part.length);
    return;
  }
  throw new Error(`${part} is not one text of the line ${words}`);
}"""
