"""One-token typos and wrong numbers: each must be found, pointed at, and answered with the cure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import pytest

from netspec.compiler import compile_spec
from netspec.language.grammar import BlockKeys, ExpectKeys, InlineKeys, SpecKeys
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, parse, scalars
from tests.support import ROOT, draws

GOOGLENET = ROOT / "specs" / "googlenet.yaml"
TYPOS = draws(1, 2)
STEP = draws(8, 4)
"""How many tokens of a kind there are for each that is taken."""
MOST = 3
KINDS = ("section", "keyword", "op", "reference", "expression", "number", "name", "text")
ANSWERED = KINDS[:4]
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


def _kind(token: Scalar, text: str) -> str:
    word, before = token.text, text[: token.span.start]
    is_key = text[token.span.end :].lstrip(" ").startswith(":")
    if re.fullmatch(r"true|false|[\d.]+|<=.*", word):
        return "number"
    if "$" in word:
        return "expression"
    if word in SpecKeys.kinds() and token.span.column == 1:
        return "section"
    if re.search(r"(from|join|logits): $", before):
        return "reference"
    if word in REGISTRY or (is_key and before.endswith("{") and word[0].isupper()):
        return "op"
    if re.search(r"^params: .*$", before.splitlines()[-1]):
        return "name"
    if word in {**InlineKeys.kinds(), **ExpectKeys.kinds(), **BlockKeys.kinds()} or _is_argument(
        word
    ):
        return "keyword" if is_key else "text"
    return "name" if is_key else "text"


def _is_argument(text: str) -> bool:
    return any(text in cls.model_fields for cls in REGISTRY.values())


def _tokens(text: str) -> list[Scalar]:
    """Return a share of the scalars and keys of each kind, in the order of the text."""
    tokens = sorted(scalars(parse(Source("googlenet.yaml", text))), key=lambda x: _kind(x, text))
    return sorted(tokens[::STEP], key=lambda token: token.span.start)


@cache
def mutants() -> tuple[Mutant, ...]:
    """Return mutants of scalars and keys, the same number of each."""
    text = GOOGLENET.read_text()
    random = Random(3)
    result = []
    for token in _tokens(text):
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
    place = Span(source, start, start + len(typo))
    return Mutant(token.text, typo, _kind(token, text), place, tuple(found))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def table() -> str:
    """Return what was found, by kind of token."""
    head = "kind", "mutants", "flagged", "underlined", "as cause", "at most 3", "answered"
    lines = ["{:12}{:>9}{:>9}{:>12}{:>10}{:>11}{:>10}".format(*head)]
    groups = {kind: [m for m in mutants() if m.kind == kind] for kind in KINDS}
    for kind, group in {**groups, "all": list(mutants())}.items():
        flagged = [m for m in group if m.found]
        counts = (
            sum(m.underlined for m in flagged),
            sum(m.is_primary for m in flagged),
            sum(len(m.found) <= MOST for m in flagged),
            sum(m.answered for m in flagged) if kind in ANSWERED else "",
        )
        lines.append(
            "{:12}{:9}{:9}{:12}{:10}{:11}{:>10}".format(kind, len(group), len(flagged), *counts)
        )
    return "\n".join(lines)


def flagged() -> list[Mutant]:
    return [mutant for mutant in mutants() if mutant.found]


@pytest.mark.long
def test_every_kind_of_token_has_mutants():
    print(f"\n{table()}")
    assert len(mutants()) >= 300 * TYPOS / STEP
    assert {mutant.kind for mutant in mutants()} == set(KINDS)


def test_the_mutated_token_is_underlined():
    missed = [f"{m.span}: {m.token} -> {m.typo}" for m in flagged() if not m.underlined]
    assert _share(len(missed), len(flagged())) <= 0.02, missed


def test_the_mutated_token_is_the_cause():
    missed = [f"{m.span}: {m.token} -> {m.typo}" for m in flagged() if not m.is_primary]
    assert _share(len(missed), len(flagged())) <= 0.14, missed


def test_one_mistake_gives_few_diagnostics():
    many = [f"{m.span}: {m.token} -> {m.typo}" for m in flagged() if len(m.found) > MOST]
    assert _share(len(many), len(flagged())) <= 0.03, many


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_misspelt_word_is_answered_with_the_right_one(kind):
    group = [m for m in flagged() if m.kind == kind]
    missed = [f"{m.span}: {m.token} -> {m.typo}" for m in group if not m.answered]
    assert len(group) >= 3 * TYPOS / STEP
    assert _share(len(missed), len(group)) <= 0.05, missed


# ------------------------------------------------------------------ numbers that are wrong

SPECS = [ROOT / "specs" / f"{name}.yaml" for name in ("googlenet", "resnet50", "inception_v3")]
SPECS += [ROOT / "examples" / "small.yaml"]
UNET = """\
netspec: 1
name: UNet
inputs: {image: [1, 64, 64]}
blocks:
  Double:
    params: [out]
    chain:
      conv1: {conv2d: [$out, 3], padding: 1}
      conv2: {conv2d: [$out, 3], padding: 1}
  Up:
    params: [out]
    inputs: [low, high]
    chain:
      up:   {conv_transpose2d: [$out, 2], stride: 2, from: low}
      join: {concat: [], from: [up, high]}
      conv: {Double: [$out]}
graph:
  enc1:  {Double: [16]}
  pool1: {max_pool2d: 2}
  enc2:  {Double: [32]}
  pool2: {max_pool2d: 2}
  mid:   {Double: [64]}
  dec2:  {Up: [32], from: [mid, enc2]}
  dec1:  {Up: [16], from: [dec2, enc1], shape: [16, 64, 64]}
outputs: {mask: dec1}
"""
PER_SPEC = 60
SLIPS = {"0": "1", "1": "2", "2": "1", "3": "5", "5": "3", "7": "5"}
SILENT = ("dropout", "eps", "weight", "local_response_norm", "netspec", "init", "aux_weight")


def _numbers(tree: Tree, keys: tuple[str, ...] = ()) -> Iterator[Scalar]:
    """Yield the integers that decide a network."""
    match tree:
        case Mapping():
            for key, value in tree.items:
                yield from _numbers(value, (*keys, key.text))
        case Sequence():
            for item in tree.items:
                yield from _numbers(item, keys)
        case Scalar() if type(tree.value) is int and not set(keys) & set(SILENT):
            yield tree


@cache
def wrong_numbers() -> tuple[Mutant, ...]:
    """Return mutants in which one number has another plausible value: a stride, a width."""
    random = Random(5)
    found = []
    for text in (*(path.read_text() for path in SPECS), UNET):
        tokens = list(_numbers(parse(Source("spec.yaml", text))))
        for token in random.sample(tokens, min(PER_SPEC, len(tokens))):
            number = token.span.text
            others = [str(int(number) * 2), str(int(number) // 2), number[1:] + number[0]]
            wrong = SLIPS.get(number) or random.choice([x for x in others if x != number])
            found.append(_mutant(text, token, wrong))
    return tuple(found)


@pytest.mark.long
def test_a_wrong_number_is_underlined():
    group = [m for m in wrong_numbers() if m.found]
    missed = [f"{m.span}: {m.token} -> {m.typo}" for m in group if not m.underlined]
    blamed = [f"{m.span}: {m.token} -> {m.typo}" for m in group if not m.is_primary]
    print(f"\n{len(group)} flagged, {len(missed)} not underlined, {len(blamed)} not as the cause")
    assert len(group) >= 3 * PER_SPEC
    assert _share(len(missed), len(group)) <= 0.02, missed
    assert _share(len(blamed), len(group)) <= 0.06, blamed


@pytest.mark.long
def test_a_wrong_number_is_answered_with_the_right_one():
    group = [m for m in wrong_numbers() if m.found]
    missed = [f"{m.span}: {m.token} -> {m.typo}" for m in group if not _is_named(m)]
    assert _share(len(missed), len(group)) <= 0.15, missed


def _is_named(mutant: Mutant) -> bool:
    said = [_words(item) for item in mutant.found]
    said += [note.text for item in mutant.found for note in item.notes]
    return re.search(rf"\b{mutant.token}\b", " ".join(said)) is not None
