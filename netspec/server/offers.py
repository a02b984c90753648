"""What may be typed at a place, in the protocol's words."""

from __future__ import annotations

from functools import partial

from lsprotocol import types

from netspec.editing.complete import MOST, Completion, Kind, completions
from netspec.editing.signature import Parameter, Signature, signature
from netspec.editing.workspace import Document
from netspec.server.client import Client
from netspec.server.files import beside

COMPLETION = types.CompletionOptions(trigger_characters=[*"$.{[,: "])
SIGNATURE = types.SignatureHelpOptions(trigger_characters=[*"[, "])
_KINDS: dict[Kind, types.CompletionItemKind] = {
    "op": types.CompletionItemKind.Function,
    "block": types.CompletionItemKind.Class,
    "argument": types.CompletionItemKind.Property,
    "key": types.CompletionItemKind.Keyword,
    "layer": types.CompletionItemKind.Variable,
    "param": types.CompletionItemKind.Constant,
    "value": types.CompletionItemKind.Value,
    "function": types.CompletionItemKind.Function,
    "path": types.CompletionItemKind.Reference,
    "file": types.CompletionItemKind.File,
}


def complete(
    client: Client, document: Document, params: types.CompletionParams
) -> types.CompletionList:
    """Return what may stand at a place, the likeliest first."""
    offset = client.positions.offset(document.source, params.position)
    found = completions(document, offset, partial(beside, document.path))
    takes_snippets = client.can("text_document.completion.completion_item.snippet_support")
    items = [_item(client, item, takes_snippets) for item in found]
    for number, item in enumerate(items):
        item.sort_text = f"{number:04}"
    return types.CompletionList(len(items) >= MOST, items)


def _item(client: Client, item: Completion, takes_snippets: bool) -> types.CompletionItem:
    is_snippet = bool(item.snippet) and takes_snippets
    formats = types.InsertTextFormat
    text = item.snippet if is_snippet else item.text
    docs = types.MarkupContent(types.MarkupKind.Markdown, item.documentation)
    return types.CompletionItem(
        item.label,
        kind=_KINDS[item.kind],
        detail=item.detail or None,
        documentation=docs if item.documentation else None,
        insert_text_format=formats.Snippet if is_snippet else formats.PlainText,
        text_edit=types.TextEdit(client.positions.range(item.span), text),
    )


def help_with_signature(
    client: Client, document: Document, params: types.SignatureHelpParams
) -> types.SignatureHelp | None:
    found = signature(document, client.positions.offset(document.source, params.position))
    if found is None:
        return None
    # One beyond the last is none of them.
    active = len(found.parameters) if found.active is None else found.active
    information = types.SignatureInformation(
        found.label,
        types.MarkupContent(types.MarkupKind.Markdown, found.text),
        [_parameter(found, each) for each in found.parameters],
    )
    return types.SignatureHelp([information], 0, active)


def _parameter(found: Signature, each: Parameter) -> types.ParameterInformation:
    text = types.MarkupContent(types.MarkupKind.Markdown, each.text)
    return types.ParameterInformation(found.label[each.start : each.end], text)
