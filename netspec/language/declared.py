"""A name that is used as one word and declared as another: where the slip most likely is."""

from __future__ import annotations

import re

from netspec.text.diagnostics import Diagnostic, Label, Sink, Span

_UNUSED = ("NS024", "NS027")
_UNKNOWN = ("NS017", "NS020", "NS021")


def accuse_declarations(sink: Sink) -> None:
    """Report unknown names at the one declaration that they miss, if nothing else uses it.

    Two uses that agree are right against one declaration; of a single use nobody knows.
    """
    unused = {item.span for item in sink.items if item.code in _UNUSED}
    missed: dict[Span, list[Diagnostic]] = {}
    for item in sink.items:
        if item.code in _UNKNOWN and len(item.notes) == 1 and item.notes[0].span in unused:
            missed.setdefault(item.notes[0].span, []).append(item)
    for declaration, items in missed.items():
        uses = list(dict.fromkeys(item.span for item in items if item.span))
        if len(uses) > 1 and len({use.text for use in uses}) == 1:
            told = set(map(id, items))
            sink.items = [item for item in sink.items if id(item) not in told]
            sink.add(_misspelt(declaration, items[0].code, uses))


def _misspelt(declaration: Span, code: str, uses: list[Span]) -> Diagnostic:
    match = re.match(r"['\"]?(\w+)", declaration.text)
    declared = match[1] if match else declaration.text
    start = declaration.start + (match.start(1) if match else 0)
    used = uses[0].text
    message = f"`{declared}` is declared, but unused; `{used}` is used at {len(uses)} places"
    sign = "$" if used.startswith("$") else ""
    help = f"write `{used.removeprefix('$')}` here, or `{sign}{declared}` there"
    notes = tuple(Label(use, "used here" if i == 0 else "and here") for i, use in enumerate(uses))
    span = Span(declaration.source, start, start + len(declared))
    return Diagnostic(code, message, span, notes=notes, help=help)
