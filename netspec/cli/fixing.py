"""Makes the fixes of what is wrong with specs, in rounds, for as long as no text gets worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Fix, Source
from netspec.text.fixes import edited, fitting

_ROUNDS = 20
"""A fix may bring to light what the next one mends."""
Texts = Mapping[str, Source]
"""The files that may be changed, by their real paths."""
Check = Callable[[Texts], Sequence[Diagnostic]]
"""Says what is wrong with all files, some of them with other texts."""


@dataclass(frozen=True, slots=True)
class Made:
    """Texts with fixes made, a line about each fix, and what is still wrong."""

    texts: Texts
    lines: tuple[str, ...]
    found: Sequence[Diagnostic]

    @property
    def badness(self) -> tuple[int, int]:
        """How bad the texts are: what YAML cannot read may hide any number of mistakes."""
        errors = [item for item in self.found if item.severity == "error"]
        return sum(item.code == Code.NOT_YAML for item in errors), len(errors)


def mend(texts: Texts, check: Check, unsafe: bool) -> Made:
    """Make the fixes that are safe, or all of them, until there are none or none helps."""
    state = Made(texts, (), check(texts))
    seen = set[tuple[str, ...]]()
    for _ in range(_ROUNDS):
        seen.add(_all(state))
        after = _round(state, wanted(state.found, unsafe), check)
        if _all(after) in seen:
            break
        state = after
    return state


def _all(state: Made) -> tuple[str, ...]:
    return tuple(source.text for source in state.texts.values())


def wanted(found: Sequence[Diagnostic], unsafe: bool) -> list[Fix]:
    """Return the likeliest fix of each mistake that may be made."""
    fixes = (next((x for x in item.fixes if x.is_safe or unsafe), None) for item in found)
    return [fix for fix in fixes if fix]


def _round(state: Made, fixes: Iterable[Fix], check: Check) -> Made:
    """Make all fixes that do not overlap; where that is worse, those of them that are not."""
    own = {*state.texts.values()}
    together = fitting(x for x in fixes if own.issuperset(edit.span.source for edit in x.edits))
    after = _with(state, together, check)
    if after.badness <= state.badness:
        return after
    after, taken = state, list[Fix]()
    for fix in together:
        trial = _with(state, [*taken, fix], check)
        if trial.badness <= after.badness:
            after, taken = trial, [*taken, fix]
    return after


def _with(state: Made, fixes: Sequence[Fix], check: Check) -> Made:
    """Return what is wrong with some fixes made; a text that none is for stays the same."""
    touched = {edit.span.source for fix in fixes for edit in fix.edits}
    new = {source: Source(source.name, edited(source, fixes)) for source in touched}
    texts = {path: new.get(source, source) for path, source in state.texts.items()}
    lines = tuple(f"{fix.edits[0].span}: {fix.title}" for fix in fixes)
    return Made(texts, (*state.lines, *lines), check(texts) if fixes else state.found)
