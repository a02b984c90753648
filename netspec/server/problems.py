"""Diagnostics as the client shows them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from lsprotocol import types

from netspec.server.client import Client
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, brief

_UNUSED = (Code.UNREAD, Code.UNUSED_PARAM, Code.UNUSED_BLOCK)
_TOP = types.Range(types.Position(0, 0), types.Position(0, 0))


def by_file(client: Client) -> dict[str, dict[Hashable, types.Diagnostic]]:
    """Return what is wrong with each open text and each that causes it, by its address."""
    found: dict[str, dict[Hashable, types.Diagnostic]] = {uri: {} for uri in client.uris()}
    for item, path in mistakes(client):
        key = item.code, item.span and item.span[1:]
        found.setdefault(client.uri(path), {}).setdefault(key, problem(client, item))
    return found


def mistakes(client: Client) -> Iterator[tuple[Diagnostic, str]]:
    """Yield what is wrong with the open texts, and the path of the file that causes it.

    A file's own compilation comes first: what extends it finds the same again, and tells more.
    """
    documents = client.workspace.documents()
    found = [
        (item, item.span.source.name if item.span else document.path, document.path)
        for document in documents
        for item in document.diagnostics
    ]
    for item, path, _ in sorted(found, key=lambda entry: entry[1] != entry[2]):
        yield item, path


def problem(client: Client, item: Diagnostic) -> types.Diagnostic:
    """Return a diagnostic; details and help stand in its message, notes are places of their own."""
    severity = types.DiagnosticSeverity
    notes = [
        types.DiagnosticRelatedInformation(client.location(note.span), brief(note.text) or "here")
        for note in item.notes
    ]
    return types.Diagnostic(
        range=client.positions.range(item.span) if item.span else _TOP,
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
