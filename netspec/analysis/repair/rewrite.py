"""Mistakes that one edit of the text would mend, proved by compiling the text again with it.

This is for what has no model yet: names that do not exist, lines that are missing or doubled, YAML
that cannot be read. A compilation costs as much as a hundred trials of a number, so it comes last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import prod

from netspec import limits
from netspec.analysis.case import Budget
from netspec.analysis.repair import edits as kinds
from netspec.analysis.repair.edits import Attempt, replacing
from netspec.analysis.repair.series import left_out
from netspec.language.variant.extension import Extension
from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Fix, Label, Source, Span
from netspec.text.fixes import edited, fitting
from netspec.text.syntax import is_readable

Judge = Callable[[Source, Budget], int | None]
"""Tells with how many warnings a text compiles, None where it does not; costs of the budget."""

_CLAIMS = re.compile(r"\b(shape|expect):")
"""Without these a spec says nothing of itself, so that nothing is proved by compiling it."""
_NUMBERS = (Code.RANGE, Code.REFUSED, Code.NOTHING_LEFT)
_LAYOUT = (Code.TWICE, Code.MISSING, Code.FORM)
_MOST_GUESSES = 40
_MOST_ANSWERS = 3
_CHARACTERS = 20
"""So many characters are read in the time that a layer takes."""


def mended(
    found: Sequence[Diagnostic], source: Source, judge: Judge, extension: Extension | None = None
) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a spec, with the cure where one edit of its text mends all."""
    if len(source.text) > limits.EDITED_TEXT:
        return tuple(found)
    told: Sequence[Diagnostic] = found
    if _CLAIMS.search(source.text):
        trials = _Trials(source, judge, Budget(limits.EDITS))
        told = next(_answers(found, trials, extension), found)
    # Of an answer at another place nobody knows whether it is the only one.
    if any(item not in found for item in told):
        return tuple(told)
    return tuple(_certain(told, _Trials(source, judge, Budget(limits.EDITS))))


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
            # Only what holds of the likeliest batch is told: a later one holds by chance.
            for words in _ordered(item, trials.source):
                tried = [replacing(item.span, word) for word in words]
                if holding := list(islice(trials.holding(tried), _MOST_ANSWERS + 1)):
                    yield [_with_words(item, holding)]
    for item in found[:_MOST_ANSWERS]:
        places = [span for span in item.spans if span.source is trials.source]
        likely = (edit for place in places[:_MOST_ANSWERS] for edit in _edits_of(item, place))
        if edit := next(trials.holding(likely), None):
            # What is said already is only proved by the trial.
            yield [item if item.help == edit.cure else _moved(item, edit, found)]
    for item in (item for item in found if item.is_open):
        if extension and (edit := next(trials.holding(kinds.carried(extension)), None)):
            yield [_moved(item, edit, found)]
        if edit := next(trials.holding(kinds.all_edits(trials.source, item.guesses)), None):
            yield [_moved(item, edit, found)]
        gaps = (Label(at, f"no `{name}` above this") for at, name in left_out(trials.source))
        notes = (*item.notes, *islice(gaps, _MOST_ANSWERS))
        yield [replace(each, notes=notes) if each is item else each for each in found]


_LIKELY: dict[str, tuple[Callable[[Span], Iterator[Attempt]], ...]] = {
    Code.NOT_YAML: (kinds.marks, kinds.indents, kinds.slips),
    Code.UNKNOWN_KEY: (kinds.indents,),
    **dict.fromkeys(_LAYOUT, (kinds.indents, kinds.slips, kinds.keywords, kinds.headings)),
    **dict.fromkeys(_NUMBERS, (kinds.numbers, kinds.keywords, kinds.turned)),
    Code.EXPRESSION: (kinds.slips,),
    Code.UNKNOWN_LAYER: (kinds.turned,),
    Code.WRONG_RANK: (kinds.turned,),
    Code.UNKNOWN_ARG: (kinds.keywords,),
    Code.BROKEN_SHAPE: (kinds.keywords,),
    Code.UNREAD: (kinds.turned, kinds.references),
}
"""Which edits are likely where a mistake stands, the likeliest first: they share one budget."""


def _edits_of(item: Diagnostic, place: Span) -> Iterator[Attempt]:
    """Yield what may mend a mistake that says in its code which edits are likely."""
    if item.code == Code.RANGE and "$" in place.text:
        yield from kinds.numbers(place)
        yield from kinds.names_around(place)
        return
    is_no_number = item.code in _NUMBERS and not place.text.strip("-").isdecimal()
    is_certain = item.code == Code.BROKEN_SHAPE and not item.is_open
    if not (is_no_number or is_certain or _is_doubled(item)):
        for edits in _LIKELY.get(item.code, ()):
            yield from edits(place)


def _is_doubled(item: Diagnostic) -> bool:
    """Tell whether a line stands twice, so that nothing in it is wrong."""
    if item.code != Code.TWICE:
        return False
    line, *others = (span.source.line(span.line) for span in item.spans)
    return line in others


@dataclass(frozen=True, slots=True)
class _Trials:
    """Tries edits of one text, each resulting text once."""

    source: Source
    judge: Judge
    budget: Budget

    def warnings(self, fixes: Iterable[Fix]) -> int | None:
        """Tell with how many warnings the text compiles with some fixes made."""
        text = edited(self.source, fitting(fixes))
        if not self.budget.spend(len(text) // _CHARACTERS) or not is_readable(text):
            return None
        return self.judge(Source(self.source.name, text), self.budget)

    def holding(self, edits: Iterable[Attempt]) -> Iterator[Attempt]:
        seen = {self.source.text}
        for edit in edits:
            # Many edits make the same text; a trial costs a compilation.
            if edit.text in seen:
                continue
            if not self.budget.spend(len(edit.text) // _CHARACTERS):
                return
            seen.add(edit.text)
            new = Source(self.source.name, edit.text)
            # Most edits leave no YAML; to ask that takes a tenth of the search for the cause.
            if is_readable(new.text) and self.judge(new, self.budget) == 0:
                yield edit


def _ordered(item: Diagnostic, source: Source) -> Iterator[list[str]]:
    """Yield the guesses: first those that the help has, then the others, frequent ones first."""
    counts = {
        word: len(re.findall(rf"(?<![\w.]){re.escape(word)}(?!\w)", source.text))
        for word in item.guesses
    }
    ordered = sorted(counts, key=lambda word: -counts[word])
    near = [word for word in ordered if word in _suggested(item)]
    yield [word for word in near if counts[word]]
    yield near
    if near and item.code == Code.UNKNOWN_KEY:
        return  # a key is spelt wrongly far more often than it is taken for another one
    used = [word for word in ordered if counts[word]]
    yield (ordered if len(ordered) <= _MOST_GUESSES else used)[:_MOST_GUESSES]


def _suggested(item: Diagnostic) -> list[str]:
    """Return the words that the help of a mistake writes in its place."""
    return [fix.edits[0].text for fix in item.fixes]


def _with_words(item: Diagnostic, holding: Sequence[Attempt]) -> Diagnostic:
    """Return a mistake with the words that mend it as its cure; one that is alone is certain."""
    words = [attempt.new for attempt in holding]
    if len(words) > _MOST_ANSWERS:
        return item
    fixes = [replace(attempt.fix, is_safe=len(words) == 1) for attempt in holding]
    if sorted(words) == sorted(_suggested(item)):
        return replace(item, help=Cure(item.help, *fixes))
    shown = " or ".join(f"`{word}`" for word in words)
    help = Cure(f"write {shown}, with which all that the spec says holds", *fixes)
    if len(words) > 1:
        help = Cure(f"write {shown}: with any of them all that the spec says holds", *fixes)
    notes = [note for note in item.notes if any(f"`{w.strip('$')}`" in note.text for w in words)]
    others = [note for note in item.notes if note.text in ("and here", "extended here")]
    if item.code == Code.UNKNOWN_LAYER and item.span and not notes:
        notes = list(_declaration(words[0], item.span))
    return replace(item, help=help, notes=(*notes, *others))


_WORD = re.compile(r"\$?[\w.]+")
_SPELLINGS = (
    Code.UNKNOWN_PARAM,
    Code.UNKNOWN_LAYER,
    Code.UNKNOWN_OP,
    Code.UNKNOWN_BLOCK,
    Code.UNKNOWN_ARG,
    Code.UNKNOWN_KEY,
    Code.NO_TARGET,
    Code.NO_PLACE,
)
_MOST_CHOICES = 8


def _certain(found: Sequence[Diagnostic], trials: _Trials) -> Sequence[Diagnostic]:
    """Return mistakes with a spelling safe where every choice that compiles has it."""
    choices = [_spellings(item) for item in found]
    count = prod(map(len, choices))
    if not 0 < count <= _MOST_CHOICES or all(fix.is_safe for fixes in choices for fix in fixes):
        return found
    warned = {choice: trials.warnings(choice) for choice in product(*choices)}
    least = min((count for count in warned.values() if count is not None), default=None)
    holding = [choice for choice, count in warned.items() if count == least is not None]
    if not holding:
        return found
    agreed = [set(fixes) for fixes in zip(*holding, strict=True)]
    return [
        _with_safe(item, *fixes) if len(fixes) == 1 else item
        for item, fixes in zip(found, agreed, strict=True)
    ]


def _with_safe(item: Diagnostic, fix: Fix) -> Diagnostic:
    others = (other for other in item.fixes if other is not fix)
    return replace(item, help=Cure(item.help, replace(fix, is_safe=True), *others))


def _spellings(item: Diagnostic) -> list[Fix]:
    """Return the fixes of a mistake that write another word or mark, or are safe."""
    if item.code == Code.NOT_YAML and not item.is_open:
        return list(item.fixes)
    is_spelling = item.code in _SPELLINGS and not item.is_open
    words = [fix for fix in item.fixes if all(_WORD.fullmatch(edit.text) for edit in fix.edits)]
    return words if is_spelling else [fix for fix in item.fixes[:1] if fix.is_safe]


def _declaration(word: str, use: Span) -> Iterator[Label]:
    """Yield where a layer stands, the last above a use."""
    found = list(
        re.finditer(rf"^ +(?:- )?({re.escape(word)}):", use.source.text[: use.start], re.M)
    )
    if found:
        yield Label(Span(use.source, *found[-1].span(1)), f"`{word}` stands here")


def _moved(item: Diagnostic, edit: Attempt, found: Sequence[Diagnostic]) -> Diagnostic:
    """Say a mistake at the place of the edit that mends it."""
    notes = [Label(each.span, each.label or "found here") for each in found if each.span]
    notes += [label for each in found for label in each.notes]
    # The places that the mistake was found at stay visible: they are where a reader would look.
    kept = dict.fromkeys(note for note in notes if note.span != edit.shown)
    rest = re.search(r", or (correct|write) `?(expect|shape).*", item.help)
    help = Cure(edit.cure + (rest[0] if rest and rest[1] == "correct" else ""), edit.fix)
    label = f"{edit.deed}, all that the spec says holds"
    if edit.message:
        item = replace(item, code=Code.NOT_YAML, message=edit.message)
    return replace(item, span=edit.shown, label=label, notes=tuple(kept), details=(), help=help)
