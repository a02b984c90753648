"""One-token typos in GoogLeNet: each must be found, pointed at, and answered with the cure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import pytest

from netspec.compiler import compile_spec
from netspec.diagnostics import Diagnostic, Source, Span, SpecError
from netspec.ops.base import REGISTRY
from netspec.spec.layers import BODY_KEYS, LAYER_KEYS
from netspec.spec.sections import METRICS, SECTIONS
from netspec.syntax import Scalar, parse, scalars

GOOGLENET = Path(__file__).parents[1] / "specs" / "googlenet.yaml"
TYPOS = 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"


@dataclass(frozen=True)
class Mutant:
    """A spec with one changed token, and what the compiler says about it."""

    token: str
    typo: str
    kind: str
    span: Span
    found: tuple[Diagnostic, ...]

    @property
    def underlined(self) -> bool:
        return any(_touches(span, self.span) for item in self.found for span in _spans(item))

    @property
    def is_primary(self) -> bool:
        return any(item.span and _touches(item.span, self.span) for item in self.found)

    @property
    def answered(self) -> bool:
        """Whether the original word stands in an answer."""
        return any(f"`{self.token}`" in _words(item) for item in self.found)


def _spans(item: Diagnostic) -> list[Span]:
    return [*([item.span] if item.span else []), *(note.span for note in item.notes)]


def _words(item: Diagnostic) -> str:
    return " ".join([item.message, item.help, item.label, *item.details])


def _touches(span: Span, token: Span) -> bool:
    return span.start < token.end and token.start < max(span.end, span.start + 1)


def _typos(text: str, random: Random) -> Iterator[str]:
    """Yield slips of a finger for ever: a character lost, doubled, swapped or wrong."""
    places = [i for i, char in enumerate(text) if char.isalnum()] or [0]
    while True:
        i = random.choice(places)
        other = random.choice(DIGITS if text[i : i + 1].isdigit() else LETTERS)
        swapped = text[:i] + text[i + 1 : i + 2] + text[i : i + 1] + text[i + 2 :]
        yield random.choice(
            [
                text[:i] + text[i + 1 :],
                text[: i + 1] + text[i:],
                swapped,
                text[:i] + other + text[i + 1 :],
            ]
        )


def _kind(token: Scalar, keys: set[int]) -> str:
    text = token.text
    if text in ("true", "false") or re.fullmatch(r"[\d.]+|<=.*", text):
        return "number"
    if "$" in text:
        return "expression"
    if text in SECTIONS and token.span.column == 1:
        return "section"
    if text in REGISTRY:
        return "op"
    if text in (*LAYER_KEYS, *BODY_KEYS, *METRICS, "params", "doc"):
        return "keyword"
    if token.span.start in keys:
        return "argument" if text.islower() and _is_argument(text) else "name"
    return "text"


def _is_argument(text: str) -> bool:
    return any(text in cls.model_fields for cls in REGISTRY.values())


@cache
def mutants() -> tuple[Mutant, ...]:
    """Return three mutants of every scalar and key."""
    text = GOOGLENET.read_text()
    random = Random(3)
    result = []
    for token in scalars(parse(Source("googlenet.yaml", text))):
        seen = {token.span.text}
        for typo in _typos(token.span.text, random):
            if typo not in seen and typo.strip():
                seen.add(typo)
                result.append(_mutant(text, token, typo))
            if len(seen) > TYPOS:
                break
    return tuple(result)


def _mutant(text: str, token: Scalar, typo: str) -> Mutant:
    start, end = token.span.start, token.span.end
    source = Source("googlenet.yaml", text[:start] + typo + text[end:])
    try:
        found = compile_spec(source).warnings
    except SpecError as error:
        found = error.diagnostics
    kind = _kind(token, _keys(text))
    return Mutant(token.text, typo, kind, Span(source, start, start + len(typo)), found)


@cache
def _keys(text: str) -> set[int]:
    return {match.start() for match in re.finditer(r"[\w$]+(?=:)", text)}
