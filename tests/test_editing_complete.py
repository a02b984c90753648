"""Completion: what stands in a spec is offered where it stands, in text that does not parse too."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from netspec.editing.complete import Completion, completions
from netspec.editing.places import places
from netspec.editing.workspace import Document
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, Span
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree
from tests.support import SPECS, draws, mostly
from tests.test_editing_places import SMALL, ZOO, workspace

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
            parts = [
                Span(document.source, start + a, start + b)
                for a, b in zip(starts, ends, strict=False)
            ]
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
    for start, word in chance.sample(found, min(draws(6, 10_000), len(found))):
        cut = start + chance.randrange(len(word))
        short = text[:cut] + text[start + len(word) :]
        labels = [item.label for item in offered(document, short, cut)]
        assert word in labels, (text[:start].count("\n") + 1, word, cut - start, labels)


UNKNOWN = ("called `{}`", "no argument `{}`", "`{}` is not a key", "no `{}` to patch")


OFTEN = ("specs/googlenet.yaml", "specs/googlenet_bn.yaml", "specs/fpn.yaml")


@pytest.mark.parametrize("path", mostly(OFTEN, ZOO))
def test_what_is_offered_is_known_there(path):
    document = DESK.change(path, text := ZOO[path])
    chance = random.Random(path)
    # Without `extends` a text may become anything.
    found = [(start, word) for start, word in words(document) if word != "extends"]
    for start, word in chance.sample(found, min(draws(2, 4), len(found))):
        short = text[:start] + text[start + len(word) :]
        for item in chance.sample(offers := offered(document, short, start), min(2, len(offers))):
            new = short[: item.span.start] + item.text + short[item.span.end :]
            for mistake in DESK.change(path, new).diagnostics:
                assert not is_about(mistake, item), (item, mistake)
    DESK.close(path)


def is_about(mistake: Diagnostic, item: Completion) -> bool:
    """Tell whether a mistake says that what was completed is not known where it stands."""
    names = (item.label, item.label.rpartition(".")[2])
    is_unknown = any(said.format(name) in mistake.message for said in UNKNOWN for name in names)
    is_there = mistake.span is None or mistake.span.start == item.span.start
    return mistake.code == Code.NOT_YAML or (is_unknown and is_there)


HEAD = """netspec: 1
name: Small
inputs: {image: [3, 8, 8]}
blocks:
  Two:
    params: [out, act=relu]
    chain:
      conv: {conv2d: [$out, 3], padding: 1}
      split: {chunk: 2}
    outputs: [conv, split]
"""
TYPED = {
    "an op behind a colon": ("graph:\n  a: co", "{conv2d: []}"),
    "an op that needs nothing": ("graph:\n  a: rel", "relu"),
    "an op in an open bracket": ("graph:\n  a: {conv", "conv2d: []"),
    "a block": ("graph:\n  a: T", "{Two: []}"),
    "an argument": ("graph:\n  a: {conv2d: [4, 3], str", "stride: "),
    "an argument of a block": ("graph:\n  a: {Two: 4, a", "act: "),
    "an op as an argument": ("graph:\n  a: {Two: [4, ge", "gelu"),
    "a word of an argument": ("graph:\n  a: {conv2d: [4, 3], padding: sa", "same"),
    "a layer above": ("graph:\n  a: relu\n  b: {add: [], from: [", "a"),
    "an input": ("graph:\n  a: relu\n  b: {add: [], from: [a, im", "image"),
    "an output of a block": ("graph:\n  a: {Two: 4}\n  b: {relu: [], from: a.", "a.conv"),
    "what shares weights": ("graph:\n  a: {conv2d: [3, 1]}\n  b: {share: ", "a"),
    "a parameter": ("graph:\n  a: relu\nexterns:\n  E:\n    params: [size]\n    macs: $s", "$size"),
    "an argument of a layer called init": ("params: {n: 3}\ngraph:\n  init: {conv2d: [$", "$n"),
    "the number of a copy": ("graph:\n  a: {Two: 4, repeat: 2, out: $", "$i"),
    "a key of a layer in a block": ("graph:\n  a:\n    conv2d: 3\n    sha", "shape: "),
    "the first key of a block": ("  One:\n    ch", "chain: "),
    "a section": ("gr", "graph: "),
    "a function of init": ("init: {conv2d: {weight: {ka", "kaiming_normal_: "),
    "what init fills": ("init: {conv2d: {", "weight: "),
    "a number that is bounded": ("expect: {", "macs: "),
    "a result": ("graph:\n  a: relu\noutputs: {y: ", "a"),
    "a head": ("graph:\n  a: relu\noutputs: {y: re", "{relu: []}"),
    "below lines that are wrong": ("graph:\n  a: {conv2d: [3, 1\n  b: [}\n  c: {share: ", "a"),
}


def written(text: str, files: dict[str, str] | None = None) -> dict[str, str]:
    """Return what is written for each word that is offered at the end of a text."""
    document = workspace(files).change("new.yaml", text)
    return {item.label: item.text for item in completions(document, len(text), lambda: FILES)}


@pytest.mark.parametrize("typed", TYPED)
def test_completion_while_a_text_is_typed(typed):
    text, wanted = TYPED[typed]
    assert wanted in written(HEAD + text).values()


ABOVE = "netspec: 1\nname: V\nextends: small.yaml\n"
PATCHED = {
    "a file": ("netspec: 1\nextends: goo", "googlenet.yaml"),
    "a value of a parameter": (f"{ABOVE}params: {{", "depth: "),
    "a part to change": (f"{ABOVE}change: {{gra", "graph.conv1: "),
    "where to insert": (f"{ABOVE}insert: {{bl", "blocks."),
    "a part to remove": (f"{ABOVE}remove: [graph.", "graph.relu1"),
    "beside what to insert": (f"{ABOVE}insert: {{graph.a: {{relu: [], after: ", "conv1"),
    "what is inserted": (f"{ABOVE}insert: {{graph.a: {{relu: [], aft", "after: "),
    "a layer of the base": (f"{ABOVE}change: {{graph.relu1: {{gelu: [], from: ", "conv1"),
    "a parameter of the base": (f"{ABOVE}change: {{graph.conv1: {{conv2d: [$", "$depth"),
}


@pytest.mark.parametrize("typed", PATCHED)
def test_completion_in_a_variant(typed):
    text, wanted = PATCHED[typed]
    base = SMALL.replace("name: Small\n", "name: Small\nparams: {depth: 4}\n")
    assert wanted in written(text, {"small.yaml": base}).values()


def test_nothing_is_offered_that_a_spec_could_not_say():
    odd = HEAD + 'graph:\n  "\\e[31m": relu\n  сonv: relu\n  a-b: relu\n  good: relu\n  x: {share: '
    assert {*written(odd)} == {"good"}
    files = ["b.yaml", "c d.yaml", "/etc/x.yaml", "e:f.yaml", "g.txt", "h\n.yaml"]
    document = workspace().change("a.yaml", text := "extends: b")
    found = completions(document, len(text), lambda: files)
    assert [(item.label, item.text) for item in found] == [("b.yaml", "b.yaml")]
    document = workspace().change("a.yaml", text := "extends: ")
    found = completions(document, len(text), lambda: files)
    assert [item.text for item in found] == ["b.yaml", '"c d.yaml"']


def test_a_layer_is_offered_with_its_shape_and_a_snippet_holds_what_is_needed():
    document = DESK.change("specs/googlenet.yaml", text := ZOO["specs/googlenet.yaml"])
    [found] = [
        item
        for item in offered(document, text, text.index("inception_4a, when"))
        if item.label == "inception_4a"
    ]
    assert found.detail.startswith("512×14×14")
    assert found.span.text == "inception_4a"
    [use] = [
        item
        for item in offered(document, text, text.index("flatten\n"))
        if item.label == "ConvReLU"
    ]
    assert (use.text, use.snippet) == ("{ConvReLU: []}", "{ConvReLU: [${1:out}, ${2:k}]}")


def test_functions_of_init_take_numbers_and_no_parameters():
    assert not written(HEAD + "params: {n: 3}\ninit: {conv2d: {weight: {constant_: ")
    assert not written(HEAD + "params: {n: 3}\ngraph:\n  a: {linear: 3, init: {bias: {constant_: ")


def test_comments_and_sentences_complete_nothing():
    for text in ("# gr", "doc: gr", "name: re", f"{HEAD}graph:\n  a: relu  # re"):
        assert not written(text)
