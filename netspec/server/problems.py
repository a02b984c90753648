"""Diagnostics as the client shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types

from netspec.editing.workspace import Document
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, brief

if TYPE_CHECKING:
    from netspec.server.lsp import Session

_UNUSED = (Code.UNREAD, Code.UNUSED_PARAM, Code.UNUSED_BLOCK)
_TOP = types.Range(types.Position(0, 0), types.Position(0, 0))


def by_file(session: Session, document: Document) -> Iterator[tuple[str, types.Diagnostic]]:
    """Yield what is wrong with a text, each with the address of the file that causes it."""
    for item in document.diagnostics:
        path = item.span.source.name if item.span else document.path
        yield session.uri(path), problem(session, item)


def problem(session: Session, item: Diagnostic) -> types.Diagnostic:
    """Return a diagnostic; details and help stand in its message, notes are places of their own."""
    severity = types.DiagnosticSeverity
    notes = [
        types.DiagnosticRelatedInformation(session.location(note.span), brief(note.text) or "here")
        for note in item.notes
    ]
    return types.Diagnostic(
        range=session.positions.range(item.span) if item.span else _TOP,
        message=_message(item),
        severity=severity.Error if item.severity == "error" else severity.Warning,
        code=item.code,
        source="netspec",
        tags=[types.DiagnosticTag.Unnecessary] if item.code in _UNUSED else None,
        related_information=notes or None,
    )


def _message(item: Diagnostic) -> str:
    first = f"{item.message}: {item.label}" if item.label else item.message
    notes = [f"note: {text}" for text in item.details]
    help = [f"help: {item.help}"] if item.help else []
    return "\n".join(map(brief, (first, *notes, *help)))
