"""Renaming, by what the compiler makes of the renamed texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.editing.places import Place, places
from netspec.editing.rename import RenameError, rename
from netspec.editing.workspace import Document
from netspec.text.fixes import replaced
from tests.random_spec import specs
from tests.support import draws
from tests.test_editing_places import SMALL, VARIANT, ZOO, workspace
from tests.test_random_specs import examples

NAMED = ("layer", "block", "param", "input", "output")


def definitions(document: Document) -> Sequence[Place]:
    """Return the names that a document gives itself."""
    return [x for x in places(document) if x.kind in NAMED and x.target == x.span]


def same(one: Place, other: Place) -> bool:
    """Tell whether two places name the same thing, each in its text."""
    return (one.kind, one.name, one.scope) == (other.kind, other.name, other.scope)


def renamed(files: dict[str, str], path: str, place: Place, name: str) -> dict[str, str]:
    """Return files with another name for what is defined at a place."""
    desk = workspace(files)
    document = desk.change(path, files[path])
    at = next(x for x in definitions(document) if same(x, place))
    found = rename(desk, document, at.span.start, name)
    return files | {file: replaced(files[file], edits) for file, edits in found.edits.items()}


def check_round_trip(files: dict[str, str], path: str, place: Place) -> None:
    """Give what is defined at a place another name, and its own again."""
    name = f"{'Q' if place.name[0].isupper() else 'q'}_{place.name}"
    there = renamed(files, path, place, name)
    assert there != files
    # Copies of two layers may have one name in one scope.
    before, after = (
        sum(same(x, place) for x in definitions_of(texts, path)) for texts in (files, there)
    )
    assert after == before - 1
    assert renamed(there, path, place._replace(name=name), place.name) == files


def definitions_of(files: dict[str, str], path: str) -> Sequence[Place]:
    return definitions(workspace(files).change(path, files[path]))


@pytest.mark.parametrize("path", ZOO)
def test_renaming_and_back_is_the_identity(path):
    found = definitions_of(ZOO, path)
    step = max(1, len(found) // draws(1, 12))
    for place in found[step // 2 :: step]:
        check_round_trip(ZOO, path, place)


@examples(draws(8, 60))
@given(specs(), st.data())
def test_any_name_of_a_random_spec_can_be_another(text, data):
    found = definitions_of({"spec.yaml": text}, "spec.yaml")
    check_round_trip({"spec.yaml": text}, "spec.yaml", data.draw(st.sampled_from(found)))


def test_keys_of_the_weights_are_told():
    desk = workspace()
    document = desk.change("small.yaml", SMALL)
    found = rename(desk, document, SMALL.index("conv1"), "stem")
    assert found.keys == {"conv1.weight": "stem.weight", "conv1.bias": "stem.bias"}


@pytest.mark.parametrize("path", ["d/small.yaml", "d/variant.yaml"])
def test_what_a_variant_patches_is_renamed_in_both_files(path):
    desk = workspace({"d/small.yaml": SMALL})
    texts = {"d/small.yaml": SMALL, "d/variant.yaml": VARIANT}
    documents = {file: desk.change(file, text) for file, text in texts.items()}
    found = rename(desk, documents[path], texts[path].index("conv1") + 2, "stem")
    new = {file: replaced(texts[file], edits) for file, edits in found.edits.items()}
    assert new == {file: text.replace("conv1", "stem") for file, text in texts.items()}


@pytest.mark.parametrize("is_open", [True, False])
def test_what_extends_the_same_file_is_renamed_too(is_open):
    files = {"d/small.yaml": SMALL, "d/wide.yaml": VARIANT, "d/deep.yaml": VARIANT}
    desk = workspace(files)
    document = desk.change("d/wide.yaml", VARIANT)
    if is_open:
        desk.change("d/deep.yaml", VARIANT)
    beside = [] if is_open else [*files, "d/no.yaml"]
    found = rename(desk, document, VARIANT.index("conv1"), "stem", beside)
    assert {*found.edits} == {*files}
    assert len(desk.documents()) == 1 + is_open


REFUSED = {
    "taken by a layer": ("conv1", "relu1", "`relu1` stands twice"),
    "taken by an input": ("conv1", "image", "has the name of an input"),
    "no name": ("conv1", "3x3", "does not start with a letter"),
    "an attribute of modules": ("conv1", "forward", "is an attribute of torch.nn.Module"),
    "empty": ("conv1", "", "name"),
    "an op": ("relu\n", "gelu", "no name that the spec gives"),
    "a key": ("graph", "layers", "no name that the spec gives"),
}


@pytest.mark.parametrize(("old", "new", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_renamed_says_why(old, new, why):
    desk = workspace()
    document = desk.change("small.yaml", SMALL)
    with pytest.raises(RenameError, match=why):
        rename(desk, document, SMALL.index(old), new)


ODD = """netspec: 1
name: Odd
params: {size: 4}
inputs: {image: [3, 8, 8]}
externs: {Gate: {import: mylib.layers, params: [gain], shape: same}}
blocks:
  Pair:
    params: [k]
    chain:
      conv: {conv2d: [$size, $k], padding: $k // 2}
graph:
  pair: {Pair: 3}
  gate: {Gate: 2, from: pair}
  stack: {Pair: 1, splice: 2, copies: deep_1}
  last: {conv2d: [$size, 1], from: deep_2}
outputs: {out: last}
"""
ODDLY_REFUSED = {
    "the name of an imported class": ("Gate:", "Door", "of the class that is imported"),
    "its parameter": ("gain", "loss_", "of the class that is imported"),
    "a copy": ("deep_2", "wide_2", "counts on from `deep_1`"),
    "hidden by a block's own": ("size", "k", "`size` would be mistaken for another"),
}


@pytest.mark.parametrize("is_broken", [False, True])
@pytest.mark.parametrize(("old", "new", "why"), ODDLY_REFUSED.values(), ids=ODDLY_REFUSED)
def test_what_would_mean_something_else_is_refused(old, new, why, is_broken):
    text = ODD.replace("last: {conv2d", "last: {cnv2d") if is_broken else ODD
    desk = workspace()
    document = desk.change("odd.yaml", text)
    assert is_broken == any(item.severity == "error" for item in document.diagnostics)
    with pytest.raises(RenameError, match=why):
        rename(desk, document, text.index(old), new)
