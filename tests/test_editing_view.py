"""What a page shows of a document: figure, report and code, and what links them with the text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspec.editing.view import PARTS, View, view
from netspec.editing.workspace import Document, Workspace
from netspec.emit.figure.svg import to_svg
from netspec.emit.look import Look
from netspec.emit.report import report
from netspec.emit.torch.module import to_python
from netspec.graph.model import path
from netspec.text.diagnostics import SpecError
from netspec.version import __version__
from tests.random_spec import specs
from tests.support import SPECS, draws, mostly

OFTEN = ("googlenet.yaml", "vgg16.yaml", "resnet50.yaml", "mobilenet_v2.yaml", "swin_t.yaml")
ZOO = {f"specs/{path.name}": path.read_text() for path in SPECS}
SHOWN = mostly([f"specs/{name}" for name in OFTEN], ZOO)


def opened(name: str, text: str | None = None) -> Document:
    return Workspace(ZOO.__getitem__).change(name, ZOO[name] if text is None else text)


def seen(document: Document) -> View:
    found = view(document, PARTS)
    assert found is not None
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_the_parts_are_what_the_commands_write(name):
    document = opened(name)
    network, found = document.network, seen(document)
    assert network
    assert found.code == to_python(network, __version__)
    assert found.report
    assert found.report.layers == [row[0] for row in report(network).tables[0].rows]
    assert not found.problems
    assert found.figure
    plain = re.sub(r'<g data-layers="[^"]*">(.*?)</g>', r"\1", found.figure, flags=re.DOTALL)
    assert plain == to_svg(network, Look(page="none"))


def check_links(document: Document) -> None:
    """Find each layer in the text, in the code and in the figure."""
    network, found = document.network, seen(document)
    assert network
    shown = {layer.path: layer for layer in found.layers}
    assert [*shown] == [path(id) for id in (*network.graph.inputs, *network.graph.nodes)]
    lines, figure = (found.code or "").splitlines(), found.figure or ""
    boxes = {x for names in re.findall(r'data-layers="(.*?)"', figure) for x in names.split()}
    for id, node in network.graph.nodes.items():
        layer = shown[path(id)]
        assert any(path(id[:end]) in boxes for end in range(1, len(id) + 1)), layer.path
        first, *_ = layer.places
        assert first.source is node.call.span.source
        assert len(layer.places) == len(node.origin)
        own = "\n".join("\n".join(lines[start : end + 1]) for start, end in layer.code)
        assert own, layer.path
        # Which class of torch makes its tensors, the op says.
        if node.op.weights(*map(network.shapes.__getitem__, node.inputs)) and node.owner == id:
            assert node.op.module in own, layer.path
            assert first.start <= node.call.span.start < first.end, layer.path


@pytest.mark.parametrize("name", SHOWN)
def test_each_layer_is_in_the_text_in_the_code_and_in_the_figure(name):
    check_links(opened(name))


@given(text=specs())
@settings(max_examples=draws(10, 80), deadline=None, suppress_health_check=[*HealthCheck])
def test_each_layer_of_a_random_spec_is_as_well(text):
    document = opened("net.yaml", text)
    try:
        to_python(document.network, __version__)
    except SpecError:  # a sound spec of which no class can be written
        return
    check_links(document)


@pytest.mark.parametrize("name", SHOWN)
def test_places_are_whole_layers_or_what_of_them_stands_in_front_of_the_layers_inside(name):
    found = seen(opened(name))
    spans = {span for layer in found.layers for span in layer.places}
    for before, after in pairwise(sorted(spans, key=lambda x: (x.source.name, x.start))):
        assert before.source is not after.source or before.end <= after.start
    assert all(span.text == span.text.strip() for span in spans)


@given(st.data())
@settings(max_examples=draws(4, 20), deadline=None)
def test_a_step_changes_one_number_and_nothing_else(data):
    name = data.draw(st.sampled_from([f"specs/{name}" for name in OFTEN]))
    document = opened(name)
    paths = {layer.path for layer in seen(document).layers}
    step = data.draw(st.sampled_from(seen(document).steps))
    least, most, by = step.range
    assert float(step.span.text) == step.value
    assert (least is None or least <= step.value) and (most is None or step.value <= most)
    assert all(any(f"{x}.".startswith(f"{layer}.") for x in paths) for layer in step.layers)
    value = step.value + by
    _, start, end = step.span
    text = f"{ZOO[name][:start]}{value:g}{ZOO[name][end:]}"
    after = opened(name, text)
    codes = {item.code for item in after.diagnostics}
    # A network may not fit together any more; its text is one as before.
    assert all(code >= "NS035" for code in codes), codes
    if after.network:
        other = next(x for x in seen(after).steps if x.span.start == start)
        assert other.value == pytest.approx(value)
        assert (other.name, other.layers) == (step.name, step.layers)


SMALL = """netspec: 1
name: Small
params: {classes: 10, drop: 0.25}
inputs: {image: [3, 8, 8]}
blocks:
  Unit:
    params: [out, k=3]
    chain:
      conv: {conv2d: [$out, $k]}
      relu: relu
graph:
  one: {Unit: 16, shape: [16, 6, 6]}
  two: {Unit: [32], repeat: 2}
  flat: flatten
  drop: {dropout: $drop}
  fc: {linear: $classes}
outputs: {out: fc}
expect: {params: 25210}
"""


def test_what_can_be_stepped():
    found = [(x.name, x.value, *x.range, x.layers) for x in seen(opened("s.yaml", SMALL)).steps]
    assert found == [
        ("classes", 10, 1, None, 1, ()),
        ("drop", 0.25, 0, None, 0.01, ()),
        ("image", 3, 1, None, 1, ("image",)),
        ("image", 8, 1, None, 1, ("image",)),
        ("image", 8, 1, None, 1, ("image",)),
        ("k", 3, 1, None, 1, ("one", "two")),
        ("out", 16, 1, None, 8, ("one",)),
        ("out", 32, 1, None, 8, ("two",)),
        ("repeat", 2, 1, None, 1, ("two",)),
    ]


def test_a_broken_contract_does_not_hide_the_network():
    document = opened("s.yaml", SMALL.replace("Unit: 16", "Unit: 24"))
    assert [item.severity for item in document.diagnostics] == ["error"]
    found = seen(document)
    assert not found.is_stale
    assert found.totals["params"] != seen(opened("s.yaml", SMALL)).totals["params"]


def test_of_a_text_with_mistakes_the_last_network_is_seen():
    desk = Workspace(ZOO.__getitem__)
    broken = SMALL.replace("flat: flatten", "# two\n  flat: flaten")
    assert view(desk.change("s.yaml", broken), PARTS) is None
    before = seen(desk.change("s.yaml", SMALL))
    document = desk.change("s.yaml", broken)
    after = seen(document)
    assert after.is_stale
    assert (after.figure, after.code) == (before.figure, before.code)
    places = {layer.path: [span.text for span in layer.places] for layer in after.layers}
    assert places["flat"] == []
    assert places["fc"] == ["fc: {linear: $classes}"]
    assert all(span.source is document.source for x in after.layers for span in x.places)


def test_parts_that_cannot_be_had_say_why():
    extern = "externs: {Gate: {import: mylib.layers, shape: same}}\nblocks:"
    text = SMALL.replace("blocks:", extern).replace("  flat:", "  gate: Gate\n  flat:")
    found = seen(opened("s.yaml", text))
    assert [*found.problems] == ["code"]
    assert "`mylib.layers`, which the call does not allow" in found.problems["code"]
    assert found.code is None
    assert found.figure


def test_text_of_a_spec_is_text_of_the_figure():
    text = SMALL.replace("name: Small", "name: Small\ndoc: '<script>alert(1)</script>'")
    found = seen(opened("s.yaml", text))
    assert found.figure
    assert "<script" not in found.figure
