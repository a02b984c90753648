"""What a text says at a place, in the protocol's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from lsprotocol import types

from netspec.editing.folds import folds
from netspec.editing.hints import inlay_hints
from netspec.editing.hover import hover
from netspec.editing.lenses import lenses
from netspec.editing.places import definition, references
from netspec.editing.symbols import Symbol, SymbolKind, symbols
from netspec.editing.tokens import TokenType, tokens
from netspec.editing.workspace import Document
from netspec.server.client import Client
from netspec.text.diagnostics import brief


def find_definition(
    client: Client, document: Document, params: types.DefinitionParams
) -> types.Location | None:
    found = definition(document, client.positions.offset(document.source, params.position))
    return client.location(found) if found else None


def find_references(
    client: Client, document: Document, params: types.ReferenceParams
) -> list[types.Location]:
    """Return the places of a name, in the other open specs too."""
    offset = client.positions.offset(document.source, params.position)
    found = references(document, offset, client.workspace.documents())
    defined = definition(document, offset)
    is_wanted = params.context.include_declaration
    return [client.location(span) for span in found if is_wanted or span != defined]


def hovered(client: Client, document: Document, params: types.HoverParams) -> types.Hover | None:
    found = hover(document, client.positions.offset(document.source, params.position))
    if found is None:
        return None
    text = types.MarkupContent(types.MarkupKind.Markdown, found.text)
    return types.Hover(text, client.positions.range(found.span))


def hints(
    client: Client, document: Document, params: types.InlayHintParams
) -> list[types.InlayHint]:
    source = document.source
    found = inlay_hints(document, *client.positions.offsets(source, params.range))
    return [
        types.InlayHint(client.positions.position(source, offset), label, padding_left=True)
        for offset, label in found
    ]


def lens(client: Client, document: Document, params: object) -> list[types.CodeLens]:
    """Return what stands above lines; it is to be read, not to be clicked."""
    return [
        types.CodeLens(client.positions.range(span), types.Command(title, ""))
        for span, title in lenses(document)
    ]


_KINDS: dict[SymbolKind, types.SymbolKind] = {
    "section": types.SymbolKind.Namespace,
    "layer": types.SymbolKind.Variable,
    "block": types.SymbolKind.Class,
    "extern": types.SymbolKind.Function,
    "param": types.SymbolKind.Constant,
    "input": types.SymbolKind.Interface,
    "output": types.SymbolKind.Interface,
}


def outline(client: Client, document: Document, params: object) -> list[types.DocumentSymbol]:
    return [_symbol(client, symbol) for symbol in symbols(document)]


def _symbol(client: Client, symbol: Symbol) -> types.DocumentSymbol:
    whole, name = map(client.positions.range, (symbol.whole, symbol.name))
    inner = [_symbol(client, each) for each in symbol.inner]
    text, detail = brief(symbol.text) or "''", brief(symbol.detail)
    return types.DocumentSymbol(text, _KINDS[symbol.kind], whole, name, detail, children=inner)


def folding(client: Client, document: Document, params: object) -> list[types.FoldingRange]:
    comment = types.FoldingRangeKind.Comment
    return [
        types.FoldingRange(
            span.line - 1,
            span.source.position(span.end)[0] - 1,
            kind=comment if span.text.lstrip().startswith("#") else None,
        )
        for span in folds(document)
    ]


_TYPES = get_args(TokenType)
LEGEND = types.SemanticTokensLegend(_TYPES, ["definition"])


def semantic_tokens(client: Client, document: Document, params: object) -> types.SemanticTokens:
    return types.SemanticTokens([*_numbers(client, document)])


def _numbers(client: Client, document: Document) -> Iterator[int]:
    """Yield five numbers for each name: its distance from the last, its length, its kind."""
    line = column = 0
    for span, kind, is_definition in tokens(document):
        start = client.positions.position(span.source, span.start)
        same = start.line == line
        yield start.line - line
        yield start.character - column if same else start.character
        yield client.positions.units(span.text)
        yield _TYPES.index(kind)
        yield int(is_definition)
        line, column = start.line, start.character
