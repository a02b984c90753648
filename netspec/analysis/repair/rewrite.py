"""Mistakes that one edit of the text would mend, proved by compiling the text again with it.

This is for what has no model yet: names that do not exist, lines that are missing or doubled, YAML
that cannot be read. A compilation costs as much as a hundred trials of a number, so it comes last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from netspec import limits
from netspec.analysis.case import Budget
from netspec.analysis.repair import edits as kinds
from netspec.analysis.repair.edits import Edit, replacing
from netspec.analysis.repair.series import left_out
from netspec.language.variant.extension import Extension
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Source, Span

Judge = Callable[[Source, Budget], bool]
"""Tells whether a text compiles with nothing to say; takes what that costs off the budget."""

_CLAIMS = re.compile(r"\b(shape|expect):")
"""Without these a spec says nothing of itself, so that nothing is proved by compiling it."""
_MOST_GUESSES = 40
_MOST_ANSWERS = 3
_CHARACTERS = 20
"""So many characters are read in the time that a layer takes."""


def mended(
    found: Sequence[Diagnostic], source: Source, judge: Judge, extension: Extension | None = None
) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a spec, with the cure where one edit of its text mends all."""
    if len(source.text) > limits.EDITED_TEXT or not _CLAIMS.search(source.text):
        return tuple(found)
    trials = _Trials(source, judge, Budget(limits.EDITS))
    return tuple(next(_answers(found, trials, extension), found))


def _answers(
    found: Sequence[Diagnostic], trials: _Trials, extension: Extension | None
) -> Iterator[Sequence[Diagnostic]]:
    """Yield what is to be said in place of some mistakes, the best first.

    First the names that a mistake itself suggests, then edits where it stands, and then, where
    the cause may be elsewhere, edits of the whole text: the fewer are tried, the less likely is
    one that holds by chance.
    """
    for item in found:
        if item.guesses and not item.is_open and item.span and item.span.source is trials.source:
            for words in _ordered(item, trials.source):
                edits = [replacing(item.span, word) for word in words]
                if holding := list(islice(trials.holding(edits), _MOST_ANSWERS + 1)):
                    yield [_with_words(item, [edit.new for edit in holding])]
    for item in found[:_MOST_ANSWERS]:
        spans = (item.span, *(note.span for note in item.notes))
        places = [span for span in spans if span and span.source is trials.source]
        likely = (edit for place in places[:_MOST_ANSWERS] for edit in _edits_of(item, place))
        if edit := next(trials.holding(likely), None):
            yield [_moved(item, edit, found)]
    for item in (item for item in found if item.is_open):
        if extension and (edit := next(trials.holding(kinds.carried(extension)), None)):
            yield [_moved(item, edit, found)]
        if edit := next(trials.holding(kinds.all_edits(trials.source, item.guesses)), None):
            yield [_moved(item, edit, found)]
        gaps = (Label(at, f"no `{name}` above this") for at, name in left_out(trials.source))
        notes = (*item.notes, *islice(gaps, _MOST_ANSWERS))
        yield [replace(each, notes=notes) if each is item else each for each in found]


def _edits_of(item: Diagnostic, place: Span) -> Iterator[Edit]:
    """Yield what may mend a mistake that says in its code which edits are likely."""
    if item.code == Code.NOT_YAML:
        yield from kinds.marks(place)
        yield from kinds.indents(place)
        yield from kinds.slips(place)
    elif item.code == Code.UNKNOWN_KEY:
        yield from kinds.indents(place)
    elif item.code in _LAYOUT and not _is_doubled(item):
        yield from kinds.indents(place)
        yield from kinds.slips(place)
        yield from kinds.keywords(place)
    elif item.code in _NUMBERS and place.text.strip("-").isdecimal():
        yield from kinds.numbers(place)
        yield from kinds.keywords(place)
        yield from kinds.turned(place)
    elif item.code == Code.EXPRESSION:
        yield from kinds.slips(place)
    elif item.code in _TURNED:
        yield from kinds.turned(place)
    elif item.code == Code.UNKNOWN_ARG or (item.code == Code.BROKEN_SHAPE and item.is_open):
        yield from kinds.keywords(place)
    elif item.code == Code.RANGE and "$" in place.text:
        yield from kinds.numbers(place)
        names = kinds.names_around(place.source, place.start)
        yield from kinds.other_names(place.source, place.start, place.end, names)
    elif item.code == Code.UNREAD:
        yield from kinds.turned(place)
        yield from kinds.references(place.source, place.text)


def _is_doubled(item: Diagnostic) -> bool:
    """Tell whether a line stands twice, so that nothing in it is wrong."""
    if item.code != Code.TWICE or item.span is None:
        return False
    spans = (item.span, *(note.span for note in item.notes))
    line, *others = (span.source.line(span.line) for span in spans)
    return line in others


_NUMBERS = (Code.RANGE, Code.REFUSED, Code.NOTHING_LEFT)
_TURNED = (Code.UNKNOWN_LAYER, Code.WRONG_RANK)
_LAYOUT = (Code.TWICE, Code.MISSING, Code.FORM)


@dataclass(frozen=True, slots=True)
class _Trials:
    """Tries edits of one text, each resulting text once."""

    source: Source
    judge: Judge
    budget: Budget

    def holding(self, edits: Iterable[Edit]) -> Iterator[Edit]:
        seen = {self.source.text}
        for edit in edits:
            if edit.text in seen:
                continue
            if not self.budget.spend(len(edit.text) // _CHARACTERS):
                return
            seen.add(edit.text)
            if self.judge(Source(self.source.name, edit.text), self.budget):
                yield edit


def _ordered(item: Diagnostic, source: Source) -> Iterator[list[str]]:
    """Yield the guesses: first those that the help has, then the others, frequent ones first."""
    counts = {
        word: len(re.findall(rf"(?<![\w.]){re.escape(word)}(?!\w)", source.text))
        for word in item.guesses
    }
    ordered = sorted(counts, key=lambda word: -counts[word])
    near = [word for word in ordered if f"`{word}`" in item.help]
    yield [word for word in near if counts[word]]
    yield near
    used = [word for word in ordered if counts[word]]
    yield (ordered if len(ordered) <= _MOST_GUESSES else used)[:_MOST_GUESSES]


def _with_words(item: Diagnostic, words: Sequence[str]) -> Diagnostic:
    shown = " or ".join(f"`{word}`" for word in words[:_MOST_ANSWERS])
    known = [word for word in words if f"`{word}`" in item.help]
    if len(words) > _MOST_ANSWERS or (
        known and len(known) == len(words) == item.help.count("`") / 2
    ):
        return item
    help = f"write {shown}, with which all that the spec says holds"
    if len(words) > 1:
        help = f"write {shown}: with any of them all that the spec says holds"
    notes = [note for note in item.notes if any(f"`{w.strip('$')}`" in note.text for w in words)]
    others = [note for note in item.notes if note.text in ("and here", "extended here")]
    if item.code == Code.UNKNOWN_LAYER and item.span and not notes:
        notes = list(_declaration(words[0], item.span))
    return replace(item, help=help, notes=(*notes, *others))


def _declaration(word: str, use: Span) -> Iterator[Label]:
    """Yield where a layer stands, the last above a use."""
    found = list(
        re.finditer(rf"^ +(?:- )?({re.escape(word)}):", use.source.text[: use.start], re.M)
    )
    if found:
        yield Label(Span(use.source, *found[-1].span(1)), f"`{word}` stands here")


def _moved(item: Diagnostic, edit: Edit, found: Sequence[Diagnostic]) -> Diagnostic:
    """Say a mistake at the place of the edit that mends it."""
    notes = [Label(each.span, each.label or "found here") for each in found if each.span]
    notes += [label for each in found for label in each.notes]
    kept = dict.fromkeys(note for note in notes if note.span != edit.shown)
    rest = re.search(r", or (correct|write) `?(expect|shape).*", item.help)
    help = edit.cure + (rest[0] if rest and rest[1] == "correct" else "")
    label = f"{edit.deed}, all that the spec says holds"
    if edit.message:
        item = replace(item, code=Code.NOT_YAML, message=edit.message)
    return replace(item, span=edit.shown, label=label, notes=tuple(kept), details=(), help=help)
