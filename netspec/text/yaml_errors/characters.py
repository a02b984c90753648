"""Tabs, quotes, and characters with which no plain text starts."""

from __future__ import annotations

import re

from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Edit, Span, escape
from netspec.text.fixes import cure, either, inserting, writing
from netspec.text.yaml_errors import layout
from netspec.text.yaml_errors.layout import PAIRS, Entry, Failure, said, tokens

_SHOWN = 40
_LONG = 1000
_STARTS = {
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    "|": "a text on lines of its own",
    ">": "a text on lines of its own",
    "?": "a long key",
    "%": "a directive",
    "@": "",
    "`": "",
}


def quoted(text: str) -> str:
    """Show how a text is put in quotes."""
    text = " ".join(text.split())
    mark = "'" if '"' in text else '"'
    return f"{mark}{text}{mark}" if len(text) <= _SHOWN and mark not in text else f"{mark}...{mark}"


def quoting(span: Span, words: str, safe: bool = False) -> Cure:
    """Say to put a text in quotes; one with both kinds is left to its author."""
    text = " ".join(span.text.split())
    mark = next((mark for mark in "\"'" if mark not in text), "")
    return writing(span, f"{mark}{text}{mark}", words, safe) if mark else Cure(words)


def tab(failure: Failure) -> Diagnostic | None:
    text = failure.text
    line = max(text.rfind("\n", 0, failure.place), text.rfind("\r", 0, failure.place)) + 1
    for start in (line, *(entry.start for entry in failure.near())):
        if found := failure.match(r"[ \t]*\t[ \t]*", start):
            span = failure.span(found.start(), found.end())
            tabs = re.compile(r"^[ \t]*\t[ \t]*", re.MULTILINE).finditer(text)
            edits = [Edit(failure.span(*each.span()), each[0].replace("\t", "  ")) for each in tabs]
            return said(
                "a tab indents the line", span, cure("indent with spaces", *edits, safe=True)
            )
    return None


def escape_sequence(failure: Failure) -> Diagnostic | None:
    if "escape" not in failure.problem and "hexdecimal" not in failure.problem:
        return None
    place = failure.text.rfind("\\", failure.began, failure.place + 1)
    span = failure.span(place, place + 2)
    message = f"`{escape(span.text)}` means nothing between double quotes"
    words = "write `\\\\` for a backslash, or use single quotes"
    return said(message, span, inserting(span, "\\", words, safe=True))


def open_quote(failure: Failure) -> Diagnostic | None:
    """A quote that closes nowhere, or only below the next entry."""
    text = failure.text
    places = [failure.began] if "quoted scalar" in failure.context else []
    # A quote that opened far above closes at the next one, and YAML stops behind that: the first
    # quote in doubt is the cause, not the nearest.
    for entry in (*failure.near(), *failure.entries[: failure.index]):
        end = entry.end if text[entry.value : entry.value + 1] in PAIRS else entry.value + 1
        places += [p for p in tokens(text, entry.value, entry.end) if p < end and text[p] in "\"'"]
    if not places:
        return None
    place = places[0]
    quote = text[place]
    written = failure.word_at(place, r"[^\r\n]*")
    span = failure.span(place, place + len(written))
    behind = Span(span.source, span.end, span.end)
    help = either(
        inserting(behind, quote, f"close the text with `{quote}` on this line"),
        writing(failure.span(place, place + 1), "", f"delete the `{quote}`"),
    )
    return said(f"the quote `{quote}` is not closed", span, help)


@layout.of_an_entry
def braced_name(failure: Failure, entry: Entry) -> Diagnostic | None:
    found = re.compile(r"\$\{\s*(\w*)\s*\}?").search(failure.text, entry.first, entry.end)
    if not found:
        return None
    span = failure.span(*found.span())
    help = writing(span, f"${found[1]}", safe=True) if found[1] else "write `$name`"
    return said("a parameter has no braces", span, help)


def reserved(failure: Failure) -> Diagnostic | None:
    for place in (failure.began, failure.place):
        char = failure.text[place : place + 1]
        if char in _STARTS:
            written = failure.word_at(place, r"[^\r\n,\]}]*")
            what = f"starts {_STARTS[char]} in YAML" if _STARTS[char] else "YAML reserves"
            message = f"a text cannot start with `{char}`, which {what}"
            span = failure.span(place, place + len(written))
            help = quoting(span, f"put the text in quotes: `{quoted(written)}`")
            return said(message, span, help)
    return None


def long_name(failure: Failure) -> Diagnostic | None:
    """A key of more than 1024 characters is none for YAML."""
    name = failure.word_before(failure.place, " \t\r\n[]{},:")
    if failure.text[failure.place : failure.place + 1] != ":" or len(name) < _LONG:
        return None
    message = f"a name of {len(name)} characters; at most 64"
    span = failure.span(failure.place - len(name), failure.place)
    return Diagnostic(Code.NAME, message, span, help="choose a shorter name")
