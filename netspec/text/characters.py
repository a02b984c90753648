"""Characters that no spec may have, and those that belong into sentences alone."""

from __future__ import annotations

import re
from typing import NoReturn

from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Edit, Source, Span, SpecError
from netspec.text.fixes import cure


def fail(code: str, message: str, span: Span, help: str = "") -> NoReturn:
    """Raise what is wrong with a text of which no more can be read."""
    raise SpecError([Diagnostic(code, message, span, help=help)])


# Control characters but tab and line ends; what reorders or hides text; U+0085 and U+2028/9,
# which start a new line for YAML and for no editor.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\uffff\u0085\u2028\u2029\U000e0000-\U000e0fff]"
)
# Persian, Hindi and emoji are written with them: they belong into sentences, and nowhere else.
JOINER = re.compile("[\u200c\u200d]")


def refuse_characters(source: Source) -> None:
    """Raise SpecError for characters that cannot be seen, or that hide others."""
    for code, pattern, what in (
        (Code.NOT_YAML, _CONTROL, "control character"),
        (Code.INVISIBLE, _INVISIBLE, "invisible or text-reordering character"),
    ):
        if found := pattern.search(source.text):
            spans = [Span(source, *each.span()) for each in pattern.finditer(source.text)]
            # What starts a new line for YAML may have been meant to.
            is_certain = not re.search("[\u0085\u2028\u2029]", source.text)
            help = cure("delete it", *(Edit(span, "") for span in spans), safe=is_certain)
            fail(code, f"{what} {code_point(found)}", spans[0], help)


def code_point(found: re.Match[str]) -> str:
    """Name a character that may not be seen."""
    return f"U+{ord(found[0]):04X}"
