"""What a plain YAML text means: a number, a truth value, null or a text.

YAML 1.1, which PyYAML reads, and YAML 1.2 differ on many words and numbers; what they read
differently is refused, so that a spec means the same to every reader.
"""

from __future__ import annotations

import math
import re

from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Edit, Fix, Sink, Span

_DIGITS = 18
_LONGEST = 64
"""A longer text is no number to YAML either."""
_TOO_LARGE = "a number that no 64-bit float can hold"
_CONSTANTS = {"true": True, "false": False, "null": None, "": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(
    r"-?(([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", re.ASCII
)

_NUMERIC = frozenset("0123456789+-.=")
RENAME = "choose another name"
_QUOTES = "put it in quotes if it is a text"
_WORDS = {
    word: cure
    for cure, words in (
        (f"write `true`, or {_QUOTES}", "yes|Yes|YES|on|On|ON|True|TRUE"),
        (f"write `false`, or {_QUOTES}", "no|No|NO|off|Off|OFF|False|FALSE"),
        ("write `null`", "~|Null|NULL"),
    )
    for word in words.split("|")
}
_AMBIGUOUS = (
    (re.compile(r"[-+]?0[0-7]+|[-+]?0[0-9]+"), "write the number without the leading 0"),
    (re.compile(r"[-+]?0[xob][0-9A-Fa-f_]+"), "write the number in decimal"),
    (re.compile(r"\+[0-9.].*"), "write the number without `+`"),
    (
        re.compile(r"(?=.*_)[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?"),
        "write the number without `_`",
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), _QUOTES),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), "only finite numbers are read"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"), _QUOTES),
    (re.compile(r"="), _QUOTES),
)


def resolve(text: str, span: Span, sink: Sink, cure: str = "") -> int | float | bool | str | None:
    """Return what a plain text means; `cure` is what to do with one that YAML leaves open."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMERIC:
        found = _WORDS.get(text, "")
    elif (value := number(text)) is not None:
        return value
    elif _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
        is_whole = text.lstrip("-").isdigit()
        kind = f"an integer of more than {_DIGITS} digits" if is_whole else _TOO_LARGE
        sink.error(Code.RANGE, kind, span)
        return 0
    else:
        cures = (cure for pattern, cure in _AMBIGUOUS if pattern.fullmatch(text))
        found = next(cures, "") if len(text) <= _LONGEST else ""
    if found:
        message = f"YAML 1.1 and YAML 1.2 read `{text[:40]}` differently"
        help = cure or _rewritten(span, text, found)
        sink.error(Code.AMBIGUOUS_WORD, message, span, help=help)
    return text


def _rewritten(span: Span, text: str, words: str) -> Cure:
    """Return a cure with the ways to write a text that YAML leaves open."""
    constant = _CONSTANT.match(words)
    plain, is_certain = constant[1] if constant else "", text.lower() not in _SWITCHES
    if words.endswith("leading 0"):
        plain, is_certain = re.sub(r"^([-+]?)0+(?=.)", r"\1", text).lstrip("+"), False
    elif words.endswith("decimal"):
        plain = str(int(text, 0))
    elif not constant and words != _QUOTES:
        plain = text.lstrip("+").replace("_", "")
    fixes = []
    if (plain and number(plain) is not None) or (plain in _CONSTANTS and plain):
        fixes.append(Fix(f"write `{plain}`", (Edit(span, plain),), is_certain))
    if words.endswith(_QUOTES):
        fixes.append(Fix(_QUOTES, (Edit(span, f'"{text}"'),)))
    return Cure(words, *fixes)


_CONSTANT = re.compile("write `(true|false|null)`")
_SWITCHES = ("yes", "no", "on", "off")


def number(text: str) -> int | float | None:
    """Return the number that a text is in a spec, or None."""
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("-")) <= _DIGITS else None
    value = float(text) if _FLOAT.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None
