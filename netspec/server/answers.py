"""What answers each request of the protocol: a thin layer on `netspec.editing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lsprotocol import types

from netspec.language.fmt.text import formatted
from netspec.server.client import Client
from netspec.text.diagnostics import Span, SpecError

Answer = Callable[[Client, Any], Any]


def _opened(client: Client, params: types.DidOpenTextDocumentParams) -> None:
    client.changed(params.text_document.uri)


def _changed(client: Client, params: types.DidChangeTextDocumentParams) -> None:
    client.changed(params.text_document.uri)


def _closed(client: Client, params: types.DidCloseTextDocumentParams) -> None:
    client.closed(params.text_document.uri)


def _saved(client: Client, params: types.DidSaveTextDocumentParams) -> None:
    client.disturbed()


def _changed_on_disk(client: Client, params: types.DidChangeWatchedFilesParams) -> None:
    client.disturbed()


def _began(client: Client, params: types.InitializeParams) -> None:
    client.begin()


def _formatting(
    client: Client, params: types.DocumentFormattingParams
) -> Sequence[types.TextEdit] | None:
    """Return the whole text in its canonical form; nothing where it is no YAML."""
    source = client.document(params.text_document.uri).source
    try:
        text = formatted(source)
    except SpecError:
        return None
    whole = client.positions.range(Span(source, 0, len(source.text)))
    return [types.TextEdit(whole, text)] if text != source.text else []


FEATURES: dict[str, tuple[Answer, Any]] = {
    types.INITIALIZE: (_began, None),
    types.TEXT_DOCUMENT_DID_OPEN: (_opened, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (_changed, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (_closed, None),
    types.TEXT_DOCUMENT_DID_SAVE: (_saved, None),
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: (_changed_on_disk, None),
    types.TEXT_DOCUMENT_FORMATTING: (_formatting, None),
}
"""What is answered, by whom, and with which options it is offered."""
