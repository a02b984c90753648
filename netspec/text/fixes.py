"""Fixes: how they are made of edits, and a text with some of them made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from netspec.text.diagnostics import Cure, Edit, Fix, Source, Span

_LINE_START = re.compile(r"[ \t]*(?:- )?[ \t]*")
_LINE_END = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)")
_BEFORE, _BEHIND = re.compile(r",[ \t]*$"), re.compile(r"[ \t]*,[ \t]*")


def cure(words: str, *edits: Edit, safe: bool = False) -> Cure:
    """Return the words of a help that is one fix; without edits it is none."""
    return Cure(words, Fix(words, edits, safe)) if edits else Cure(words)


def writing(span: Span, text: str, words: str = "", safe: bool = False) -> Cure:
    """Say to write another text at a place."""
    return cure(words or f"write `{text}`", Edit(span, text), safe=safe)


def inserting(place: Span, text: str, words: str, safe: bool = False) -> Cure:
    """Say to write something more where a place starts."""
    return cure(words, Edit(Span(place.source, place.start, place.start), text), safe=safe)


def either(*cures: str) -> Cure:
    """Join cures of which any helps; none of several is certain."""
    given = [item for item in cures if item]
    only = given[0] if len(given) == 1 else ""
    return only if isinstance(only, Cure) else whichever(", or ".join(given), *given)


def whichever(words: str, *cures: str) -> Cure:
    """Say in words of their own that any of some cures helps."""
    fixes = [fix for item in cures if isinstance(item, Cure) for fix in item.fixes]
    return Cure(words, *(replace(fix, is_safe=False) for fix in fixes))


def without(entry: Span) -> Edit:
    """Delete an entry or an item: its lines if it has them for itself, else a comma with it."""
    source, text = entry.source, entry.source.text
    line = source.start_of(entry.start)
    ending = _LINE_END.match(text, entry.end)
    if ending and _LINE_START.fullmatch(text, line, entry.start):
        return Edit(Span(source, line, ending.end()), "")
    # A long line is not looked through: the comma stands right in front.
    before = _BEFORE.search(text, max(line, entry.start - 20), entry.start)
    behind = _BEHIND.match(text, entry.end)
    if before:
        return Edit(Span(source, before.start(), entry.end), "")
    return Edit(Span(source, entry.start, behind.end() if behind else entry.end), "")


def keyed(value: Span, key: str) -> Cure:
    """Say to delete an entry, by its key and the place of its value."""
    source = value.source
    line = source.text[source.start_of(value.start) : value.start]
    start = value.start - len(line) + line.rfind(f"{key}:")
    is_entry = line.rstrip().endswith(f"{key}:")
    return cure("delete it", *[without(Span(source, start, value.end))] * is_entry)


def entry_at(name: Span) -> Span | None:
    """Return the entry whose key starts a line, with the lines that are indented below it."""
    source, text = name.source, name.source.text
    line = source.start_of(name.start)
    if not _LINE_START.fullmatch(text, line, name.start) or text[name.end : name.end + 1] != ":":
        return None
    below = (
        rf"[^\r\n]*(?:(?:\r\n|\r|\n)(?: {{{name.start - line + 1},}}[^\r\n]*|[ \t]*(?=[\r\n])))*"
    )
    found = re.compile(below).match(text, name.start)
    return found and Span(source, name.start, name.start + len(found[0].rstrip()))


def is_in_braces(place: Span) -> bool:
    """Tell whether a place stands in braces that open on its line."""
    source = place.source
    return bool(_IN_BRACES.search(source.text, source.start_of(place.start), place.start))


def value_of(key: Span) -> Span | None:
    """Return the value of a key in braces, where it is on one line."""
    found = _VALUE.match(key.source.text, key.end) if is_in_braces(key) else None
    return found and Span(key.source, found.start(1), found.end())


def adding(name: Span, entry: str) -> Edit | None:
    """Add an entry to the layer that an op's name stands in, if that is on one line."""
    source = name.source
    if value := value_of(name):
        return Edit(Span(source, value.end, value.end), f", {entry}")
    if source.text[name.end : name.end + 1] != ":":
        return Edit(name, f"{{{name.text}: [], {entry}}}")
    return None


_IN_BRACES = re.compile(r"\{[^{}\r\n]*$")
_VALUE = re.compile(
    r":[ \t]+(\[(?:[^\[\]\r\n]|\[[^\[\]\r\n]*\])*\]|[^\s\[\]{},][^\[\]{},\r\n]*?)"
    r"(?=[ \t]*[,}])"
)


def above(place: Span, line: str) -> Edit:
    """Write a line above that of a place, with the same end."""
    source = place.source
    start = source.start_of(place.start)
    return Edit(Span(source, start, start), line + source.line_end)


def indenting(lines: Span, columns: int) -> list[Edit]:
    """Move the lines of a range to the right."""
    source = lines.source
    numbers = range(lines.line, source.position(max(lines.start, lines.end - 1))[0] + 1)
    starts = [source.start_of_line(number) for number in numbers if source.line(number).strip()]
    return [Edit(Span(source, start, start), " " * columns) for start in starts]


def fitting(fixes: Iterable[Fix]) -> list[Fix]:
    """Return the fixes that can be made at once: of two that overlap, the first."""
    found: list[Fix] = []
    taken: dict[Source, list[tuple[int, int]]] = {}
    for fix in dict.fromkeys(fixes):
        ranges = [(edit.span.source, edit.span.start, edit.span.end) for edit in fix.edits]
        if all(_is_free(start, end, taken.get(source, ())) for source, start, end in ranges):
            found.append(fix)
            for source, start, end in ranges:
                taken.setdefault(source, []).append((start, end))
    return found


def _is_free(start: int, end: int, taken: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a range touches no other, so that the order of two edits does not matter."""
    return all(end < first or last < start for first, last in taken)


def edited(source: Source, fixes: Iterable[Fix]) -> str:
    """Return a text with fixes made that do not overlap; edits of other texts are left out."""
    own = (edit for fix in fixes for edit in fix.edits if edit.span.source is source)
    return replaced(source.text, own)


def replaced(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made that do not overlap."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda edit: edit.span[1:]):
        parts += [text[place : edit.span.start], edit.text]
        place = edit.span.end
    return "".join([*parts, text[place:]])
