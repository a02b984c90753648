"""Diagnostics as the client shows them."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from netspec.server.client import Client
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, brief

_UNUSED = (Code.UNREAD, Code.UNUSED_PARAM, Code.UNUSED_BLOCK)
_TOP = types.Range(types.Position(0, 0), types.Position(0, 0))


def by_file(client: Client) -> dict[str, list[types.Diagnostic]]:
    """Return what is wrong with each open text and each that causes it, by its address."""
    found: dict[str, list[types.Diagnostic]] = {uri: [] for uri in client.uris()}
    for path, item in mistakes(client):
        found.setdefault(client.uri(path), []).append(problem(client, item))
    return found


def mistakes(client: Client) -> Iterator[tuple[str, Diagnostic]]:
    """Yield what is wrong with the open texts, each with the path of the file that causes it.

    What is wrong with a file is found again by all that extend it, and told once.
    """
    known: set[tuple[object, ...]] = set()
    found = [
        (item.span.source.name if item.span else document.path, document.path, item)
        for document in client.workspace.documents()
        for item in document.diagnostics
    ]
    for path, _, item in sorted(found, key=lambda entry: entry[0] != entry[1]):
        same = (path, item.code, item.span and item.span[1:])
        if same not in known:
            known.add(same)
            yield path, item


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
