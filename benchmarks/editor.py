"""How long an editor waits for `netspec lsp`, beside the goals.

    python benchmarks/editor.py

For GoogLeNet and a network of 5,000 layers: from the message of a
keystroke to that of its diagnostics, where the text is right and where it is wrong; from a request
to its answer; over standard input and output, as an editor does it. Medians, and the longest.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RUNS = 15
GOALS = "goals: a key to its diagnostics in 100 ms for GoogLeNet, in 500 ms for 5,000 layers"
WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 10**6, "character": 0}}


class Editor:
    """A client that waits for each answer."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "netspec", "lsp"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT)
        self._number = 0
        self.ask("initialize", processId=None, rootUri=None, capabilities={})
        self.tell("initialized")

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        return self.wait(lambda message: message.get("id") == self._number)

    def problems(self, version: int) -> list[Any]:
        """Return what is wrong with a version of the open text."""
        told = self.wait(lambda message: message.get("params", {}).get("version") == version)
        found: list[Any] = told["params"]["diagnostics"]
        return found

    def wait(self, wanted: Callable[[Any], bool]) -> Any:
        while not wanted(message := self._receive()):
            pass
        return message

    def close(self) -> None:
        self.ask("shutdown")
        self.tell("exit")
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> Any:
        stream = self._process.stdout
        assert stream
        length = int(stream.readline().partition(b":")[2])
        stream.readline()
        return json.loads(stream.read(length))


def large(layers: int) -> str:
    """Return a spec of so many layers, none of which is a copy."""
    head = "netspec: 1\nname: Big\ninputs: {image: [8, 16, 16]}\ngraph:\n"
    lines = (f"  layer{i}: {{conv2d: [8, 3], padding: 1}}\n" for i in range(layers))
    return f"{head}{''.join(lines)}outputs: {{result: layer{layers - 1}}}\n"


def keystrokes(editor: Editor, texts: list[str]) -> list[float]:
    """Return the milliseconds from each of some texts, sent in turn, to what is wrong with it."""
    times = []
    for version in range(2, 2 + RUNS * len(texts)):
        identity = {"uri": "file:///net.yaml", "version": version}
        start = time.perf_counter()
        changes = [{"text": texts[version % len(texts)]}]
        editor.tell("textDocument/didChange", textDocument=identity, contentChanges=changes)
        editor.problems(version)
        times.append(1000 * (time.perf_counter() - start))
    return times


def answers(editor: Editor, method: str, **params: Any) -> list[float]:
    """Return the milliseconds of a request."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        editor.ask(f"textDocument/{method}", textDocument={"uri": "file:///net.yaml"}, **params)
        times.append(1000 * (time.perf_counter() - start))
    return times


def show(what: str, times: list[float]) -> None:
    print(f"  {what:<28} {statistics.median(times):7.1f} ms, at most {max(times):7.1f}")


def measure(name: str, text: str, word: str) -> None:
    print(f"{name}, {text.count(chr(10)):,} lines")
    editor = Editor()
    item = {"uri": "file:///net.yaml", "languageId": "yaml", "version": 1, "text": text}
    start = time.perf_counter()
    editor.tell("textDocument/didOpen", textDocument=item)
    editor.problems(1)
    show("opened", [1000 * (time.perf_counter() - start)])
    show("a key, all right", keystrokes(editor, [text, f"{text}# "]))
    show("a key, a name misspelt", keystrokes(editor, [text.replace(word, f"{word}x", 1), text]))
    show("a key, no YAML", keystrokes(editor, [text.replace(word, f"[{word}", 1), text]))
    line = text[: text.index(word)].count("\n")
    position = {"line": line, "character": len(text[: text.index(word)].rpartition("\n")[2]) + 1}
    show("hover", answers(editor, "hover", position=position))
    show("inlay hints of all lines", answers(editor, "inlayHint", range=WHOLE))
    show("semantic tokens", answers(editor, "semanticTokens/full"))
    editor.close()


def main() -> None:
    print(GOALS)
    measure("GoogLeNet", (ROOT / "specs/googlenet.yaml").read_text(), "inception_3a")
    measure("5,000 layers", large(5_000), "layer2500")


if __name__ == "__main__":
    main()
