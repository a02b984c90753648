"""Changes of texts for the client to make: fixes, the canonical form, a new name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from lsprotocol import types

from netspec.editing.rename import RenameError, renamable, rename
from netspec.editing.workspace import Document
from netspec.language.fmt.text import formatted
from netspec.server.client import Client
from netspec.server.files import beside
from netspec.server.problems import mistakes, problem
from netspec.server.refusal import Refusal
from netspec.text.diagnostics import Diagnostic, Edit, Span, SpecError, counted
from netspec.text.fixes import fitting

_QUICK = types.CodeActionKind.QuickFix
_ALL = "source.fixAll.netspec"
KINDS = (_QUICK, _ALL)
_SHOWN = 5


def formatting(client: Client, document: Document, params: object) -> list[types.TextEdit] | None:
    """Return the whole text in its canonical form; nothing where it is no YAML."""
    source = document.source
    try:
        text = formatted(source)
    except SpecError:
        return None
    whole = client.positions.range(Span(source, 0, len(source.text)))
    return [types.TextEdit(whole, text)] if text != source.text else []


def code_actions(
    client: Client, document: Document, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """Return the fixes of what is wrong in a range, and one that makes all that are safe."""
    start, end = client.positions.offsets(document.source, params.range)
    here = [item for path, item in mistakes(client) if path == document.path]
    touched = [item for item in here if _touches(item.span, start, end)]
    wanted = [f"{_name(kind)}." for kind in params.context.only or KINDS]
    groups = {_QUICK: _fixes(client, touched), _ALL: _all_safe(client, here)}
    return [
        action
        for kind, actions in groups.items()
        if f"{_name(kind)}.".startswith(tuple(wanted))
        for action in actions
    ]


def prepare_rename(
    client: Client, document: Document, params: types.PrepareRenameParams
) -> types.PrepareRenamePlaceholder:
    """Return the name that could be another. Raises Refusal."""
    try:
        place = renamable(document, client.positions.offset(document.source, params.position))
    except RenameError as error:
        raise Refusal(str(error)) from None
    return types.PrepareRenamePlaceholder(client.positions.range(place.span), place.name)


def renaming(client: Client, document: Document, params: types.RenameParams) -> types.WorkspaceEdit:
    """Return what renames, and tell which keys of weights change. Raises Refusal."""
    offset = client.positions.offset(document.source, params.position)
    family = [Path(source.name) for source in document.index.sources]
    others = (str(path.parent / other) for path in family for other in beside(str(path)))
    try:
        found = rename(client.workspace, document, offset, params.new_name, others)
    except RenameError as error:
        raise Refusal(str(error)) from None
    if found.keys:
        client.show(_told(found.keys), types.MessageType.Info)
    return workspace_edit(client, chain.from_iterable(found.edits.values()))


def _told(keys: Mapping[str, str]) -> str:
    """Say which keys of a state_dict change."""
    shown = [f"{old} → {new}" for old, new in islice(keys.items(), _SHOWN)]
    more = ["…"] if len(keys) > _SHOWN else []
    count = counted(len(keys), "key")
    return f"weights on disk have {count} of other names: {', '.join([*shown, *more])}"


def workspace_edit(client: Client, edits: Iterable[Edit]) -> types.WorkspaceEdit:
    """Return the edits of each file, with the version that they are meant for if it is open."""
    by_path: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        place = client.positions.range(edit.span)
        by_path.setdefault(edit.span.source.name, []).append(types.TextEdit(place, edit.text))
    if not client.can("workspace.workspace_edit.document_changes"):
        return types.WorkspaceEdit({client.uri(path): found for path, found in by_path.items()})
    texts = types.OptionalVersionedTextDocumentIdentifier
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(texts(client.uri(path), client.version(path)), found)
            for path, found in by_path.items()
        ]
    )


def _name(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


def _touches(span: Span | None, start: int, end: int) -> bool:
    return span is None or (span.start <= end and start <= span.end)


def _fixes(client: Client, items: Iterable[Diagnostic]) -> Iterator[types.CodeAction]:
    """Yield the fixes of mistakes; what extends a file finds the same of it again."""
    seen = set()
    for item in items:
        for fix in item.fixes:
            key = tuple((edit.span.source.name, edit.span[1:], edit.text) for edit in fix.edits)
            if key in seen:
                continue
            seen.add(key)
            yield types.CodeAction(
                fix.title,
                _QUICK,
                diagnostics=[problem(client, item)],
                is_preferred=fix.is_safe or None,
                edit=workspace_edit(client, fix.edits),
            )


def _all_safe(client: Client, items: Sequence[Diagnostic]) -> Iterator[types.CodeAction]:
    safe = fitting(fix for item in items for fix in item.fixes[:1] if fix.is_safe)
    if safe:
        edits = [edit for fix in safe for edit in fix.edits]
        title = "make all safe fixes"
        yield types.CodeAction(title, _ALL, edit=workspace_edit(client, edits))
