"""One client of the language server: its messages, as JSON texts, and the texts that it has open.

No stream, no thread, no clock: whoever has a transport hands in what comes and sends what goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from lsprotocol import converters, types
from pygls.exceptions import FeatureNotificationError, JsonRpcException, JsonRpcParseError
from pygls.lsp.server import LanguageServer
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage
from pygls.uris import from_fs_path, to_fs_path

from netspec.editing.workspace import Document, Workspace
from netspec.ops.base import REGISTRY, Op
from netspec.ops.own import OpsError, OpsImportError
from netspec.server import answers, problems
from netspec.server.positions import Positions
from netspec.text.diagnostics import Span, brief
from netspec.version import __version__

Request = Callable[["Session", Any], Any]
"""What answers a request of one's own; its parameters and its answer are plain JSON."""


def no_ops(path: str) -> Mapping[str, type[Op]]:
    """Return the ops that a spec may name beside the built-in ones: none."""
    return {}


class Session:
    """One client. `receive` takes a message; `send` gets each answer and notification.

    `read(spec, path)` gives the text of a file that is not open, for the spec at a path that extends
    it; it raises OSError, or LoadError. `ops(spec)` gives the user's own ops that a spec may name,
    or raises OpsError. `requests` are answered beside those of the protocol.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        read: Callable[[str, str], str],
        ops: Callable[[str], Mapping[str, type[Op]]] = no_ops,
        requests: Mapping[str, Request] | None = None,
    ) -> None:
        self.workspace = Workspace(lambda path: read(self._spec, path))
        self.positions = Positions()
        self.exit_code: int | None = None
        """Set once the client has asked to end."""
        self._spec = ""
        """The path of the spec that is looked at."""
        self._find_ops = ops
        self._ops: dict[str, Mapping[str, type[Op]]] = {}
        self._uris: dict[str, str] = {}
        """The address of each open text, as the client writes it, by path."""
        self._changed: dict[str, None] = {}
        self._told: dict[str, types.PublishDiagnosticsParams] = {}
        self._server = _server(send)
        for method, (answer, options) in answers.FEATURES.items():
            self._server.feature(method, options)(partial(answer, self))
        for method, request in (requests or {}).items():
            self._server.feature(method)(partial(request, self))

    # ------------------------------------------------------------------ messages

    def receive(self, message: str) -> None:
        """Take one message. What texts say is compiled when it is asked for, or by `settle`."""
        protocol = self._server.protocol
        try:
            data = json.loads(message)
        except (ValueError, RecursionError) as error:
            self._refuse(None, JsonRpcParseError.of(error))
            return
        if not isinstance(data, dict) or "jsonrpc" not in data:
            return
        try:
            protocol.handle_message(protocol.structure_message(data))
        except JsonRpcException as error:
            self._refuse(data.get("id"), error)
        except SystemExit as end:
            self.exit_code = int(end.code or 0)

    def settle(self) -> None:
        """Compile what has changed and tell what is wrong; to be called when no message waits."""
        try:
            self._compile()
        except Exception as error:  # a bug of ours, or an op of the user's own
            self._server.report_server_error(error, FeatureNotificationError)
        self._tell()

    def notify(self, method: str, params: Any) -> None:
        """Tell the client something."""
        self._server.protocol.notify(method, params)

    def show(self, message: str) -> None:
        """Show the user a message."""
        kind = types.MessageType.Error
        self._server.window_show_message(types.ShowMessageParams(kind, brief(message)))

    def _refuse(self, number: int | str | None, error: JsonRpcException) -> None:
        self._server.protocol._send_response(number, error=error.to_response_error())

    # ------------------------------------------------------------------ texts

    def uri(self, path: str) -> str:
        """Return the address of a path, as the client writes it."""
        return self._uris.get(path) or from_fs_path(path) or path

    def document(self, uri: str) -> Document:
        """Return an open text as it is now. Raises KeyError."""
        self._compile()
        return self.workspace.document(path_of(uri))

    def version(self, path: str) -> int | None:
        """Return the client's number for the state of an open text."""
        uri = self._uris.get(path)
        return self._server.workspace.get_text_document(uri).version if uri else None

    @contextmanager
    def looking_at(self, path: str) -> Iterator[None]:
        """Let the spec at a path read the files and name the ops that it may."""
        self._spec = path
        with REGISTRY.enabled(self._own_ops(path)):
            yield

    def _own_ops(self, path: str) -> Mapping[str, type[Op]]:
        """Return the ops of the user's own for a spec; what is wrong with them is told once."""
        if path not in self._ops:
            try:
                self._ops[path] = self._find_ops(path)
            except (OpsError, OpsImportError) as error:
                self._ops[path] = {}
                self.show(str(error))
        return self._ops[path]

    def location(self, span: Span) -> types.Location:
        return types.Location(self.uri(span.source.name), self.positions.range(span))

    def changed(self, uri: str) -> None:
        """Take the text that the client now has."""
        path = path_of(uri)
        self._uris[path] = uri
        self._changed[path] = None

    def closed(self, uri: str) -> None:
        """Forget an open text: its file counts again."""
        path = path_of(uri)
        self._uris.pop(path, None)
        self._changed.pop(path, None)
        self.workspace.close(path)
        self._changed |= dict.fromkeys(self.workspace.dependents(path))

    def disturbed(self) -> None:
        """Compile all again: files have changed on disk."""
        self._changed |= dict.fromkeys(self._uris)

    def begin(self) -> None:
        """Count as the client does."""
        encoding = types.PositionEncodingKind(self._server.workspace.position_encoding)
        self.positions = Positions(encoding.value)

    def _compile(self) -> None:
        """Compile what has changed, and then what extends it."""
        changed, self._changed = [*self._changed], {}
        for path in changed:
            self._change(path)
        again = (other for path in changed for other in self.workspace.dependents(path))
        for path in dict.fromkeys(again):
            self._change(path)

    def _change(self, path: str) -> None:
        text = self._server.workspace.get_text_document(self._uris[path]).source
        with self.looking_at(path):
            self.workspace.change(path, text)

    # ------------------------------------------------------------------ mistakes

    def _tell(self) -> None:
        """Tell what is wrong with each text of which that, or the text itself, has changed."""
        found: dict[str, list[types.Diagnostic]] = {uri: [] for uri in self._uris.values()}
        for document in self.workspace.documents():
            for uri, item in problems.by_file(self, document):
                here = found.setdefault(uri, [])
                here += [item] * (item not in here)
        for uri in {**self._told, **found}:
            version = self.version(path_of(uri))
            news = types.PublishDiagnosticsParams(uri, found.get(uri, []), version)
            if news != self._told.get(uri):
                self._server.text_document_publish_diagnostics(news)
                self._told[uri] = news


def path_of(uri: str) -> str:
    """Return the path of a file's address; what has none goes by its address."""
    return to_fs_path(uri) or uri


class _Writer:
    """Hands the protocol's messages on as texts."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send

    def write(self, data: bytes) -> None:
        self._send(data.decode())

    def close(self) -> None:
        """Leave the transport to whoever has it."""


def _server(send: Callable[[str], None]) -> LanguageServer:
    # Whole texts: what counts as a line's end when edits are applied cannot differ.
    whole = types.TextDocumentSyncKind.Full
    server = LanguageServer("netspec", __version__, whole, converter_factory=_converter)
    server.protocol.set_writer(_Writer(send), include_headers=False)
    return server


def _converter() -> Any:
    """Return what reads messages; those of our own stay plain JSON."""
    converter = converters.get_converter()
    for plain in (JsonRPCRequestMessage, JsonRPCNotification):
        converter.register_structure_hook(
            plain, lambda data, kind: kind(**{"params": None, **data})
        )
    return converter
