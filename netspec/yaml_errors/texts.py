"""Plain texts that are valid YAML, and cannot be what was meant; a `doc` is never looked at."""

from __future__ import annotations

import re

from netspec.diagnostics import Diagnostic, Span
from netspec.yaml_errors.layout import said

_BRACED = re.compile(r"\$\{\s*(\w*)\s*\}")
_COMMENT = re.compile(r"(\S+)(#)\s*(.*)")
_GAP = re.compile(r"(?<=[\w)\]])\s+(?=[\w$(])")
SUSPECT = re.compile(r"[#{\s]")
"""Without one of these no text is odd."""
_LONGEST = 200


def odd_text(span: Span, in_list: bool, in_brackets: bool) -> Diagnostic | None:
    """Return what is wrong with a plain text where no sentence can stand."""
    text = span.text[:_LONGEST]
    if found := _BRACED.search(text):
        help = f"write `${found[1] or 'name'}`"
        return Diagnostic(
            "NS016", "a parameter has no braces", _part(span, *found.span()), help=help
        )
    if found := _COMMENT.search(text):
        help = f"write `{found[1]}  # {found[3]}`, or delete the `#`"
        message = "`#` starts a comment only behind a space"
        return said(message, _part(span, found.start(), found.end(2)), help)
    if in_brackets and _GAP.search(text):
        meant = _GAP.sub(", ", text)
        help = f"write `{meant}`" if in_list else f"write `[{meant}]`"
        return said("a comma is missing", span, help)
    return None


def odd_key(span: Span) -> Diagnostic | None:
    """Return what is wrong with a key in brackets that has no value, as in `{a:1}` and `{a 1}`."""
    found = re.fullmatch(r"([A-Za-z_][\w.]*)(:|\s+)(.*)", span.text[:_LONGEST], re.DOTALL)
    if found is None:
        return None
    what = "space" if found[2] == ":" else "`:`"
    message = f"a {what} is missing behind `{found[1]}{':' * (what == 'space')}`"
    return said(message, span, f"write `{found[1]}: {found[3].strip()}`")


def _part(span: Span, start: int, end: int) -> Span:
    return Span(span.source, span.start + start, span.start + end)
