"""Expressions: what is read, what is refused, and arithmetic on names that agrees with numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ops.dim import Expr, ExprError, equal, name, names, parse, python, substitute

NAMES = ("a", "b", "c")
leaves = st.one_of(
    st.integers(0, 9), st.sampled_from([0.5, 0.1, 1.25]), st.sampled_from(NAMES).map(name)
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*"]), inner, inner),
        st.tuples(st.just("/"), inner, st.integers(1, 9)),
    ).map(lambda parts: Expr(parts[0], parts[1:])),
    max_leaves=12,
)
values = st.fixed_dictionaries({text: st.integers(-5, 9) for text in NAMES})


@given(expressions, values)
def test_written_expressions_mean_what_they_are(expression, env):
    assert substitute(expression, env) == eval(python(expression), {}, dict(env))


@given(expressions, values)
def test_reading_what_was_written_gives_the_same_value(expression, env):
    text = python(expression)
    for key in NAMES:
        text = text.replace(key, f"${key}")
    if len(text) <= 200:
        assert substitute(parse(text), env) == substitute(expression, env)


@given(expressions, expressions, values)
def test_equal_expressions_have_equal_values(left, right, env):
    if equal(left, right):
        assert substitute(left, env) == pytest.approx(substitute(right, env))


@pytest.mark.parametrize(
    ("left", "right"),
    [("$a + $b", "$b + $a"), ("2 * $a", "$a + $a"), ("($a + $b) * 2", "2 * $a + 2 * $b")],
)
def test_the_same_size_written_differently(left, right):
    assert equal(parse(left), parse(right))


@pytest.mark.parametrize(
    "text",
    [
        "$k ** 2",
        "2 << 3",
        "$k / 0",
        "$k * .5",
        "$k * 1.",
        "f($k)",
        "$k if $k",
        "$",
        "$k $k",
        "(",
        "1 +",
        "$k // 0",
        "$k.real",
    ],
)
def test_what_is_no_expression(text):
    with pytest.raises(ExprError):
        parse(text)


def test_limits():
    with pytest.raises(ExprError):
        parse("$a+" * 70 + "1")
    with pytest.raises(ExprError):
        parse("999999999 * 999999999 * 999999999")
    with pytest.raises(OverflowError):
        substitute(parse("$a * $a"), {"a": 10**9})


def test_arithmetic_on_a_pair_is_refused():
    with pytest.raises(TypeError):
        substitute(parse("$k // 2"), {"k": (1, 7)})


def test_names_come_from_left_to_right():
    assert list(names(parse("$b + $a * $b"))) == ["b", "a", "b"]
