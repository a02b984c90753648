"""Small edits of a spec's text that may mend it, the likeliest first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from netspec.analysis.repair.lines import body, depth, entries, entry, renamed, row_at
from netspec.analysis.repair.lines import rows as rows_of
from netspec.analysis.repair.series import before, following, missing
from netspec.language.variant.extension import Extension
from netspec.text.diagnostics import Edit, Fix, Source, Span

_NAME = re.compile(r"\$([A-Za-z_]\w*)")
_IN_EXPRESSION = re.compile(r"(?<=[-+*/%(] )\d+\b|\b\d+(?= [-+*/%])")
_REFERENCE = re.compile(r"\bfrom: \[?([\w, .]+)|(?m:^outputs:.*$)|(?m:^  \w+:\s+([\w.]+)\s*$)")
_HEAD = re.compile(r"^(?:  )?[A-Z]\w*:\s*(?:#.*)?$|^\w+:", re.MULTILINE)
_PARAMS = re.compile(r"^ +params: \[([^\]]*)", re.MULTILINE)
_COMPUTED = re.compile(r"\$\w+ (?:[-+*%]|//) \d+")
_OP = re.compile(r"\{(\w+):")
_BARE = re.compile(r"(?<=[,\[] )([a-z]\w+)(?=[,\]])")
_ODD_HEAD = re.compile(r"\s*(?:- )?\w+([^\w\s:=])(?=\s)")
_WINDOW = re.compile(r"(?:, |(?:stride|padding|dilation|kernel_size): )(\d{1,9})(?=[\],}])")
_MARKS = "[]{},:;$-"
_DEPTHS = (0, 2, 4, 6, 8, 10)
_SIZES = (1, 3, 2, 5, 7, 0)
_HEADINGS = ("init", "blocks", "graph", "change", "insert", "chain", "parallel", "outputs")
_SHORT, _NEAR, _ROWS_ABOVE = 4, 3, 14
"""How far from where YAML gave up a slip may be: characters, either way, and lines above."""
_USUAL = (1, 2, 3, 4, 8)
_MOST_OPS = 8
_LARGEST = 11


@dataclass(frozen=True, slots=True)
class Attempt:
    """What stands at a place in place of what does; `deed` says what holds with it, `cure` how."""

    span: Span
    new: str
    deed: str
    cure: str
    message: str = ""
    """What is wrong, where the mistake says it in other words."""

    @property
    def text(self) -> str:
        """The whole text with the edit made."""
        text = self.span.source.text
        return text[: self.span.start] + self.new + text[self.span.end :]

    @property
    def fix(self) -> Fix:
        return Fix(self.cure, (Edit(self.span, self.new),))

    @property
    def shown(self) -> Span:
        """What is underlined: of a line its words."""
        written = self.span.text
        start = self.span.start + len(written) - len(written.lstrip())
        return Span(self.span.source, start, max(start + len(written.strip()), start + 1))


def replacing(span: Span, new: str) -> Attempt:
    """Write another word at a place."""
    return Attempt(span, new, f"with `{new}` here", f"write `{new}` in place of `{span.text}`")


def _others(source: Source, place: tuple[int, int], words: Iterable[object]) -> Iterator[Attempt]:
    """Yield edits that write one of some words or numbers in place of another one."""
    span = Span(source, *place)
    return (replacing(span, new) for new in map(str, words) if new != span.text)


def all_edits(source: Source, unused: Sequence[str]) -> Iterator[Attempt]:
    """Yield edits of one word or one line; `unused` are parameters that no expression uses."""
    rows = rows_of(source)
    # A trial costs a compilation and the first that holds is taken, so the likeliest come first:
    # parameters declared in vain, then lines that stand twice, then numbers.
    yield from other_names(source, 0, len(source.text), unused)
    yield from _leaving_out(rows)
    yield from _other_numbers(source)
    yield from _gaps(rows)
    yield from _other_words(source)
    yield from _usual_numbers(source)
    for start, end in _parts(source):
        yield from other_names(source, start, end, _declared(source.text[start:end]))
    yield from _once_more(rows)
    yield from _turned(rows)


def references(place: Span) -> Iterator[Attempt]:
    """Yield edits with which a layer that nobody reads is read in place of another."""
    source, name = place.source, place.text
    for found in _REFERENCE.finditer(source.text):
        for word in re.finditer(r"[A-Za-z_][\w.]*(?=\s*[,\]}\n]|$)", found[0]):
            start = found.start() + word.start()
            yield from _others(source, (start, start + len(word[0])), [name])


def marks(place: Span) -> Iterator[Attempt]:
    """Yield edits of the punctuation where YAML gave up, and of the order of lines around it."""
    for i, char in enumerate(place.text[:_SHORT]):
        if char in _MARKS:
            span = Span(place.source, place.start + i, place.start + i + 1)
            yield Attempt(span, "", f"without `{char}`", f"delete the `{char}`")
            for new in ",:[{":
                yield Attempt(span, new, f"with `{new}`", f"write `{new}` in place of `{char}`")
    yield from headings(place)
    near = [row for row in rows_of(place.source) if -_ROWS_ABOVE <= row.line - place.line <= _NEAR]
    for row in near[::-1]:
        if found := _ODD_HEAD.match(row.text):
            span = Span(row.source, row.start + found.start(1), row.start + found.end(1))
            yield replacing(span, ":")
    yield from _turned(near[::-1], is_section=True)


def slips(place: Span) -> Iterator[Attempt]:
    """Yield edits that turn round two characters around a place, one of them punctuation."""
    text = place.source.text
    start, end = max(0, place.start - _NEAR), min(len(text), place.end, place.start + _NEAR) + _NEAR
    for i in range(start, min(end, len(text) - 1)):
        old = text[i : i + 2]
        # Spaces of an indent are turned by `indents`.
        is_indent = not text[text.rfind("\n", 0, i) + 1 : i + 1].strip()
        if is_indent or "\n" in old or old[0] == old[1]:
            continue
        if any(char in _MARKS + " " for char in old):
            span, new = Span(place.source, i, i + 2), old[::-1]
            yield Attempt(span, new, f"with `{new}` here", f"write `{new}` in place of `{old}`")


def numbers(place: Span) -> Iterator[Attempt]:
    """Yield edits of the integers at a place, and of a list that has one number too many."""
    for found in re.compile(r"-?\b\d+\b").finditer(place.source.text, place.start, place.end):
        value = int(found[0])
        near = (abs(value), value // 10, value // 2)
        yield from _others(place.source, found.span(), (*near, *_SIZES))
    row = row_at(place)
    for found in re.compile(r"(?<=\[)\d+, (?=\d)").finditer(row.source.text, row.start, row.end):
        first = found[0].strip(", ")
        span = Span(row.source, *found.span())
        yield Attempt(span, "", f"without `{first}`", f"leave out `{first}`")


def carried(extension: Extension) -> Iterator[Attempt]:
    """Yield edits that change one more part of what a spec extends, as it changes those beside."""
    text = extension.source.text
    written = dict.fromkeys(found[0].strip() for found in _COMPUTED.finditer(text))
    for key, path, tree in extension.unchanged():
        start = text.rfind("\n", 0, key.span.start) + 1
        row = Span(extension.source, start, text.find("\n", start) + 1)
        for expression in written:
            name = re.escape(_NAME.findall(expression)[0])
            old = tree.span.text
            new = re.sub(rf"\${name}\b(?! [-+*/%])", expression, old)
            if new != old and "\n" not in new and row.end:
                yield _with_line(row, " " * (key.span.start - start) + f"{path}: {new}\n", "above")


def turned(place: Span) -> Iterator[Attempt]:
    """Yield edits that turn round two lines near a place."""
    rows = [row for row in rows_of(place.source) if abs(row.line - place.line) <= _NEAR]
    yield from _turned(rows)


def keywords(place: Span) -> Iterator[Attempt]:
    """Yield edits with another argument in front of a number, or another op on its line."""
    text = place.source.text
    for found in re.compile(r"(stride|padding|dilation): $").finditer(text, 0, place.start):
        if found.end() == place.start:
            words = ("stride", "padding", "dilation")
            yield from _others(place.source, found.span(1), words)
    if key := re.compile(r"(?<=, )\w+(?=: )").match(text, place.start):
        yield from _others(place.source, key.span(), ("padding", "stride", "shape"))
    row = row_at(place)
    for found in _OP.finditer(text, row.start, row.end):
        yield from _others(place.source, found.span(1), _frequent(_OP, text))


def headings(place: Span) -> Iterator[Attempt]:
    """Yield edits that put a heading above a line, the next one, or the first of its siblings."""
    for row in dict.fromkeys(_tops(place)):
        found = entry(row)
        is_item = row.text.lstrip().startswith("- ")
        if (found or is_item) and depth(row) > 1:
            below = f"`{found[1]}`" if found else "the list"
            for word in _HEADINGS:
                if f"\n{word}:" not in place.source.text:
                    new = " " * (depth(row) - 2) + f"{word}:\n" + row.text
                    cure = f"write `{word}:` on a line above {below}"
                    yield Attempt(row, new, f"with `{word}:` above", cure)


def _tops(place: Span) -> Iterator[Span]:
    """Yield the lines above which a heading may be lost that YAML misses at a place."""
    row, rows = row_at(place), rows_of(place.source)
    yield row
    yield from [below for below in rows if below.start == row.end and depth(below) > depth(row)]
    above = [other for other in rows if other.start < row.start]
    siblings = [*takewhile(lambda other: depth(other) >= depth(row), reversed(above))]
    yield from siblings[-1:]


def indents(place: Span) -> Iterator[Attempt]:
    """Yield edits of how far a line is indented, from a place upwards."""
    rows = [row for row in rows_of(place.source) if row.start <= place.start][-_ROWS_ABOVE:]
    for row in reversed(rows):
        now = depth(row)
        for new in sorted(_DEPTHS, key=lambda new: abs(new - now)):
            if new != now:
                text, deed = " " * new + row.text[now:], f"indented by {new}"
                message = f"line {row.line} is indented by {now}, where {new} belongs"
                yield Attempt(row, text, deed, f"indent it by {new}", message)


def _declared(text: str) -> list[str]:
    """Return the names of a text's expressions and lists, the most frequent first."""
    listed = (re.findall(r"[A-Za-z_]\w*", line) for line in _PARAMS.findall(text))
    found = [*_NAME.findall(text), *(name for names in listed for name in names)]
    return sorted(dict.fromkeys(found), key=lambda name: -found.count(name))


def other_names(source: Source, start: int, end: int, names: Iterable[str]) -> Iterator[Attempt]:
    """Yield edits with another parameter in a part of a text."""
    known = [f"${name}" for name in names]
    for found in _NAME.finditer(source.text, start, end):
        yield from _others(source, found.span(), known)


def names_around(place: Span) -> Iterator[Attempt]:
    """Yield edits of a place with other parameters of its block, the most frequent first."""
    start, end = next(part for part in _parts(place.source) if part[1] > place.start)
    names = _declared(place.source.text[start:end])
    return other_names(place.source, place.start, place.end, names)


def _parts(source: Source) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the blocks of a text, and of what stands between."""
    starts = [0, *(found.start() for found in _HEAD.finditer(source.text)), len(source.text) + 1]
    yield from pairwise(starts)


def _other_numbers(source: Source) -> Iterator[Attempt]:
    """Other integers beside parameters: `$width * 2`."""
    for found in _IN_EXPRESSION.finditer(source.text):
        line = source.text[source.text.rfind("\n", 0, found.start()) + 1 : found.end() + 20]
        if "$" in line and "#" not in line[: -len(found[0]) - 20]:
            value = int(found[0])
            usual = (value * 2, value // 2, *_USUAL, value // 10)
            yield from _others(source, found.span(), filter(None, usual))


def _other_words(source: Source) -> Iterator[Attempt]:
    """Other ops without arguments where a list has one twice: `relu, relu`."""
    words = _frequent(_BARE, source.text)
    for found in re.finditer(r"(?<=[,\s])(\w+), (\1)(?=[,\]\s])", source.text):
        for group in (1, 2):
            yield from _others(source, found.span(group), words)


def _frequent(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the ops that a pattern finds, the most frequent first."""
    return [word for word, _ in Counter(pattern.findall(text)).most_common(_MOST_OPS)]


def _usual_numbers(source: Source) -> Iterator[Attempt]:
    """Usual numbers in place of large kernels, strides and paddings."""
    for found in _WINDOW.finditer(source.text):
        if (value := int(found[1])) > _LARGEST:
            yield from _others(source, found.span(1), (value // 10, *_SIZES))


def _with_line(row: Span, new: str, where: str) -> Attempt:
    """Put a line "above" or "below" another."""
    shown, text = body(new), new + row.text if where == "above" else row.text + new
    deed = f"with a line such as `{shown}` {where}"
    return Attempt(row, text, deed, f"write `{shown}` {where}")


def _leaving_out(rows: Sequence[Span]) -> Iterator[Attempt]:
    """A line that says what the one above it says."""
    for above, row in pairwise(rows):
        if body(above.text) == body(row.text):
            yield Attempt(row, "", f"the same as line {above.line}; without it", "delete the line")


def _once_more(rows: Sequence[Span]) -> Iterator[Attempt]:
    """An item of a list, written once more."""
    for row in rows:
        is_item = not entry(row) and re.match(r"\s+(- )?[\[{a-z]", row.text)
        # One line of a longer entry cannot be doubled alone.
        is_closed = row.text.endswith("\n") and row.text.count("{") == row.text.count("}")
        if is_item and is_closed:
            yield Attempt(row, row.text * 2, "with this line once more", "write the line once more")


def _turned(rows: Sequence[Span], is_section: bool = False) -> Iterator[Attempt]:
    """Two lines that stand one behind the other, the other way round."""
    for above, row in map(sorted, pairwise(rows)):
        is_beside = above.end == row.start and row.text.endswith("\n")
        fits = depth(above) == depth(row) > 0
        if is_section:
            fits = any(re.match(r"\s*(- )?\w+:", text) for text in (above.text, row.text))
        if is_beside and fits and body(above.text) != body(row.text):
            both, deed = Span(row.source, above.start, row.end), "with this line below the next"
            cure = f"exchange lines {above.line} and {row.line}"
            yield Attempt(both, row.text + above.text, deed, cure)


def _gaps(rows: Sequence[Span]) -> Iterator[Attempt]:
    """A copy of an entry where a series of names leaves one out, or ends."""
    named = entries(rows)
    for row, name in missing(named):
        for _, found in named:
            if name in (following(found[1]), before(found[1])):
                yield _with_line(row, renamed(found, name), "above")
    names = {found[1] for _, found in named}
    for (_, first), (row, second) in pairwise(named):
        behind = following(second[1])
        is_series = following(first[1]) == second[1] and behind not in names
        if is_series and row.text.endswith("\n"):
            yield _with_line(row, renamed(second, behind), "below")
