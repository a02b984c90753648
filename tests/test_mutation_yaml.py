"""Slips of punctuation and indentation in every spec: YAML's refusals are said at the slip."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import pytest

from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError
from netspec.text.rendered import render
from netspec.text.syntax import decode, parse
from tests.support import SPECS

MARKS = ":,[]{}$-#\"'"
EACH = 12  # mutants of one kind in one spec


@dataclass(frozen=True)
class Mutant:
    """A text that YAML refuses because of one slip in [start, end), and what is said about it."""

    kind: str
    text: str
    start: int
    end: int
    found: Diagnostic

    @property
    def underlined(self) -> bool:
        return any(self._touches(span) for span in self._spans())

    @property
    def is_primary(self) -> bool:
        return any(self._touches(span) for span in self._spans()[:1])

    @property
    def recognised(self) -> bool:
        return bool(self.found.help) and "not valid YAML" not in self.found.message

    def _spans(self) -> list[Span]:
        assert self.found.span
        return [self.found.span, *(note.span for note in self.found.notes)]

    def _touches(self, span: Span) -> bool:
        return span.start <= self.end + 1 and self.start - 1 <= max(span.end, span.start + 1)

    def __str__(self) -> str:
        return f"{self.kind}: {self.found}"


Slip = Callable[[str, int, Random], tuple[str, int]]
"""A changed text, and how many characters from the place on the change covers."""


def deleted(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + text[at + 1 :], 0


def doubled(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[: at + 1] + text[at:], 2


def swapped(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :], 2


def replaced(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + random.choice(MARKS.replace(text[at], "")) + text[at + 1 :], 1


def inserted(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + random.choice(MARKS) + text[at:], 1


def indented(text: str, at: int, random: Random) -> tuple[str, int]:
    start = len(text) - len(text[at:].lstrip(" "))
    depth = max(0, start - at + random.choice((-2, -1, 1, 2, 3)))
    return text[:at] + " " * depth + text[start:], depth + 1


def joined(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + " " + text[at + 1 :].lstrip(" "), 1


def split(text: str, at: int, random: Random) -> tuple[str, int]:
    return text[:at] + "\n" + text[at + 1 :], 1


_CODE = re.compile(r"^(?:[^\s#]|\s(?!#))*", re.MULTILINE)
SLIPS: dict[Slip, str] = {
    **dict.fromkeys((deleted, doubled, swapped, replaced), f"[{re.escape(MARKS)}]"),
    inserted: r"[^\s]",
    indented: r"^(?= *[^\s#])",
    joined: r"(?<=[^\s])\n(?= *[^\s#])",
    split: r"(?<=[^\s]) ",
}


def mutants_of(text: str, random: Random) -> Iterator[tuple[str, str, int, int]]:
    """Yield the kind of a slip, the text with it, and its place; never one inside a comment."""
    code = {place for line in _CODE.finditer(text) for place in range(line.start(), line.end() + 1)}
    for slip, pattern in SLIPS.items():
        found = [match.start() for match in re.finditer(pattern, text, re.MULTILINE)]
        places = [place for place in found if place in code]
        for at in random.sample(places, min(EACH, len(places))):
            changed, width = slip(text, at, random)
            yield slip.__name__, changed, at, at + width


@cache
def mutants() -> tuple[Mutant, ...]:
    """Return the mutants of every spec that YAML refuses."""
    random = Random(5)
    result = []
    for path in SPECS:
        for kind, text, start, end in mutants_of(path.read_text(), random):
            try:
                parse(Source(path.name, text))
            except SpecError as error:
                result.append(Mutant(kind, text, start, end, error.diagnostics[0]))
    return tuple(result)


def table() -> str:
    """Return what is said, by kind of slip."""
    lines = [
        "{:10}{:>9}{:>12}{:>10}{:>12}".format("", "refused", "underlined", "primary", "recognised")
    ]
    for kind in (*(slip.__name__ for slip in SLIPS), ""):
        group = [mutant for mutant in mutants() if kind in ("", mutant.kind)]
        counts = Counter(
            {
                "underlined": sum(mutant.underlined for mutant in group),
                "primary": sum(mutant.is_primary for mutant in group),
                "recognised": sum(mutant.recognised for mutant in group),
            }
        )
        lines.append("{:10}{:9}{:12}{:10}{:12}".format(kind or "all", len(group), *counts.values()))
    return "\n".join(lines)


@pytest.mark.long
def test_every_kind_of_slip_is_refused_somewhere():
    print(f"\n{table()}")
    assert len(mutants()) >= 900
    assert {mutant.kind for mutant in mutants()} == {slip.__name__ for slip in SLIPS}


def test_the_slip_is_underlined():
    missed = [str(mutant) for mutant in mutants() if not mutant.underlined]
    assert len(missed) <= 0.025 * len(mutants()), "\n".join(missed)


def test_the_slip_is_the_cause():
    missed = [str(mutant) for mutant in mutants() if not mutant.is_primary]
    assert len(missed) <= 0.12 * len(mutants()), "\n".join(missed)


def test_the_slip_is_recognised_and_has_a_cure():
    missed = [str(mutant) for mutant in mutants() if not mutant.recognised]
    assert len(missed) <= 0.01 * len(mutants()), "\n".join(missed)


def test_line_ends_and_byte_order_marks_move_no_diagnostic():
    for mutant in mutants()[::3]:
        for start, end in (("", "\r\n"), ("", "\r"), ("\ufeff", "\n")):
            data = (start + mutant.text.replace("\n", end)).encode()
            try:
                parse(decode(data, mutant.found.span.source.name if mutant.found.span else ""))
            except SpecError as error:
                assert str(error.diagnostics[0]) == str(mutant.found)
            else:
                raise AssertionError(f"{mutant} is accepted with other line ends")


def test_several_slips_at_once_are_a_tree_or_a_diagnostic():
    random = Random(6)
    for path in SPECS:
        for _ in range(60):
            text = path.read_text()
            start = random.randrange(len(text))
            text = text[start : start + random.randrange(2, 400)]
            for _ in range(4):
                at = random.randrange(max(1, len(text) - 2))
                if len(text) > at + 2:
                    text, _ = random.choice(list(SLIPS))(text, at, random)
            try:
                parse(Source(path.name, text))
            except SpecError as error:
                assert all(item.span and render(item) for item in error.diagnostics)
