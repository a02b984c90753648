"""Small specs of large networks: work is bounded, done once for equal uses, and shown in part."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from netspec import limits
from netspec.emit import html, mermaid
from netspec.emit.diagram import runs
from netspec.emit.diagram.tree import Outline, View, build, walk
from netspec.emit.dot import to_dot
from netspec.emit.figure.page import FigureError
from netspec.emit.figure.svg import to_svg
from netspec.emit.report import render, report
from netspec.language.lower import ordered
from netspec.ops.conv import Conv2d
from netspec.text.diagnostics import SpecError
from tests.support import compiled, mistakes

HEAD = "netspec: 1\nname: Net\ninputs: {image: [8, 16, 16]}\n"


def nested(levels: int, uses: int) -> str:
    """Return blocks of blocks: `uses` to the power of `levels` convolutions and as many relus."""
    text = HEAD + "blocks:\n  B0: {chain: {conv: {conv2d: [8, 3], padding: 1}, relu: relu}}\n"
    for level in range(1, levels):
        inner = ", ".join(f"u{i}: B{level - 1}" for i in range(uses))
        text += f"  B{level}: {{chain: {{{inner}}}}}\n"
    graph = "".join(f"  l{i}: B{levels - 1}\n" for i in range(uses))
    return f"{text}graph:\n{graph}outputs: {{result: l{uses - 1}}}\n"


def crossing(count: int) -> str:
    """Return layers that each read the one before and the one seven before it."""
    lines = (f"  a{i}: {{add: [], from: [a{i - 1}, a{i - 7}]}}\n" for i in range(7, count))
    first = "".join(f"  a{i}: relu\n" for i in range(7))
    return f"{HEAD}graph:\n{first}{''.join(lines)}outputs: {{result: a{count - 1}}}\n"


# ------------------------------------------------------------------ the work


def counted(monkeypatch: pytest.MonkeyPatch, text: str) -> Counter[str]:
    """Return how often each rule of the convolution, and the order of a body, was asked for."""
    found: Counter[str] = Counter()
    for name in ("check", "shape", "weights", "cost"):
        rule = getattr(Conv2d, name)

        def count(self, *inputs, name=name, rule=rule):
            found[name] += 1
            return rule(self, *inputs)

        monkeypatch.setattr(Conv2d, name, count)

    def order(*arguments):
        found["order"] += 1
        return ordered(*arguments)

    monkeypatch.setattr("netspec.language.lower.ordered", order)
    compiled(text).tensors()
    monkeypatch.undo()
    return found


def test_equal_uses_of_a_block_are_computed_once(monkeypatch):
    few, many = (counted(monkeypatch, nested(3, uses)) for uses in (2, 12))
    assert few == many
    assert few["check"] == 1 and few["order"] == 4


def test_all_uses_of_blocks_are_there():
    network = compiled(nested(3, 12))
    assert len(network.graph.nodes) == 2 * 12**3
    assert network.totals.inference.params == 12**3 * (8 * 8 * 9 + 8)


# ------------------------------------------------------------------ the limits


FAN = ", ".join(["input"] * 400)
DEEP = "".join(f"  B{i}: {{chain: {{u: B{i - 1}}}}}\n" for i in range(1, 60))
LONG = "n" * 60
OVER = {
    "connections": f"{HEAD}blocks:\n  B: {{chain: {{j: {{add: [], from: [{FAN}]}}}}}}\n"
    "graph:\n  l: {B: [], repeat: 1000}\noutputs: {out: l}\n",
    "uses": f"{HEAD}blocks:\n  B0: {{chain: {{r: relu}}}}\n{DEEP}"
    "graph:\n  l: {B59: [], repeat: 50000}\noutputs: {out: l}\n",
    "pieces": "netspec: 1\nname: Net\ninputs: {image: [1000, 2, 2]}\n"
    "blocks:\n  B: {chain: {c: {chunk: 1000}, j: {concat: [], from: [c.0, c.1]}}}\n"
    "graph:\n  l: {B: [], repeat: 300, from: image}\noutputs: {out: l}\n",
    "first": HEAD + "blocks:\n  B: {params: [count], chain: {r: {relu: [], repeat: $count}}}\n"
    "graph:\n  l: {B: [1], repeat: 2, first: {count: 2000000}}\noutputs: {out: l}\n",
    "characters": f"{HEAD}blocks:\n  B0: {{chain: {{{LONG}: {{relu: [], repeat: 90000}}}}}}\n"
    + DEEP.replace("u: ", f"{LONG}: ")
    + "graph:\n  l: B59\noutputs: {out: l}\n",
}


@pytest.mark.parametrize("what", OVER)
def test_what_is_too_large_is_refused_before_it_is_expanded(what, monkeypatch):
    monkeypatch.setattr("netspec.graph.expand._Expander.run", None)
    (item,) = mistakes(OVER[what])
    assert item.code == "NS001"
    assert item.span is not None and item.span.text == "l"


def test_parameters_that_decide_no_count_are_not_counted_apart(monkeypatch):
    inner = "  B0: {params: [w], chain: {a: {conv2d: [$w, 1]}, b: {conv2d: [8, 1]}}}\n"
    for i in range(1, 12):
        uses = f"x: {{B{i - 1}: [$w]}}, z: {{B{i - 1}: [$w + {2**i}]}}"
        inner += f"  B{i}: {{params: [w], chain: {{{uses}}}}}\n"
    calls = Counter[str]()
    from netspec.graph.count import Counter as Sizes

    body = Sizes._body

    def count(self, *arguments):
        calls["body"] += 1
        return body(self, *arguments)

    monkeypatch.setattr(Sizes, "_body", count)
    network = compiled(f"{HEAD}blocks:\n{inner}graph:\n  l: {{B11: [1]}}\noutputs: {{out: l}}\n")
    assert len(network.graph.nodes) == 2**12
    assert calls["body"] == 12


# ------------------------------------------------------------------ the pictures


def test_the_boxes_that_are_counted_are_those_that_are_built():
    for text in (nested(3, 6), nested(4, 3), crossing(40)):
        network = compiled(text)
        for fold in (True, False):
            for depth in (None, 0, 1, 2, 3):
                outline = Outline(network, fold)
                shown = sum(1 for _ in walk(build(network, depth, fold)))
                ends = len(network.graph.inputs) + len(network.graph.outputs)
                assert outline.boxes(View(depth), 10**6) == shown - ends


@pytest.mark.long
def test_a_graphviz_file_shows_no_more_than_dot_can_lay_out():
    for text in (nested(3, 20), HEAD + "graph: {r: {relu: [], repeat: 9000}}\noutputs: {o: r}\n"):
        source = to_dot(compiled(text))
        assert 3 < source.count("fillcolor=") <= limits.BUILT_BOXES + 20


def test_a_graphviz_file_of_a_common_size_shows_everything():
    assert to_dot(compiled(nested(3, 9))).count("fillcolor=") > 9**3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(nested(3, 20), id="nested", marks=pytest.mark.long),
        pytest.param(crossing(1500), id="crossing"),
    ],
)
def test_pages_and_mermaid_show_huge_networks_in_part(text):
    network = compiled(text)
    assert len(html.to_html(network)) > 1000
    assert mermaid.to_mermaid(network).startswith("flowchart")


def test_a_figure_refuses_what_no_page_can_show():
    with pytest.raises(FigureError, match=r"1,\d\d\d boxes .* --depth, or write \.html"):
        to_svg(compiled(crossing(1500)))


def test_a_long_run_is_one_box():
    network = compiled(HEAD + "graph: {r: {relu: [], repeat: 5000}}\noutputs: {o: r}\n")
    folded = runs.collapse(build(network))
    assert [child.count for child in folded.children] == [1, 5000, 1]
    assert all(len(child.nodes) < 10 and len(child.exits) < 10 for child in folded.children)


# ------------------------------------------------------------------ the reports


def test_a_reports_json_is_what_the_standard_library_writes():
    content = report(compiled(nested(2, 3)), "layer")
    text = render(content, "json")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    rows = json.loads(text)["layers"]["rows"]
    assert len(rows) == 18 and rows[0]["shape"] == [8, 16, 16]


def test_too_large_says_so_in_words():
    with pytest.raises(SpecError, match="more than 300,000 connections after expansion"):
        compiled(OVER["connections"])
