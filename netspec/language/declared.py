"""A name that is used as one word and declared as another: where the slip most likely is."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Edit, Label, Sink, Span
from netspec.text.fixes import cure, either, writing

_UNUSED = (Code.UNUSED_PARAM, Code.UNUSED_BLOCK)
_UNKNOWN = (Code.UNKNOWN_PARAM, Code.UNKNOWN_OP, Code.UNKNOWN_BLOCK)


def accuse_declarations(sink: Sink) -> None:
    """Report unknown names at the one declaration that they miss, if nothing else uses it.

    Two uses that agree are right against one declaration; of a single use nobody knows.
    """
    unused = {item.span for item in sink.items if item.code in _UNUSED}
    _name_unused([span for span in unused if span], sink)
    missed: dict[Span, list[Diagnostic]] = {}
    for item in sink.items:
        if item.code in _UNKNOWN and len(item.notes) == 1 and item.notes[0].span in unused:
            missed.setdefault(item.notes[0].span, []).append(item)
    for declaration, items in missed.items():
        uses = list(dict.fromkeys(item.span for item in items if item.span))
        if len(uses) > 1 and len({use.text for use in uses}) == 1:
            taken = [x for x in sink.items if x.code == Code.TAKEN_NAME and x.span == declaration]
            told = set(map(id, [*items, *taken]))
            sink.items = [item for item in sink.items if id(item) not in told]
            sink.add(_misspelt(declaration, items[0].code, uses, is_taken=bool(taken)))


def _name_unused(unused: list[Span], sink: Sink) -> None:
    """Point unknown parameters at the one in their scope that is declared and not used."""
    for i, item in enumerate(sink.items):
        known = [note for note in item.notes if note.span in unused]
        if item.code != Code.UNKNOWN_PARAM or not item.span or known:
            continue
        above = [span for span in unused if _declares(span, item)]
        if above:
            place = max(above, key=lambda span: span.start)
            name = _declared(place)[0]
            note = Label(place, f"nothing uses `{name}`")
            here = writing(item.span, f"${name}", f"write `${name}` here")
            help = either(here, _renamed(place, item.span.text[1:], "{} there"))
            sink.items[i] = replace(item, notes=(note,), help=help, guesses=())


def _declares(place: Span, item: Diagnostic) -> bool:
    """Tell whether a place above a mistake declares what may have been meant."""
    assert item.span
    is_above = place.source is item.span.source and place.start < item.span.start
    return is_above and f"${_declared(place)[0]}" in item.guesses


def _declared(declaration: Span) -> tuple[str, int]:
    """Return the name that a declaration gives, and where in it that stands."""
    match = re.match(r"['\"]?(\w+)", declaration.text)
    return (match[1], match.start(1)) if match else (declaration.text, 0)


def _renamed(declaration: Span, name: str, words: str) -> Cure:
    """Say to declare another name."""
    declared, offset = _declared(declaration)
    start = declaration.start + offset
    span = Span(declaration.source, start, start + len(declared))
    return writing(span, name, words.format(f"`{name}`"))


def _misspelt(declaration: Span, code: str, uses: list[Span], is_taken: bool) -> Diagnostic:
    declared, offset = _declared(declaration)
    start = declaration.start + offset
    used = uses[0].text
    message = f"`{declared}` is declared, but unused; `{used}` is used at {len(uses)} places"
    sign = "$" if used.startswith("$") else ""
    help = _renamed(declaration, used.removeprefix("$"), "write {} here")
    there = cure(f"`{sign}{declared}` there", *(Edit(use, f"{sign}{declared}") for use in uses))
    help = Cure(f"{help}; that name is taken", *help.fixes) if is_taken else either(help, there)
    notes = tuple(Label(use, "used here" if i == 0 else "and here") for i, use in enumerate(uses))
    span = Span(declaration.source, start, start + len(declared))
    return Diagnostic(code, message, span, notes=notes, help=help)
