"""Completion: what stands in a spec is offered where it stands, in text that does not parse too."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from netspec.compiler import compile_spec
from netspec.editing.complete import Completion, completions
from netspec.editing.places import places
from netspec.editing.workspace import Document
from netspec.text.codes import Code
from netspec.text.diagnostics import Source, Span, SpecError
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree
from tests.support import SPECS, draws
from tests.test_editing_places import SMALL, VARIANT, ZOO, workspace

FILES = [path.name for path in SPECS]
DESK = workspace(ZOO)
_WORD = re.compile(r"(?<![\w.$])\$?[A-Za-z_][\w.]*")


def offered(document: Document, text: str, offset: int) -> list[Completion]:
    """Return what is offered in another text than the one that was compiled last."""
    now = replace(document, source=Source(document.path, text))
    return [*completions(now, offset, lambda: FILES)]


def values(tree: Tree) -> Iterator[Scalar]:
    """Yield the keys and values of a spec but those that are sentences or the network's name."""
    match tree:
        case Scalar():
            yield tree
        case Sequence():
            for item in tree.items:
                yield from values(item)
        case Mapping():
            for key, value in tree.items:
                yield key
                yield from values(value) if key.text not in ("doc", "name") else ()


def words(document: Document) -> list[tuple[int, str]]:
    """Return the words of a spec that its author did not invent there, with their offsets."""
    assert document.tree
    found = []
    known = {place.span: place.target for place in places(document)}
    invented = {place for place in known.values() if place and known.get(place, place) == place}
    for scalar in values(document.tree):
        for match in _WORD.finditer(scalar.span.text):
            start, word = scalar.span.start + match.start(), match[0]
            ends = [i for i, char in enumerate([*word, "."]) if char == "."]
            starts = [0, *(end + 1 for end in ends)]
            parts = [Span(document.source, start + a, start + b) for a, b in zip(starts, ends)]
            if parts[-1] in invented and len(parts) > 1:  # the path of a new part
                word = word[: starts[-2]]
            elif parts[-1] in invented:
                continue
            found.append((start, word))
    return found


@pytest.mark.parametrize("path", ZOO)
def test_what_stands_in_a_spec_is_offered_for_each_prefix(path):
    document = DESK.change(path, text := ZOO[path])
    chance = random.Random(path)
    found = words(document)
    for start, word in chance.sample(found, min(draws(30, 10_000), len(found))):
        cut = start + chance.randrange(len(word))
        short = text[:cut] + text[start + len(word) :]
        labels = [item.label for item in offered(document, short, cut)]
        assert word in labels, (text[:start].count("\n") + 1, word, cut - start, labels)
