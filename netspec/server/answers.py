"""What answers each request of the protocol: a thin layer on `netspec.editing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from netspec.language.fmt.text import formatted
from netspec.text.diagnostics import Span, SpecError

if TYPE_CHECKING:
    from netspec.server.lsp import Session

Answer = Callable[["Session", Any], Any]


def _opened(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    session.changed(params.text_document.uri)


def _changed(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    session.changed(params.text_document.uri)


def _closed(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    session.closed(params.text_document.uri)


def _saved(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    session.disturbed()


def _changed_on_disk(session: Session, params: types.DidChangeWatchedFilesParams) -> None:
    session.disturbed()


def _began(session: Session, params: types.InitializeParams) -> None:
    session.begin()


def _formatting(
    session: Session, params: types.DocumentFormattingParams
) -> Sequence[types.TextEdit] | None:
    """Return the whole text in its canonical form; nothing where it is no YAML."""
    source = session.document(params.text_document.uri).source
    try:
        text = formatted(source)
    except SpecError:
        return None
    whole = session.positions.range(Span(source, 0, len(source.text)))
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
