"""Plain texts that are valid YAML, and cannot be what was meant; a `doc` is never looked at."""

from __future__ import annotations

import re

from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Label, Source, Span
from netspec.text.fixes import cure, either, inserting, whichever, without, writing
from netspec.text.yaml_errors.layout import VALUE, said

_BRACED = re.compile(r"\$\{\s*(\w*)\s*\}")
_COMMENT = re.compile(r"(\S+)(#)\s*(.*)")
_ITEM = re.compile(r"([A-Za-z_]\w*)\s*[\r\n]\s*(- [A-Za-z][^\r\n]*)")
_GAP = re.compile(r"(?<=[\w)\]])([;$]?)\s+(?=[\w$(])")
_KEY_AND_VALUE = r"([A-Za-z_][\w.]*)(\s*:|[;$-]?\s+)(.*)"
_CLOSED = re.compile(r"[^\[{]*([\]}])")
_KEY_IN_FRONT = re.compile(r"([A-Za-z_][\w.]*):\s+$")
_NOT = re.compile(r"not\s+(\$\w+)", re.ASCII)
SUSPECT = re.compile(r"[#{\s\]}]")
"""Without one of these no text is odd."""
_LONGEST = 200


def odd_text(span: Span, in_list: bool, in_brackets: bool) -> Diagnostic | None:
    """Return what is wrong with a plain text where no sentence can stand."""
    text = span.text[:_LONGEST]
    if found := _BRACED.search(text):
        place = _part(span, *found.span())
        help = writing(place, f"${found[1]}", safe=True) if found[1] else "write `$name`"
        return Diagnostic(Code.EXPRESSION, "a parameter has no braces", place, help=help)
    if found := _NOT.fullmatch(text):
        ways = [writing(span, f"{found[1]} == {value}") for value in ("false", "0")]
        help = whichever(f"{ways[0]}, or `{found[1]} == 0` for a number", *ways)
        return Diagnostic(Code.EXPRESSION, "a condition has no `not`", span, help=help)
    if found := _COMMENT.search(text):
        mark = _part(span, *found.span(2))
        ways = [writing(mark, "  # ", f"write `{found[1]}  # {found[3]}`")] * (not in_brackets)
        words = f"write `{found[1]}  # {found[3]}`, or delete the `#`"
        help = whichever(words, *ways, writing(mark, "", "delete the `#`"))
        message = "`#` starts a comment only behind a space"
        return said(message, _part(span, found.start(), found.end(2)), help)
    if found := _ITEM.match(text):
        message = f"an item of a list stands below `{found[1]}`"
        help = "move the line below the key of its list, or delete it"
        return said(message, _part(span, *found.span(2)), help)
    if found := _CLOSED.fullmatch(text):
        return _closes_nothing(span, text, found[1])
    if in_brackets and (found := _GAP.search(text)):
        meant = _GAP.sub(", ", text)
        help = writing(span, meant if in_list else f"[{meant}]", safe=span.text == text)
        message = f"`{found[1]}` stands where `,` belongs" if found[1] else "a comma is missing"
        return said(message, span, help)
    return None


def _closes_nothing(span: Span, text: str, bracket: str) -> Diagnostic:
    """Return what is wrong with a text that ends with a bracket which nothing opens."""
    opener = "[" if bracket == "]" else "{"
    before = span.source.text[max(0, span.start - _LONGEST) : span.start]
    key = _KEY_IN_FRONT.search(before)
    there, at = f"`{text[:-1]}`", span
    if key and opener == "{":
        there, at = f"`{key[1]}:`", Span(span.source, span.start - len(key[0]), span.end)
    closer = _part(span, len(text) - 1, len(text))
    help = either(
        inserting(at, opener, f"write `{opener}` in front of {there}"),
        writing(closer, "", f"delete the `{bracket}`"),
    )
    return said(f"`{bracket}` closes nothing", closer, help)


def odd_key(span: Span) -> Diagnostic | None:
    """Return what is wrong with a key in brackets that has no value, as in `{a:1}` and `{a 1}`."""
    if meant := colon_inside(span.source, span.start, span.end):
        return meant
    found = re.fullmatch(_KEY_AND_VALUE, span.text[:_LONGEST], re.DOTALL)
    if found is None:
        return None
    word, mark = found[1], found[2].strip()
    message = f"`{mark}` stands where `:` belongs behind `{word}`"
    if mark == ":":
        message = f"a space is missing behind `{word}:`"
    elif not mark:
        message = f"a `:` is missing behind `{word}`"
    return said(message, span, writing(span, f"{word}: {found[3].strip()}", safe=True))


def key_twice(key: str, first: tuple[Span, Span], second: tuple[Span, Span]) -> Diagnostic:
    """Return what is said of a key that its mapping holds twice; both come with their values."""
    (one, value), (two, other) = first, second
    is_same = two.line == one.line + 1 and _rest(one) == _rest(two)
    words = "the two lines are the same: delete one" if is_same else "delete one, or rename it"
    is_certain = value.text == other.text
    help = cure(words, without(Span(two.source, two.start, other.end)), safe=is_certain)
    notes = (Label(one, "first written here"),)
    return Diagnostic(Code.TWICE, f"the key `{key}` stands twice", two, notes=notes, help=help)


def _rest(span: Span) -> str:
    """Return what a line holds from a place on, as far as it is compared."""
    lines = span.source.text[span.start : span.start + _COMPARED].splitlines()
    return lines[0] if lines else ""


_COMPARED = 1000
_MOVED_COLON = re.compile(rf"([A-Za-z_][\w.]*):(\w)[ \t]+(?=[^\s,\]}}#])({VALUE})")
_CONSTANTS = ("true", "false", "null")


def colon_inside(source: Source, start: int, end: int) -> Diagnostic | None:
    """`ke:y value` or `key:v alue`: a `:` or a space that has moved by one letter."""
    found = _MOVED_COLON.match(source.text, start, end)
    if found is None or found[1] == "doc":
        return None
    word, letter, rest = found.groups()
    meant = [f"`{word}{letter}: {rest}`", f"`{word}: {letter}{rest}`"]
    is_capital = letter.isupper() and rest[0].isalnum()
    # Of the two readings only the likelier is told, where one is: a name that the text has
    # elsewhere, or what makes a whole number or constant.
    if (letter + rest).isdigit() and re.search(rf"\b{word}{letter}\b", source.text):
        meant = meant[:1]
    elif is_capital or (letter + rest).isdigit() or letter + rest in _CONSTANTS:
        meant = meant[1:]
    elif not rest[0].islower() or rest in _CONSTANTS:
        meant = meant[:1]
    span = Span(source, *found.span())
    ways = [writing(span, text.strip("`"), safe=len(meant) == 1) for text in meant]
    help = Cure(f"write {', or '.join(meant)}", *(fix for way in ways for fix in way.fixes))
    return said("`:` stands inside a word", span, help)


def _part(span: Span, start: int, end: int) -> Span:
    return Span(span.source, span.start + start, span.start + end)
