"""YAML text → tree: places, the language's own scalars, and the limits."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netspec import limits
from netspec.text import syntax
from netspec.text.diagnostics import Source, SpecError
from netspec.text.plain import number
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, is_readable, parse, scalars
from tests.support import SPECS


def tree(text: str) -> Tree:
    return parse(Source("a.yaml", text))


def codes(text: str) -> list[str]:
    with pytest.raises(SpecError) as error:
        tree(text)
    return [item.code for item in error.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("1000", 1000),
        ("999999999999999999", 999999999999999999),
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("relu", "relu"),
        ("3x3", "3x3"),
        ("$k // 2", "$k // 2"),
        ("<=1.6G", "<=1.6G"),
        ("'64'", "64"),
        ('"on"', "on"),
        ('"\\x41"', "A"),
        ("once", "once"),
        ("no_pool", "no_pool"),
    ],
)
def test_scalars_are_read_by_the_languages_own_rules(text, value):
    found = tree(f"a: {text}")
    assert isinstance(found, Mapping)
    scalar = found.items[0][1]
    assert isinstance(scalar, Scalar)
    assert scalar.value == value and type(scalar.value) is type(value)
    assert scalar.span.text == text


@pytest.mark.parametrize("text", ["1e5", "12", "-0.5", ".5", "0"])
def test_number_reads_what_a_spec_reads(text):
    found = tree(f"a: {text}")
    assert isinstance(found, Mapping) and isinstance(found.items[0][1], Scalar)
    assert number(text) == found.items[0][1].value


@pytest.mark.parametrize(
    "text", ["", "abc", "1_0", "010", "nan", "inf", "1e999", "٣", "9" * 19, "+1"]
)
def test_number_refuses_the_rest(text):
    assert number(text) is None


PLAIN = st.text("abcxyz0123456789_-.:+~=ynYNoOeEtTrRuUfFlLsS/", min_size=1, max_size=9)


@given(PLAIN)
@example("0._")
@settings(max_examples=1500)
def test_a_plain_scalar_means_what_yaml_1_1_says_or_is_refused(text):
    """PyYAML reads 1.1; where the trees differ, netspec must have refused the text."""
    try:
        theirs = yaml.safe_load(f"a: {text}")["a"]
        ours = tree(f"a: {text}")
    except (yaml.YAMLError, SpecError, TypeError, ValueError, KeyError, AttributeError):
        return
    assert isinstance(ours, Mapping)
    value = ours.items[0][1]
    if isinstance(value, Scalar) and isinstance(theirs, str) and isinstance(value.value, float):
        return  # 1e5 is a number in YAML 1.2 only, as the language says
    if isinstance(value, Scalar):
        assert value.value == theirs


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_span_is_the_text_of_its_scalar(path):
    source = Source(path.name, path.read_text())
    for scalar in scalars(parse(source)):
        if not scalar.quoted:
            assert str(scalar.text) == scalar.span.text


def spans(node: Tree) -> list[tuple[int, int]]:
    children: list[Tree] = []
    if isinstance(node, Mapping):
        children = [part for entry in node.items for part in entry]
    elif isinstance(node, Sequence):
        children = list(node.items)
    for child in children:
        assert node.span.start <= child.span.start <= child.span.end <= node.span.end
    return [(node.span.start, node.span.end), *(s for child in children for s in spans(child))]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_line_ends_move_no_line_and_no_column(path, end):
    text = path.read_text()
    one, other = Source("a", text), Source("a", text.replace("\n", end))
    places = [
        [(source.position(start), source.position(stop)) for start, stop in spans(parse(source))]
        for source in (one, other)
    ]
    assert places[0] == places[1]


def test_nesting_up_to_the_limit():
    assert isinstance(tree("[" * limits.DEPTH + "]" * limits.DEPTH), Sequence)
    assert codes("[" * (limits.DEPTH + 1) + "]" * (limits.DEPTH + 1)) == ["NS001"]


def test_values_up_to_the_limit(monkeypatch):
    monkeypatch.setattr(limits, "VALUES", 10)
    assert isinstance(tree("[1, 2, 3, 4, 5, 6, 7, 8, 9]"), Sequence)
    assert codes("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]") == ["NS001"]


def test_mistakes_collect():
    assert codes("a: 010\nb: on\na: 1\n") == ["NS006", "NS006", "NS003"]


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=1000)
def test_any_text_is_a_tree_or_a_diagnostic_with_a_place(text):
    try:
        tree(text)
    except SpecError as error:
        assert all(item.span for item in error.diagnostics)
        str(error)
    else:
        assert is_readable(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_text_or_a_diagnostic(data):
    try:
        tree(syntax.decode(data, "a").text)
    except SpecError as error:
        assert error.diagnostics


@given(st.text("[]{}:,-?#&*!|>'\"%@` \n\tab$1", max_size=40))
@settings(max_examples=1500)
def test_the_characters_of_yaml_in_any_order(text):
    try:
        tree(text)
    except SpecError as error:
        assert all(item.span for item in error.diagnostics)
    else:
        assert is_readable(text)
