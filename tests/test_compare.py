"""Networks side by side, and the plot."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.emit.compare import _difference, compare
from netspec.emit.report import FORMATS, ROWS, render, report
from tests.support import ROOT, compiled, draws, load, one_block
from tests.test_random_specs import examples

ALEXNET = """
    conv1: {conv2d: [64, 11], stride: 4, padding: 2}
    relu1: relu
    pool1: {max_pool2d: 3, stride: 2}
    conv2: {conv2d: [192, 5], padding: 2}
    relu2: relu
    pool2: {max_pool2d: 3, stride: 2}
    conv3: {conv2d: [384, 3], padding: 1}
    relu3: relu
    conv4: {conv2d: [256, 3], padding: 1}
    relu4: relu
    conv5: {conv2d: [256, 3], padding: 1}
    relu5: relu
    pool5: {max_pool2d: 3, stride: 2}
    flat: flatten
    fc6: {linear: 4096}
    relu6: relu
    fc7: {linear: 4096}
    relu7: relu
    out: {linear: 1000}
"""


@pytest.fixture(scope="module")
def networks():
    text = one_block(ALEXNET, inputs="image: [3, 224, 224]").replace("name: Net", "name: AlexNet")
    return [compiled(text), load(ROOT / "specs" / "googlenet.yaml").network]


def test_ratios_to_the_first_are_visible(networks):
    content = compare(networks)
    keys = [column.key for column in content.tables[0].columns]
    alexnet, googlenet = (dict(zip(keys, row, strict=True)) for row in content.tables[0].rows)
    assert (alexnet["params"], googlenet["params"]) == (61_100_840, 6_998_552)
    assert (alexnet["params_ratio"], googlenet["params_ratio"]) == (1.0, 0.115)
    assert (googlenet["depth"], googlenet["peak_bytes"]) == (22, 10_235_904)
    assert (alexnet["field_max"], googlenet["field_max"]) == ((195, 195), (715, 715))
    assert alexnet["input"] == (3, 224, 224)
    assert "GoogLeNet has 8.73 times fewer parameters" in content.notes[0]


@pytest.mark.parametrize("format", list(FORMATS))
def test_every_format(networks, format):
    assert "GoogLeNet" in render(compare(networks), format)


def test_the_text_fits_a_terminal(networks):
    assert max(map(len, render(compare(networks)).splitlines())) <= 100


def test_batch_and_type_are_said(networks):
    content = compare(networks, 8, "float16")
    assert "batch 8; float16" in render(content)
    data = json.loads(render(content, "json"))
    assert (data["batch"], data["dtype"]) == (8, "float16")


@pytest.mark.parametrize(
    ("value", "first", "said"),
    [
        (3, 3, "as many MACs"),
        (0, 0, "as many MACs"),
        (1003, 1000, "about as many MACs"),
        (1010, 1000, "1% more MACs"),
        (18, 10, "80% more MACs"),
        (20, 10, "2 times the MACs"),
        (871, 100, "8.71 times the MACs"),
        (95, 100, "5% fewer MACs"),
        (100, 871, "8.71 times fewer MACs"),
        (0, 7, "no MACs"),
        (7, 0, "7 MACs"),
    ],
)
def test_a_difference_in_words(value, first, said):
    assert _difference(value, first, "MACs") == said


@examples(draws(50, 1000))
@given(value=st.integers(1, 10**12), first=st.integers(1, 10**12))
def test_no_difference_is_told_as_once_or_nothing(value, first):
    said = _difference(value, first, "")
    assert not re.match(r"(0%|1(\.0*)? times)", said)
    assert ("more" in said or "times the" in said) <= (value > first)
    assert ("fewer" in said) <= (value < first)


def test_one_network_has_no_ratio_in_words(networks):
    content = compare(networks[:1])
    assert [note for note in content.notes if "times" in note] == []


def test_equal_and_empty_networks():
    network = compiled(one_block("out: relu"))
    content = compare([network, network])
    assert "as many parameters" in content.notes[0]


def test_plots(networks):
    pytest.importorskip("matplotlib")
    from netspec.emit.plot import plot

    svg = plot(networks[1], "svg")
    assert svg == plot(networks[1], "svg")
    assert not re.search(rb"20\d\d-\d\d-\d\d", svg)
    text = " ".join(ElementTree.fromstring(svg).itertext())
    for word in ("inception_3a", "MACs, cumulative", "params, per block", "347 M", "1.58 G", "(M)"):
        assert word in text
    assert plot(networks[1], "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("by", ROWS)
def test_a_plot_has_the_rows_of_the_report(networks, by):
    pytest.importorskip("matplotlib")
    from netspec.emit.plot import plot

    shown = [*ElementTree.fromstring(plot(networks[1], "svg", by)).itertext()]
    rows = [str(row[0]) for row in report(networks[1], by).tables[0].rows if "train" not in row]
    assert len(rows) > 8 and [text for text in shown if text in rows] == rows
    assert f"MACs, per {by}" in shown
