"""Spaces, colons and commas that are missing or too many."""

from __future__ import annotations

import re

from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Span
from netspec.text.fixes import either, inserting, whichever, writing
from netspec.text.yaml_errors import layout, texts
from netspec.text.yaml_errors.layout import OPENERS, PAIRS, VALUE, Entry, Failure, said, tokens

_SHOWN = 40
_LONG = 200
_WORD = r"[A-Za-z_][\w.]*"
_NO_KEY = re.compile(r"-?[\d.]+|true|false|null|\$.*")
_HEAD = rf"({_WORD})([^\w\s]*(?=\s|$)|[^\w\s\[{{]*)(\s*)"
_GLUED = rf"({_WORD})\s*:(?=[^\s:])"
_GLUED_INSIDE = re.compile(rf"(?<=[{{\[,\s])({_WORD})\s*:(?=[\[{{\"'$\w])")


@layout.of_an_entry
def glued_dash(failure: Failure, entry: Entry) -> Diagnostic | None:
    found = failure.match(r"(-+)(?=[^\s\d-])|(--+)(?=\s)", entry.first)
    if not found:
        return None
    word = failure.word_at(found.end(), r"\s*[^\s:]*").strip()
    span = failure.span(*found.span())
    help = writing(span, "- " if found[1] else "-", f"write `- {word}`", safe=True)
    return said("a `-` stands alone, with a space behind", span, help)


@layout.of_an_entry
def glued_key(failure: Failure, entry: Entry) -> Diagnostic | None:
    """`key:value`, `key :value`, or one of them in brackets."""
    start = _start(failure, entry)
    found = None if start is None else failure.match(_GLUED, start)
    if not found and failure.text[entry.value : entry.value + 1] in PAIRS:
        found = _GLUED_INSIDE.search(failure.text, entry.value, entry.end)
    if not found:
        return None
    if meant := texts.colon_inside(failure.source, found.start(), entry.end):
        return meant
    span = failure.span(found.start(), found.end() + 1)
    words = f"write `{found[1]}: {failure.word_at(found.end(), VALUE)}`"
    help = writing(failure.span(*found.span()), f"{found[1]}: ", words, safe=True)
    return said(f"a space is missing behind `{found[1]}:`", span, help)


def _start(failure: Failure, entry: Entry) -> int | None:
    """Return where a key of an entry must start that has none, or only one above its line."""
    if not entry.key:
        return entry.word
    return entry.value if failure.line(entry.value) > failure.line(entry.first) else None


@layout.of_an_entry
def no_colon(failure: Failure, entry: Entry) -> Diagnostic | None:
    """A line that starts with a word which no colon follows."""
    if not entry.key:
        return _keyless(failure, entry)
    return None if _start(failure, entry) is None else _keyless_value(failure, entry)


def _keyless(failure: Failure, entry: Entry) -> Diagnostic | None:
    found = failure.match(_HEAD, entry.word, entry.end)
    before = failure.entries[: failure.entries.index(entry)]
    # A plain word is a whole item; with a bracket behind it, it was meant for a key.
    if entry.is_item and (not found or not failure.match(r"[\[{]", found.end())):
        return None
    above = before[-1] if before else None
    goes_on = above and (above.key == "doc" or not above.holds)
    # A text goes on only if it is indented; at the same column a word with a bracket is a key.
    if goes_on and above and entry.dash == above.dash and found:
        goes_on = not failure.match(r"[\[{]", found.end())
    if not entry.is_item and (goes_on or not found):
        if not goes_on and failure.text[entry.word] in (*PAIRS, *OPENERS):
            return None
        return _outdented(failure, entry, above)
    assert found is not None
    return _without_colon(failure, found, entry, bool(above))


def _outdented(failure: Failure, entry: Entry, above: Entry | None) -> Diagnostic:
    number = failure.line(entry.first)
    span = failure.span(entry.start, entry.word + len(failure.word_at(entry.word, r"\S*")))
    if above is None:
        help = "start each line with `key: `"
        return said(f"line {number} has no key", span, help)
    words = f"indent it by at least {above.dash + 2}, if it goes on with `{above.key or '-'}`"
    indent = Span(failure.source, entry.start, entry.first)
    help = writing(indent, " " * (above.dash + 2), words)
    return said(f"line {number} has no key, and does not go on with the line above", span, help)


def _without_colon(failure: Failure, found: re.Match[str], entry: Entry, above: bool) -> Diagnostic:
    word, odd = found[1], found[2]
    rest = failure.word_at(found.end(), r"[^\r\n]*") if found.end() < entry.end else ""
    help = f"write `{word}: {rest}`" if len(rest) <= _SHOWN else f"write `{word}: `"
    help = help.replace(": `", ":`") if not rest else help
    mark = Span(failure.source, *found.span(2))
    is_open = above and rest and not odd and rest[0] not in PAIRS
    help += ", or indent the line if it goes on with the one above" if is_open else ""
    colon = ":" if found[3] or not rest else ": "
    cure = writing(mark, colon, help, safe=not is_open)
    message = f"a `:` is missing behind `{word}`"
    message = f"`{odd}` stands where `:` belongs, behind `{word}`" if odd else message
    return said(message, failure.span(found.start(1), found.end(2) + 1), cure)


def _keyless_value(failure: Failure, entry: Entry) -> Diagnostic | None:
    """A word below a key, itself above more lines."""
    found = failure.match(rf"({_WORD})([^\w\s:]*)(\s*)", entry.value, entry.end)
    if not found or not (found.end(2) == entry.end or failure.match(r"[\[{]", found.end())):
        return None
    return _without_colon(failure, found, entry, above=False)


def no_value(failure: Failure) -> Diagnostic | None:
    """Two commas or colons in a row, one at the start of a list, or a comma behind a line."""
    text, place = failure.text, failure.place
    char = text[place : place + 1]
    if char not in (",", ":"):
        return None
    before = len(text[:place].rstrip()) - 1
    is_first = before < 0 or re.search(r"[\r\n]", text[before:place])
    if char == ":" and (is_first or text[before] in ",[{"):
        span = failure.span(place, place + 1)
        help = whichever(
            "write a name in front of the `:`, or delete it", writing(span, "", "delete it")
        )
        return Diagnostic(Code.NAME, "a key without a name", span, help=help)
    if before >= 0 and text[before] in ",[{:":
        message = f"nothing stands between `{text[before]}` and `{char}`"
        help = writing(failure.span(place, place + 1), "", f"delete the `{char}`")
        return said(message, failure.span(before, place + 1), help)
    # Between values YAML wants a comma: `missing_comma` knows what stands there.
    if char == ":" or "',' or" in failure.problem:
        return None
    following = failure.entries[failure.index + 1 : failure.index + 2]
    if text[before] in OPENERS and following and not (following[0].key or following[0].is_item):
        message = f"`{text[before]}` closes before the end"
        help = writing(failure.span(before, before + 1), "", f"delete the `{text[before]}`")
        return said(message, failure.span(before, place + 1), help)
    comma = failure.span(place, place + 1)
    words = "delete the comma, or put what it separates in brackets"
    # At the end of a line it separates nothing.
    is_last = failure.match(r"[ \t]*(?:[\r\n]|$)", place + 1)
    help = writing(comma, "", words, safe=is_last is not None)
    return said("a comma outside of brackets", comma, help)


def two_colons(failure: Failure) -> Diagnostic | None:
    """`{a: b: c}`: a value that has a key itself."""
    text, place = failure.text, failure.place
    if text[place : place + 1] != ":" or not failure.context:
        return None
    word = failure.word_before(place)
    start = place - len(word)
    first = text[:start].rstrip()
    if not first.endswith(":") or not word:
        return None
    key = failure.match(rf":\s+({_WORD}):(?=\s)", place)
    behind = key.end() if key else place + 1
    written = failure.word_at(behind, rf"\s*({VALUE})")
    value = written.strip()
    if key or (_NO_KEY.fullmatch(word) and value[:1] not in PAIRS):
        message = f"`:` stands where `,` belongs, behind `{word}`"
        meant = f"{word}, {key[1]}: {value}" if key else f"[{word}, {value}]"
        help = writing(failure.span(start, behind + len(written)), meant, safe=True)
        return said(message, failure.span(start, place + 1), help)
    span = failure.span(len(first) - 1, place + 1)
    colon = failure.span(len(first) - 1, len(first))
    help = whichever(
        f"write `, {word}: ...` or `{{{word}: ...}}`, or delete one `:`",
        writing(colon, ",", f"write `, {word}: ...`"),
        writing(failure.span(place, place + 1), "", "delete the second `:`"),
    )
    return said("two `:` in one entry", span, help)


def missing_comma(failure: Failure) -> Diagnostic | None:
    """Two values in brackets with nothing but a space between."""
    text, place = failure.text, failure.place
    if "',' or" not in failure.problem:
        return None
    # YAML stops at the colon of a key; the comma is missing in front of the key.
    if text[place : place + 1] == ":":
        place -= len(failure.word_before(place))
    entry = failure.entry
    marks = [p for p in tokens(text, entry.value, place) if text[p] == "#"]
    is_last = marks and not re.compile(r"[\r\n]\s*[^\s#]").search(text, marks[-1], place)
    comment = marks[-1] if is_last else place
    gap = len(text[:comment].rstrip())
    if gap in (0, place) or text[gap - 1] in ",[{:":
        return None
    word = failure.word_at(place)
    if comment < place:
        span = failure.span(gap - 1, gap + 1)
        help = inserting(failure.span(gap, gap + 1), ",", "write `,` there", safe=True)
        return said("a comma is missing at the end of a line", span, help)
    first = failure.word_before(gap, " \t\r\n,[{")
    is_same_line = not re.search(r"[\r\n]", text[gap:place])
    is_key = word == "" and is_same_line and re.match(r"[A-Za-z]", first)
    known, odd = re.fullmatch(r"(.*?)([^\w\])}]?)", first, re.DOTALL).groups()  # type: ignore[union-attr]  # matches all
    mark = ":" if is_key else ","
    words = f"write `{known}{mark} {word or failure.word_at(place, VALUE)}`"
    message = f"`{odd}` stands where `{mark}` belongs" if odd else f"a `{mark}` is missing"
    if not is_same_line:
        words = f"write `{known},`"
        place, word = gap, ""
    there = Span(failure.source, gap - len(odd), gap)
    help = writing(there, mark, words, safe=True)
    span = failure.span(gap - len(first), place + len(word))
    return said(f"{message} behind `{known}`", span, help)


def behind_comma(failure: Failure) -> Diagnostic | None:
    """`{conv2d, [64, 3]}`"""
    text, place = failure.text, failure.place
    found = re.compile(rf"\b({_WORD})\s*,[ \t]*$").search(text, max(0, place - _LONG), place)
    if found is None:
        return None
    message = f"`,` stands where `:` belongs behind `{found[1]}`"
    span = failure.span(found.end(1), place + 1)
    words = f"write `{found[1]}: {text[place]}`"
    comma = failure.span(found.end(1), place)
    return said(message, span, writing(comma, ": ", words, safe=True))


def double_brace(failure: Failure) -> Diagnostic | None:
    """`{{a: 1}`"""
    text, place = failure.text, failure.place
    before = len(text[:place].rstrip()) - 1
    if before < 0 or text[before] != "{" or text[place] != "{":
        return None
    span = failure.span(before, place + 1)
    delete = writing(failure.span(place, place + 1), "", "delete one `{`")
    help = either(delete, "write `key: ` between them")
    return said("`{` stands twice", span, help)


def collection_as_key(failure: Failure) -> Diagnostic:
    """A list or mapping stands where a key must."""
    char = failure.text[failure.place]
    help = f"write `key: ` in front of `{char}`, or delete it"
    span = failure.span(failure.place, failure.place + 1)
    return said("a key must be a plain word, not a collection", span, help)
