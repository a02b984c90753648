"""A client of the language server in the same process: JSON texts both ways, no stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netspec.server.files import read
from netspec.server.lsp import Session

Json = Any


class Client:
    """An editor: it sends requests, and keeps what it is told of each text."""

    def __init__(
        self,
        encoding: str = "utf-16",
        read: Callable[[str, str], str] = read,
        capabilities: Mapping[str, Json] | None = None,
        **more: Json,
    ) -> None:
        self.sent: list[Json] = []
        self.problems: dict[str, list[Json]] = {}
        self.versions: dict[str, int | None] = {}
        self.session = Session(self._take, read, **more)
        self._number = 0
        self._texts: dict[str, str] = {}
        general = {"positionEncodings": [encoding]}
        able = {"general": general, **(capabilities or {})}
        self.able = self.ask("initialize", processId=None, rootUri=None, capabilities=able)
        self.tell("initialized")

    def _take(self, message: str) -> None:
        found = json.loads(message)
        self.sent.append(found)
        if found.get("method") == "textDocument/publishDiagnostics":
            params = found["params"]
            self.problems[params["uri"]] = params["diagnostics"]
            self.versions[params["uri"]] = params.get("version")

    def tell(self, method: str, **params: Json) -> None:
        self.session.receive(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def ask(self, method: str, **params: Json) -> Json:
        """Return the answer to a request. Raises LookupError with an error's message."""
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self.session.receive(json.dumps(message))
        answer = next(item for item in reversed(self.sent) if item.get("id") == self._number)
        if "error" in answer:
            raise LookupError(answer["error"]["message"])
        return answer["result"]

    def about(self, method: str, uri: str, **params: Json) -> Json:
        return self.ask(f"textDocument/{method}", textDocument={"uri": uri}, **params)

    def open(self, path: Path | str, text: str | None = None, language: str = "yaml") -> str:
        """Open a file, or another text in its place; return its address."""
        uri = path.as_uri() if isinstance(path, Path) else path
        text = Path(path).read_text() if text is None else text
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=item)
        self._texts[uri] = text
        self.session.settle()
        return uri

    def change(self, uri: str, text: str, version: int = 2) -> list[Json]:
        """Change an open text; return what is wrong with it."""
        identity = {"uri": uri, "version": version}
        changes = [{"text": text}]
        self.tell("textDocument/didChange", textDocument=identity, contentChanges=changes)
        self._texts[uri] = text
        self.session.settle()
        return self.problems[uri]

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", textDocument={"uri": uri})
        self.session.settle()

    def at(self, uri: str, words: str, inside: int = 0) -> dict[str, int]:
        """Return the position of the first occurrence of words, in ASCII text."""
        before = self._texts[uri][: self._texts[uri].index(words) + inside]
        return {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
