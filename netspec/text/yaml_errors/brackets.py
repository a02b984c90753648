"""Brackets without a partner."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from netspec.text.diagnostics import Cure, Diagnostic, Label, Span
from netspec.text.fixes import cure, either, inserting, whichever, writing
from netspec.text.yaml_errors import layout
from netspec.text.yaml_errors.layout import (
    OPENERS,
    PAIRS,
    VALUE,
    Entry,
    Failure,
    said,
    starting,
    tokens,
)

_WORD = r"[A-Za-z_][\w.]*"
_LONG = 200
_NO_START = r"[:;,}\]]|\$(?=\d)|-(?=[$A-Za-z])"
"""What stands where a bracket belongs, since no value starts with it."""
_KEY_BEHIND_KEY = re.compile(rf"\b{_WORD}:\s+(?={_WORD}:\s)")


def _is_sentence(text: str, entry: Entry) -> bool:
    """Tell whether the brackets of an entry are those of a text, which do not count."""
    return entry.key == "doc" and text[entry.value : entry.value + 1] not in PAIRS


@layout.of_an_entry
def odd(failure: Failure, entry: Entry) -> Diagnostic | None:
    """A bracket inside a word, or one that closes before the entry has ended."""
    text = failure.text
    if _is_sentence(text, entry):
        return None
    opened: list[str] = []
    for place in tokens(text, entry.value, entry.end):
        char, behind = text[place], _behind(failure, entry, place)
        if char in PAIRS:
            # `conv [64, 3]`: a word in front of the first bracket is a key that has lost its colon.
            alone = not opened and place - entry.value < _LONG
            word = alone and re.fullmatch(r"[^\s:,]+\s+", text[entry.value : place])
            if word or re.match(r"[\w$\]})-]", text[place - 1]):
                return _inside(failure, place, opened)
            opened.append(char)
        elif char in OPENERS:
            if not opened or opened.pop() != OPENERS[char]:
                return None
            is_whole = not opened and text[entry.value] in PAIRS
            if behind and not re.match("#" if is_whole else r"[,\]}#]", behind):
                # Where an opener is missing, `unbalanced` says more than that this closes early.
                is_late = behind == "," or behind[0] in OPENERS or _opens_late(text, entry, place)
                return None if is_late else _early(failure, place, behind, opened)
    return None


def _behind(failure: Failure, entry: Entry, place: int) -> str:
    """Return the start of what an entry has behind a place."""
    space = failure.match(r"\s*", place + 1, entry.end)
    start = space.end() if space else place + 1
    return failure.text[start : min(entry.end, start + _LONG)]


def _opens_late(text: str, entry: Entry, place: int) -> bool:
    """Tell whether the brackets around an entry are short of one that opens."""
    last = OPENERS.get(text[entry.end - 1], text[entry.value])
    return last != text[entry.value] or _KEY_BEHIND_KEY.search(text, entry.value, place) is not None


def _inside(failure: Failure, place: int, opened: list[str]) -> Diagnostic:
    """A bracket that opens behind a word: in place of a `:`, of its partner, or too far right."""
    char, text = failure.text[place], failure.text
    before = text[:place].rstrip()
    word = failure.word_before(len(before), " \t\r\n[]{},:")
    span = failure.span(len(before) - len(word), place + 1)
    value = failure.match(r"\s*[^\s,\]}]+", place + (before == text[:place]))
    is_key = opened[-1:] == ["{"] and before[: len(before) - len(word)].rstrip()[-1:] in ("{", ",")
    if is_key and value and value[0][0] in " [{":
        given = before == text[:place]
        message = f"`{char}` stands where `:` belongs" if given else "a `:` is missing"
        meant = value[0].strip()
        gap = Span(failure.source, len(before), value.start() + value[0].index(meant))
        help = writing(gap, ": ", f"write `{word}: {meant}`", safe=True)
        return said(f"{message} behind `{word}`", span, help)
    if not failure.match(r"[ \t]*[^\s#,\]}]", place + 1):
        closer = PAIRS[opened[-1]] if opened else PAIRS[char]
        at = failure.span(place, place + 1)
        help = writing(at, closer, f"write `{closer}` in place of `{char}`", safe=True)
        return said(f"`{char}` stands behind `{word}`, where nothing can open", span, help)
    if given_space := failure.match(r"[ \t]+", place + 1):
        following = failure.word_at(given_space.end(), VALUE)
        at = failure.span(place, place + 1)
        help = writing(at, ",", f"write `{word}, {following}`", safe=True)
        return said(f"`{char}` stands where `,` belongs behind `{word}`", span, help)
    meant = f"{char}{word}{failure.word_at(place + 1)}"
    at = failure.span(place, place + 1)
    help = whichever(
        f"write `{meant}`, or put `,` or `:` in place of the `{char}`",
        writing(failure.span(len(before) - len(word), place + 1), f"{char}{word}"),
        *(
            writing(at, mark, f"write `{mark.strip()}` in place of the `{char}`")
            for mark in (", ", ": ")
        ),
    )
    return said(f"`{char}` stands behind `{word}`", span, help)


def _early(failure: Failure, place: int, behind: str, opened: list[str]) -> Diagnostic:
    """A bracket that closes where its entry, or the list around it, goes on without a comma."""
    char = failure.text[place]
    end = re.compile(r"\s*[^\s,\]}]+").match(failure.text, place + 1)
    span = failure.span(place, end.end() if end else place + 1)
    following = re.match(rf"[\[{{]|{_WORD}:(?=\s|$)|- ", behind)
    if following and (opened or behind[0] in PAIRS):
        at = failure.span(place + 1, place + 2)
        help = inserting(at, ",", f"write `{char}, {following[0]}`", safe=True)
        return said(f"a `,` is missing behind `{char}`", span, help)
    if following:
        words = f"start a new line in front of `{following[0].rstrip(': ')}`, or write `,` there"
        help = cure(words, *starting(failure, place + 1))
        return said("two entries on one line", span, help)
    if meant := _for_dollar(failure, place):
        return meant
    at = failure.span(place, place + 1)
    delete = writing(at, "", f"delete the `{char}`")
    help = either(delete, "put it where the list ends")
    if opened and not re.match(r"[\w.$,]", behind[0]) and len(behind) == 1:
        closer = PAIRS[opened[-1]]
        rest = failure.span(end.end() - 1, end.end()) if end else at
        help = writing(rest, closer, f"write `{char}{closer}`")
        return said(f"`{behind}` stands where `{closer}` belongs", span, help)
    if opened and failure.text[place + 1].isspace():
        help = either(writing(at, ",", f"write `,` in place of the `{char}`"), help)
    if not re.match(r"[\w.$,]", behind[0]):
        odd = failure.span(place, failure.text.index(behind[0], place + 1) + 1)
        help = writing(odd, f"{char},", f"write `{char},` in place of `{char}{behind[0]}`")
    return said(f"`{char}` closes before the end", span, help)


@layout.of_an_entry
def unbalanced(failure: Failure, entry: Entry) -> Diagnostic | None:
    """A bracket that has no partner, and where the partner would stand."""
    text = failure.text
    if _is_sentence(text, entry):
        return None
    places = [place for place in tokens(text, entry.first, entry.end) if text[place] in "[]{}"]
    opened: list[int] = []
    for place in places:
        if text[place] in PAIRS:
            opened.append(place)
        elif opened and text[opened[-1]] == OPENERS[text[place]]:
            opened.pop()
        else:
            counts = Counter(text[place] for place in places)
            excess = {left: counts[left] - counts[right] for left, right in PAIRS.items()}
            return _wrong_closer(failure, entry, place, opened, excess)
    return _never_closed(failure, opened[-1], entry.end, entry.end) if opened else None


def _in_key(failure: Failure, place: int) -> Diagnostic | None:
    """A closer inside a key, or behind one in place of a `:`."""
    text, closer = failure.text, failure.text[place]
    word, rest = failure.word_before(place), failure.word_at(place + 1, _WORD)
    start = place - len(word)
    before = text[max(0, start - _LONG) : start].rstrip()[-1:]
    if not re.fullmatch(_WORD, word) or before not in ("{", ","):
        return None
    span = failure.span(start, place + 1 + len(rest))
    if rest:
        at = failure.span(place, place + 1)
        help = either(
            writing(at, "_", f"write `{word}_{rest}`"), writing(at, "", f"delete the `{closer}`")
        )
        return said(f"`{closer}` stands inside a name", span, help)
    value = failure.match(rf"[ \t]+(?=[^\s,\]}}#])(?!{_WORD}:)({VALUE})", place + 1)
    message = f"`{closer}` stands where `:` belongs behind `{word}`"
    if value is None:
        return None
    words = f"write `{word}: {value[1]}`"
    return said(message, span, writing(failure.span(place, place + 1), ":", words, safe=True))


def _for_dollar(failure: Failure, place: int) -> Diagnostic | None:
    """A closer where a value starts, right in front of a name."""
    closer, rest = failure.text[place], failure.word_at(place + 1, _WORD)
    before = failure.text[max(0, place - _LONG) : place].rstrip()[-1:]
    is_key = failure.match(r":\s", place + 1 + len(rest))
    if not rest or is_key or before not in ("[", "{", ",", ":"):
        return None
    span = failure.span(place, place + 1 + len(rest))
    at = failure.span(place, place + 1)
    help = either(
        writing(at, "$", f"write `${rest}` in place of `{closer}{rest}`"),
        writing(at, "", f"delete the `{closer}`"),
    )
    return said(f"`{closer}` closes nothing", span, help)


def _for_comma(failure: Failure, place: int) -> Diagnostic | None:
    """A closer of another kind between two items of a list."""
    word, closer = failure.word_before(place), failure.text[place]
    value = failure.match(rf"[ \t]+(?!{_WORD}:)([\w$][^\s,\[\]{{}}]*)", place + 1)
    if not value or not re.fullmatch(r"\$?\w+", word):
        return None
    span = failure.span(place - len(word), value.end())
    at = failure.span(place, place + 1)
    help = writing(at, ",", f"write `{word}, {value[1]}`", safe=True)
    return said(f"`{closer}` stands where `,` belongs behind `{word}`", span, help)


def _wrong_closer(
    failure: Failure, entry: Entry, place: int, opened: list[int], excess: dict[str, int]
) -> Diagnostic:
    """A closer that does not match; `excess` is how many more brackets of each kind open."""
    closer, text = failure.text[place], failure.text
    opener = OPENERS[closer]
    span = failure.span(place, place + 1)
    meant = _in_key(failure, place) or _for_dollar(failure, place) or _for_comma(failure, place)
    # One closer too many is a slip for another mark, if one would fit there; of two or more, some
    # opener is missing.
    if meant and excess[opener] == -1:
        return meant
    # Too many of its kind close. If too few of the other kind do, the closer is of the wrong kind,
    # which is said below.
    if excess[opener] < 0 and not (opened and excess[text[opened[-1]]] > 0):
        other = "{" if opener == "[" else "["
        if place == entry.value and excess[opener] == -1 and excess[other] < 0:
            help = writing(span, other, f"write `{other}` in place of `{closer}`", safe=True)
            return said(f"`{closer}` stands where `{other}` belongs", span, help)
        return _never_opened(failure, entry, place, opened[-1] + 1 if opened else entry.first)
    # Enough of each kind close: they stand crosswise.
    if not opened or excess[text[opened[-1]]] <= 0:
        words = "close the brackets in the order in which they open, the last first"
        around = failure.span(max(place - 1, 0), place + 2)
        return said(f"`{closer}` stands where another bracket must close", around, words)
    top = text[opened[-1]]
    if excess[opener] >= 0:
        return _never_closed(failure, opened[-1], place, entry.end)
    note = Label(failure.span(opened[-1], opened[-1] + 1), f"`{top}` opens here")
    help = either(
        writing(span, PAIRS[top], f"write `{PAIRS[top]}` in place of `{closer}`"),
        writing(note.span, opener, f"`{opener}` in place of `{top}`"),
    )
    return said(f"`{closer}` closes a `{top}`", span, help, note)


def _never_closed(failure: Failure, opener: int, stop: int, end: int) -> Diagnostic:
    """A bracket without its partner, which must stand at `stop`, or before a key in a list."""
    text = failure.text
    char, closer = text[opener], PAIRS[text[opener]]
    behind = failure.match(r"\s*(#)[^\r\n]*", end)
    span = failure.span(opener, opener + 1)
    # The text has the bracket, but behind a `#`.
    if stop == end and behind and closer in behind[0]:
        note = Label(failure.span(behind.start(1), behind.start(1) + 1), "a comment starts here")
        delete = writing(note.span, "", "delete the `#`")
        help = either(delete, "close the bracket in front of it")
        return said(f"`{char}` is closed only in a comment", span, help, note)
    stop = _item_end(text, opener, stop)
    if stop < end:
        stop = len(text[:stop].rstrip(" \t\r\n,"))
    stop = max(stop, opener + 1)
    note = Label(failure.span(stop, stop + 1), f"`{closer}` is missing here")
    if (odd := text[stop - 1]) in ("$", ";", ":", "-", ","):
        note = Label(failure.span(stop - 1, stop), f"`{closer}` is missing here")
        help = writing(note.span, closer, f"write `{closer}` in place of `{odd}`", safe=True)
        return said(f"`{char}` is not closed", span, help, note)
    is_double = char in (text[opener - 1], text[opener + 1 : opener + 2])
    last = failure.word_before(stop, " \t\r\n,")
    help = either(
        inserting(
            note.span, closer, f"write `{closer}` behind `{last}`", safe=last[-1:] not in "\"'"
        ),
        writing(span, "", f"delete one `{char}`") if is_double else "",
    )
    return said(f"`{char}` is not closed", span, help, note)


_STRANGE = {"[": r",\s*(?=[A-Za-z_]\w*:\s)", "{": r",\s*(?=[\[{]|[\w$.]+\s*[,\]}])"}
"""What no bracket can hold: a list a key, a mapping an item without one."""


def _item_end(text: str, opener: int, stop: int) -> int:
    """Return where an open bracket must have closed: before what it cannot hold, or at `stop`."""
    depth = 0
    pattern = re.compile(rf"[\[{{]|[\]}}]|{_STRANGE[text[opener]]}")
    for found in pattern.finditer(text, opener + 1, stop):
        if found[0][0] == "," and depth == 0:
            return found.start()
        depth += (found[0] in PAIRS) - (found[0] in OPENERS)
    return stop


def _never_opened(failure: Failure, entry: Entry, place: int, start: int) -> Diagnostic:
    closer = failure.text[place]
    opener = OPENERS[closer]
    span = failure.span(place, place + 1)
    double = _KEY_BEHIND_KEY.search(failure.text, entry.value, place)
    at = _opening_place(failure.text, closer, start, place)
    if start == entry.first and failure.text[entry.value] in PAIRS:
        outside = entry.word if entry.is_item and closer == "}" else entry.value
        at = double.end() if double else outside
    if start == entry.first and failure.text[at] == opener:
        help = writing(span, "", f"delete the `{closer}`", safe=True)
        return said(f"`{closer}` closes nothing", span, help)
    word = failure.word_at(at)
    note = Label(failure.span(at, at + len(word)), f"`{opener}` is missing here?")
    behind = failure.match(rf"\s+({_WORD}:)\s", place + 1)
    there = f"in front of `{word}`" if word else "there"
    delete = writing(span, "", f"delete the `{closer}`")
    opening = inserting(note.span, opener, f"write `{opener}` {there}")
    help = either(opening, delete)
    if odd := failure.match(_NO_START, at, place + 1):
        there = f"in place of `{odd[0]}`"
        help = opening = writing(failure.span(*odd.span()), opener, f"write `{opener}` {there}")
    if behind and start > entry.first:
        comma = writing(span, ",", f"write `, {behind[1]}` in place of `{closer}`")
        help = either(comma, Cure(opening.removeprefix("write "), *opening.fixes))
        if failure.text[start:place].rstrip().endswith(","):
            help = delete
    return said(f"`{closer}` closes nothing", span, help, note)


def _opening_place(text: str, closer: str, start: int, stop: int) -> int:
    """Return where the bracket belongs that a closer has not: behind a key, before another."""
    keys = list(_own_keys(text, start, stop))
    if closer == "]":
        return keys[-1].end() if keys else start
    for key, following in pairwise(keys):
        if key.end() == following.start():
            return following.start()
    if text[start - 1 : start] == "[":
        return keys[0].start() if keys else start
    return keys[0].end() if len(keys) > 1 else start


def _own_keys(text: str, start: int, stop: int) -> Iterator[re.Match[str]]:
    """Yield the keys of a range that stand in no brackets of their own."""
    depth = 0
    for found in re.compile(rf"[\[{{]|[\]}}]|\b{_WORD}:\s*").finditer(text, start, stop):
        depth += (found[0] in PAIRS) - (found[0] in OPENERS)
        if found[0] not in "[]{}" and depth == 0:
            yield found
