"""Who answers each message of the protocol, and with which options it is offered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lsprotocol import types

from netspec.editing.workspace import Document
from netspec.server import edits, lookups, offers
from netspec.server.client import Client

Answer = Callable[[Client, Any], Any]
Lookup = Callable[[Client, Document, Any], Any]


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


def _ready(client: Client, params: types.InitializedParams) -> None:
    client.watch()


def _about(look: Lookup, client: Client, params: Any) -> Any:
    """Look at an open spec as it is now, with the ops that it may name."""
    uri = params.text_document.uri
    if not client.has(uri):
        return None
    document = client.document(uri)
    with client.looking_at(document.path):
        return look(client, document, params)


_MESSAGES: dict[str, Answer] = {
    types.INITIALIZE: _began,
    types.INITIALIZED: _ready,
    types.TEXT_DOCUMENT_DID_OPEN: _opened,
    types.TEXT_DOCUMENT_DID_CHANGE: _changed,
    types.TEXT_DOCUMENT_DID_CLOSE: _closed,
    types.TEXT_DOCUMENT_DID_SAVE: _saved,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: _changed_on_disk,
}
_LOOKUPS: dict[str, tuple[Lookup, Any]] = {
    types.TEXT_DOCUMENT_FORMATTING: (edits.formatting, None),
    types.TEXT_DOCUMENT_CODE_ACTION: (
        edits.code_actions,
        types.CodeActionOptions(code_action_kinds=edits.KINDS),
    ),
    types.TEXT_DOCUMENT_COMPLETION: (offers.complete, offers.COMPLETION),
    types.TEXT_DOCUMENT_SIGNATURE_HELP: (offers.help_with_signature, offers.SIGNATURE),
    types.TEXT_DOCUMENT_HOVER: (lookups.hovered, None),
    types.TEXT_DOCUMENT_INLAY_HINT: (lookups.hints, None),
    types.TEXT_DOCUMENT_CODE_LENS: (lookups.lens, None),
    types.TEXT_DOCUMENT_DEFINITION: (lookups.find_definition, None),
    types.TEXT_DOCUMENT_REFERENCES: (lookups.find_references, None),
    types.TEXT_DOCUMENT_PREPARE_RENAME: (edits.prepare_rename, None),
    types.TEXT_DOCUMENT_RENAME: (edits.renaming, types.RenameOptions(prepare_provider=True)),
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (lookups.outline, None),
    types.TEXT_DOCUMENT_FOLDING_RANGE: (lookups.folding, None),
    types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (lookups.semantic_tokens, lookups.LEGEND),
}
FEATURES: dict[str, tuple[Answer, Any]] = {
    **{method: (answer, None) for method, answer in _MESSAGES.items()},
    **{method: (partial(_about, look), options) for method, (look, options) in _LOOKUPS.items()},
}
