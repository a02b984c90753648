"""The tolerant reader: the tree of `parse` where there is one, else what can be made out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings

from netspec.editing.loose import read_loosely
from netspec.text.diagnostics import Source
from netspec.text.syntax import Mapping, Scalar, Tree, parse, scalars
from tests.random_spec import specs
from tests.support import SPECS, draws

TEXTS = {path.name: path.read_text() for path in SPECS}


def form(tree: Tree) -> object:
    """Return a tree with the places of its keys and values, to be compared."""
    match tree:
        case Scalar():
            text = tree.span.text
            is_plain = text and not tree.quoted and "\n" not in text
            return text and (tree.span.start, text, tree.value if is_plain else None)
        case Mapping():
            return [(form(key), form(value)) for key, value in tree.items]
    return {number: form(item) for number, item in enumerate(tree.items)}


def same(text: str) -> bool:
    source = Source("spec.yaml", text)
    return form(read_loosely(source)) == form(parse(source))


@pytest.mark.parametrize("name", TEXTS)
def test_it_reads_a_shipped_spec_as_the_parser_does(name):
    assert same(TEXTS[name])


@settings(max_examples=draws(20, 600), deadline=None, database=None)
@given(specs())
def test_it_reads_random_specs_as_the_parser_does(text):
    assert same(text)


@pytest.mark.parametrize("name", TEXTS)
def test_what_stands_before_the_end_of_a_text_is_read_as_in_the_whole(name):
    text, chance = TEXTS[name], random.Random(name)
    whole = [item.span for item in scalars(read_loosely(Source(name, text))) if item.span.text]
    for cut in chance.sample(range(len(text)), min(draws(10, 300), len(text))):
        found = [item.span for item in scalars(read_loosely(Source(name, text[:cut])))]
        end = len(text[:cut].rstrip())  # the last text may go on
        before = [(span.start, span.text) for span in found if span.text and span.end < end]
        assert before == [(span.start, span.text) for span in whole if span.end < end], cut


_PIECES = (
    *("", "\n", "\r", "\t", " ", "  ", '"', "'", "[", "{", "]", "}", ":", ": ", ",", "- ", "#"),
    *(" #", ">", "|", "$", "&", "*", "!", "%", "?", "---", "\\", "\ue000", "é", "\u2028"),
)


def test_no_text_is_refused_and_no_place_lies_outside_of_it():
    chance = random.Random(1)
    for _ in range(draws(200, 4_000)):
        text = chance.choice([*TEXTS.values()])
        for _ in range(chance.randint(1, 8)):
            start = chance.randrange(len(text) + 1)
            end = start + chance.choice((0, 0, 1, 5, 50, 500))
            text = text[:start] + chance.choice(_PIECES) + text[end:]
        spans = [item.span for item in scalars(read_loosely(Source("", text)))]
        assert all(0 <= span.start <= span.end <= len(text) for span in spans)
        starts = [span.start for span in spans if span.text]
        assert starts == sorted(starts)


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "[{", "? ", '"', "a: '", "a:\n"])
def test_depth_has_a_limit(opener):
    read_loosely(Source("", opener * 20_000))


BROKEN = {
    "a bracket is open": ("a: {b: [1, 2\nc: 3", "a: {b: [1, 2]}\nc: 3"),
    "the wrong bracket closes": ("a: {b: [1, 2}\nc: 3", "a: {b: [1, 2]}\nc: 3"),
    "a bracket too many": ("a: {b: 1}}\nc: 3", "a: {b: 1}\nc: 3"),
    "a comma is missing": ("a: {b: [1] c: 3}", "a: {b: [1], c: 3}"),
    "a colon is missing in brackets": ("a: {b [1], c: 3}", "a: {b: [1], c: 3}"),
    "a key without a colon": ("a:\n  b\n  c: 3", "a:\n  b:\n  c: 3"),
    "a key without a colon behind others": ("a:\n  c: 3\n  b\nd: 1", "a:\n  c: 3\n  b:\nd: 1"),
    "a line that is indented too far": ("a: 1\n    b: 2\nc: 3", "a: 1\nb: 2\nc: 3"),
    "a quote is open": ('a: "b\nc: 3', "a: b\nc: 3"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_slip_hides_nothing_else(broken):
    text, meant = BROKEN[broken]
    found, wanted = (
        [(item.text.strip('"'), type(item)) for item in scalars(read_loosely(Source("", each)))]
        for each in (text, meant)
    )
    assert found == wanted
    assert shape(read_loosely(Source("", text))) == shape(parse(Source("", meant)))


def shape(tree: Tree) -> object:
    """Return a tree without its places."""
    match tree:
        case Scalar():
            return tree.text.strip('"')
        case Mapping():
            return {key.text: shape(value) for key, value in tree.items}
    return [shape(item) for item in tree.items]
