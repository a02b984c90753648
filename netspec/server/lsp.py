"""The language server for one client, as messages: JSON texts come and go.

No stream, no thread, no clock: whoever has a transport hands in what comes and sends what goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lsprotocol import converters, types
from pygls.exceptions import FeatureNotificationError, JsonRpcException, JsonRpcParseError
from pygls.lsp.server import LanguageServer
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage

from netspec.ops.base import Op
from netspec.server.answers import FEATURES
from netspec.server.client import Client, Ops, Read, path_of
from netspec.server.problems import by_file
from netspec.version import __version__

Request = Callable[[Client, Any], Any]
"""What answers a request of one's own; its parameters and its answer are plain JSON."""


def no_ops(path: str) -> Mapping[str, type[Op]]:
    """Return the ops that a spec may name beside the built-in ones: none."""
    return {}


class Session:
    """Takes a client's messages by `receive`; `send` gets each answer and notification.

    `requests` are answered beside those of the protocol.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        read: Read,
        ops: Ops = no_ops,
        requests: Mapping[str, Request] | None = None,
    ) -> None:
        self._server = _server(send)
        self.client = Client(self._server, read, ops)
        self.exit_code: int | None = None
        """Set once the client has asked to end."""
        self._told: dict[str, types.PublishDiagnosticsParams] = {}
        for method, (answer, options) in FEATURES.items():
            self._server.feature(method, options)(partial(answer, self.client))
        for method, request in (requests or {}).items():
            self._server.feature(method)(partial(request, self.client))

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
            self.client.compile()
        except Exception as error:  # a bug of ours, or an op of the user's own
            self._server.report_server_error(error, FeatureNotificationError)
        self._tell()

    def _refuse(self, number: Any, error: JsonRpcException) -> None:
        self._server.protocol._send_response(number, error=error.to_response_error())

    def _tell(self) -> None:
        """Tell what is wrong with each text of which that, or the text itself, has changed."""
        found = by_file(self.client)
        for uri in {**self._told, **found}:
            version = self.client.version(path_of(uri))
            news = types.PublishDiagnosticsParams(uri, found.get(uri, []), version)
            if news != self._told.get(uri):
                self._server.text_document_publish_diagnostics(news)
                self._told[uri] = news


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
