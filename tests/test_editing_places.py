"""Open texts over files, and where each name in them is defined."""

from __future__ import annotations

import pytest

from netspec.editing.places import place_at, places
from netspec.editing.workspace import Workspace
from tests.support import SPECS


def workspace(files: dict[str, str] | None = None) -> Workspace:
    """Return a workspace over texts by their paths."""

    def read(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(f"there is no file {path}") from None

    return Workspace(read)


ZOO = {f"specs/{path.name}": path.read_text() for path in SPECS}


@pytest.mark.parametrize("path", ZOO)
def test_places_of_shipped_specs_are_names_in_order_that_do_not_overlap(path):
    document = workspace(ZOO).change(path, ZOO[path])
    assert document.network is not None
    end = 0
    for place in places(document):
        assert place.span.source is document.source
        assert place.span.text == place.name
        assert place.span.start >= end, place
        assert place_at(document, place.span.start + 1) == place
        end = place.span.end


SMALL = """netspec: 1
name: Small
inputs: {image: [3, 8, 8]}
graph:
  conv1: {conv2d: [4, 3]}
  relu1: relu
outputs: {out: relu1}
"""
VARIANT = """netspec: 1
name: Wide
extends: small.yaml
change: {graph.conv1: {conv2d: [8, 3]}}
"""


def test_an_open_buffer_counts_before_the_file():
    desk = workspace({"d/small.yaml": SMALL})
    variant = desk.change("d/variant.yaml", VARIANT)
    assert variant.network is not None
    assert desk.dependents("d/small.yaml") == ["d/variant.yaml"]
    desk.change("d/small.yaml", SMALL.replace("relu1: relu", "relu1: rleu"))
    [found] = desk.change("d/variant.yaml", VARIANT).diagnostics
    assert found.span and found.span.source is desk.document("d/small.yaml").source
    desk.close("d/small.yaml")
    assert desk.change("d/variant.yaml", VARIANT).network is not None


def test_a_missing_file_is_a_diagnostic_and_known_when_it_comes():
    files: dict[str, str] = {}
    desk = workspace(files)
    [found] = desk.change("variant.yaml", VARIANT).diagnostics
    assert "small.yaml" in found.message
    files["small.yaml"] = SMALL
    assert desk.dependents("small.yaml") == ["variant.yaml"]
    assert desk.change("variant.yaml", VARIANT).network is not None


def test_the_last_good_network_stays_with_its_places():
    desk = workspace()
    good = desk.change("small.yaml", SMALL).network
    desk.change("small.yaml", broken := SMALL.replace("relu1: relu", "relu1: rle"))
    document = desk.change("small.yaml", f"# new\n{broken}")
    assert (document.network, document.good) == (None, good)
    assert document.good_source and document.good_source.text == SMALL
    assert good
    conv, relu = (layer.span for layer in good.spec.layers())
    now = document.now(conv)
    assert now and now.source is document.source and now.text == "conv1"
    assert document.now(relu._replace(end=relu.end + len(": relu"))) is None
    assert document.now(now) is None
