"""Entries that stand on a wrong line, or at a wrong column of theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from netspec.text.diagnostics import Diagnostic, Edit, Label, Span
from netspec.text.fixes import above as above_line
from netspec.text.fixes import cure, either, inserting, writing
from netspec.text.yaml_errors.characters import quoted, quoting
from netspec.text.yaml_errors.layout import OPENERS, PAIRS, Entry, Failure, said, starting, tokens

_OFTEN = ("params", "chain", "parallel", "inputs", "init", "blocks", "extends", "change")
_INNER_KEY = r"(?<![^\s:,\[\]{}])([A-Za-z_\"'(][^\s:,\[\]{}]*):(?=\s|$)"
_BEFORE = 200  # entries before the place that can be at fault
_BEHIND = 20  # entries behind the place that say where siblings stand


def missing_dash(failure: Failure) -> Diagnostic | None:
    """A list whose first item has no `-`."""
    entry = failure.entry
    above = failure.entries[failure.index - 1]
    if not entry.is_item or above is entry or not above.key or not above.holds:
        return None
    if failure.line(above.value) == failure.line(above.first):
        return None
    word = failure.word_at(above.value, r"\S*")
    span = failure.span(above.value - 1, above.value + len(word))
    note = Label(failure.span(entry.first, entry.first + 1), "the next item")
    line = failure.source.start_of(above.value)
    indent = Span(failure.source, line, above.value)
    words = f"write `- ` in front of `{word}`"
    help = writing(indent, " " * entry.dash + "- ", words, safe=True)
    return said("a `-` is missing in front of an item", span, help, note)


def item_below_value(failure: Failure) -> Diagnostic | None:
    """An item of a list below a key that has its value."""
    entry, before = failure.entry, failure.entries[: failure.index]
    above = before[-1] if before else entry
    if not entry.is_item or not above.key or above.key == "doc" or not above.holds:
        return None
    parent = next((other for other in reversed(before) if other.dash < above.dash), above)
    # In a list of mappings a `-` below a value is right, or a matter of columns.
    if above.is_item or parent.is_item or entry.dash < above.dash:
        return None
    item, value = (failure.word_at(place, r"[^\r\n]*") for place in (entry.first, above.value))
    note = Label(failure.span(above.value, min(above.value + len(value), above.end)), "its value")
    message = f"an item of a list stands below `{above.key}`, which has a value"
    help = _place_of_item(failure, entry, before)
    span = failure.span(entry.first, min(entry.first + len(item), entry.end))
    return said(message, span, help, note)


def _place_of_item(failure: Failure, entry: Entry, before: Sequence[Entry]) -> str:
    """Say where a list is that an item may have been meant for."""
    behind = failure.entries[failure.index + 1 :]
    following = next((other for other in behind if other.dash < entry.dash or other.key), entry)
    below = next((other for other in behind if other.start > following.start), entry)
    if following.key and not following.holds and (below.is_item or below.dash <= following.dash):
        return f"move the line below `{following.key}:`, or delete it"
    above = before[-2] if len(before) > 1 else entry
    if above.key and not above.holds and above.dash == before[-1].dash:
        return f"move `{before[-1].key}` above `{above.key}:`"
    if above.is_item and above is not entry:
        return f"move the line above `{before[-1].key}`, or delete it"
    return "write the key of the list on a line above, or delete the item"


def block_below_value(failure: Failure) -> Diagnostic | None:
    """Lines that are indented below a key which has its value, so that their own is missing."""
    entry, before = failure.entry, failure.entries[: failure.index]
    above = before[-1] if before else entry
    if not (above.key and above.holds and entry.key) or entry.dash <= above.column:
        return None
    keys = [other.key for other in failure.entries if not other.dash]
    section = "change" if "extends" in keys else "graph"
    is_section = not above.dash and section not in keys
    name = f"`{section}:`, the key of the block," if is_section else "the key of the block"
    message = f"a block stands below `{above.key}`, which has a value"
    note = Label(failure.span(above.word, above.word + len(above.key)), "has a value")
    span = failure.span(entry.word, entry.word + len(entry.key))
    words = f"write {name} on a line above"
    heading = above_line(span, " " * max(entry.dash - 2, 0) + f"{section}:")
    return said(message, span, cure(words, *[heading] * is_section), note)


def nested_list(failure: Failure) -> Diagnostic | None:
    if "block sequence entries" not in failure.problem or failure.place == failure.entry.first:
        return None
    span = failure.span(failure.place, failure.place + 1)
    words = "start a new line in front of `-`, or write the list in brackets"
    before = len(failure.text[: failure.place].rstrip(" "))
    help = cure(words, *starting(failure, before, "  "), safe=True)
    return said("a list starts on the line of its key", span, help)


def no_dash(failure: Failure) -> Diagnostic | None:
    """`key:` where a list must go on."""
    entry = failure.entry
    if "'-' indicator" not in failure.problem or entry.is_item:
        return None
    span = failure.span(entry.start, entry.word + max(len(entry.key), 1))
    key = failure.span(entry.word, entry.word + 1)
    help = either(
        inserting(key, "- ", f"write `- {entry.key}`"),
        inserting(key, "  ", "indent the line as far as the key above it"),
    )
    return said("a list goes on without `-`", span, help)


def second_item(failure: Failure) -> Diagnostic | None:
    """`- a - b` on one line."""
    entry = failure.entry
    found = failure.match(r"[^\[\]{}]*?(\s-\s)", entry.word, entry.end)
    if not entry.is_item or not found or found.end() > failure.place:
        return None
    words = "start a new line in front of the second `-`"
    help = cure(words, *starting(failure, found.start(1)), safe=True)
    return said("two items on one line", failure.span(*found.span(1)), help)


def second_key(failure: Failure) -> Diagnostic | None:
    """`a: b c: d` on one line."""
    entry, text, place = failure.entry, failure.text, failure.place
    if not entry.key or place < entry.value or _is_inside(failure, entry):
        return None
    start = max(entry.value, place - len(failure.word_before(place)))
    found = re.compile(_INNER_KEY).search(text, start, entry.end)
    if not found:
        return None
    span = failure.span(*found.span())
    word = found[1]
    if entry.key == "doc":
        whole = failure.span(entry.value, entry.end)
        words = f"put the text in quotes: `doc: {quoted(whole.text)}`"
        lines = cure(
            f"start a new line in front of `{word}`", *_on_new_line(failure, found.start())
        )
        help = either(quoting(whole, words, safe=True), lines if word in _OFTEN else "")
        return said("a text with `: ` in it", span, help)
    first = Label(failure.span(entry.word, entry.word + len(entry.key)), "the first key")
    new = cure(
        f"start a new line in front of `{word}`", *_on_new_line(failure, found.start()), safe=True
    )
    is_alone = not text[entry.value : found.start()].strip()
    help = either(new, f"write `{{{word}: ...}}`" if is_alone else "")
    return said("a second key on one line", span, help, first)


def _on_new_line(failure: Failure, place: int) -> list[Edit]:
    """Start a new line in front of a key, at the column of the first key of the line."""
    entry = failure.entry
    before = len(failure.text[:place].rstrip(" \t"))
    return starting(failure, before, " " * (entry.column - entry.dash))


def key_behind_value(failure: Failure) -> Diagnostic | None:
    """`a: b c: d` on one line, where `b` is no bracket, so that none is missing."""
    entry, text = failure.entry, failure.text
    start = failure.place - len(failure.word_before(failure.place))
    between = text[entry.value : start].strip()
    # Brackets between the two are looked at first: one that is missing has the same effect.
    is_plain = "mapping values" in failure.problem and not re.search(r"[\[\]{}]", between)
    return second_key(failure) if between and is_plain else None


def _is_inside(failure: Failure, entry: Entry) -> bool:
    """Tell whether brackets are open where YAML stopped."""
    text = failure.text
    found = [text[place] for place in tokens(text, entry.value, failure.place)]
    return sum(char in PAIRS for char in found) > sum(char in OPENERS for char in found)


def behind_value(failure: Failure) -> Diagnostic | None:
    """Something stands behind a closed bracket or quote."""
    before = failure.text[: failure.place].rstrip()
    entry = failure.entry
    if before[-1:] not in ("]", "}", '"', "'") or failure.place in (entry.first, entry.word):
        return None
    rest = failure.word_at(failure.place, r"[^\r\n]*")
    span = failure.span(len(before) - 1, failure.place + len(rest))
    message = f"something follows the `{before[-1]}` that ends the value"
    delete = writing(failure.span(failure.place, span.end), "", "delete it")
    return said(message, span, either(delete, "start a new line with `key: `"))


# ------------------------------------------------------------------ indentation


def literal(failure: Failure) -> Diagnostic | None:
    """A text on lines of its own (`|`, `>`), of which one stands left of the first."""
    entry, text = failure.entry, failure.text
    if text[entry.value : entry.value + 1] not in (">", "|") or failure.place <= entry.value:
        return None
    first = failure.match(r"[^\r\n]*[\r\n]+( *)", entry.value)
    line = max(text.rfind("\n", 0, failure.place), text.rfind("\r", 0, failure.place)) + 1
    if not first or first.start(1) >= line:
        return None
    number = failure.line(line)
    depth = failure.place - line
    usual = len(first[1])
    message = f"line {number} of a text is indented by {depth}, its first line by {usual}"
    above, below = failure.span(first.start(1), first.end()), failure.span(line, failure.place)
    if usual > entry.dash + 2 and depth == entry.dash + 2:
        first_indent = Span(failure.source, *first.span(1))
        words = f"indent line {failure.line(above.start)} by {depth}"
        help = writing(first_indent, " " * depth, words, safe=True)
        return said(message, above, help, Label(below, f"indented by {depth}"))
    indent = Span(failure.source, line, failure.place)
    help = writing(indent, " " * usual, f"indent line {number} by {usual}", safe=True)
    return said(message, below, help, Label(above, f"indented by {usual}"))


@dataclass(slots=True)
class _Level:
    """A column at which entries may start, the last entry there, and the keys so far."""

    column: int
    entry: Entry
    is_item: bool
    keys: set[str] = field(default_factory=set)

    def takes(self, entry: Entry, is_last: bool) -> bool:
        """Tell whether an entry may start here; a list may stand right below its key."""
        is_below = is_last and entry.is_item and not self.entry.holds
        return self.column == entry.dash and (self.is_item == entry.is_item or is_below)


def _faults(entries: Sequence[Entry]) -> tuple[int, list[_Level]]:
    """Count what is wrong with the columns of entries; also return the levels open at the end."""
    levels: list[_Level] = []
    faults = 0
    for entry in entries:
        last = levels[-1] if levels else None
        while levels and levels[-1].column > entry.dash:
            levels.pop()
        top = levels[-1] if levels else None
        is_below = top is last and (top is None or not top.entry.holds)
        fits = top.takes(entry, top is last) if top and top.column == entry.dash else is_below
        # A key without a value whose block does not follow has lost it to another column.
        empty = last is not None and top is not last and not last.entry.holds
        faults += (not fits) + empty + _put(levels, entry)
    return faults, levels


def _put(levels: list[_Level], entry: Entry) -> bool:
    """Open the levels of an entry; tell whether its key stands there twice."""
    for column, is_item in ((entry.dash, True), (entry.column, False)):
        if is_item != entry.is_item and (is_item or not entry.key):
            continue
        top = levels[-1] if levels and levels[-1].column == column else None
        if top is None or top.is_item != is_item:
            levels.append(top := _Level(column, entry, is_item))
        top.entry = entry
    top = levels[-1] if levels else _Level(0, entry, False)
    is_twice = bool(entry.key) and entry.key in top.keys
    top.keys.add(entry.key)
    return is_twice


def indentation(failure: Failure) -> Diagnostic | None:
    """An entry at a column at which none may start: find the one whose move mends it."""
    entries = failure.entries
    place = min(failure.index, _BEFORE)
    near = entries[failure.index - place : failure.index + _BEHIND]
    # Only what becomes worse by this entry is a matter of its column.
    if not _faults(near[: place + 1])[0] > _faults(near[:place])[0]:
        return None
    _, levels = _faults(near[:place])
    columns = [
        near[place].dash,
        near[place].dash - 2,
        *(level.column for level in reversed(levels)),
    ]
    moves = [
        (i, column)
        for i in _suspects(near, place, columns)
        for column in dict.fromkeys(columns)
        if 0 <= column != near[i].dash
    ]

    def cost(move: tuple[int, int]) -> tuple[int, bool, int, bool, int]:
        """Rank a move: what it mends, sections last, then the shortest, then the nearest."""
        i, column = move
        faults, _ = _faults(_moved(near, i, column))
        is_section = not near[i].dash and i != place
        return faults, is_section, abs(column - near[i].dash), i != place, -i

    best = min(moves, key=cost, default=None)
    # A move that mends nothing explains nothing.
    if best is None or cost(best)[0] >= _faults(near)[0]:
        return None
    odd, column = near[best[0]], best[1]
    siblings = [entry for entry in near if entry.dash == column and entry is not odd]
    beside = min(siblings, key=lambda entry: abs(entry.start - odd.start), default=None)
    return _misplaced(failure, odd, column, beside)


def _suspects(near: Sequence[Entry], place: int, columns: Sequence[int]) -> list[int]:
    """Return the entry itself, and the first and the last at each open column before it."""
    found = [place]
    for column in columns:
        last = next((i for i in range(place - 1, -1, -1) if near[i].dash == column), None)
        if last is not None:
            found.append(last)
            found.append(_first_beside(near, last))
    return list(dict.fromkeys(found))


def _first_beside(near: Sequence[Entry], last: int) -> int:
    """Return the first entry of the block whose last one is given."""
    column = near[last].dash
    block = takewhile(lambda i: near[i].dash >= column, range(last, -1, -1))
    return [i for i in block if near[i].dash == column][-1]


def _moved(near: Sequence[Entry], i: int, column: int) -> list[Entry]:
    """Return entries of which one stands at another column."""
    old = near[i]
    new = replace(old, dash=column, column=old.column + column - old.dash)
    return [*near[:i], new, *near[i + 1 :]]


def _misplaced(failure: Failure, odd: Entry, column: int, sibling: Entry | None) -> Diagnostic:
    number = failure.line(odd.first)
    message = f"line {number} is indented by {odd.dash}, its siblings by {column}"
    notes = []
    if sibling is not None:
        place = failure.span(sibling.start, sibling.word + len(sibling.key))
        notes = [Label(place, "a sibling")]
    span = failure.span(odd.start, odd.word + len(odd.key))
    words = f"indent it by {column}" if column else "do not indent it"
    help = writing(Span(failure.source, odd.start, odd.first), " " * column, words)
    if "-" in odd.key:  # no name of a spec: the words of a comment
        key = failure.span(odd.first, odd.first + 1)
        help = inserting(key, "# ", f"a comment begins with `#`: write `# {odd.key}: …`")
    return said(message, span, help, *notes)
