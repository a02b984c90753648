"""Width multipliers: a fraction times an integer is an integer where it is one, in code too."""

from __future__ import annotations

import subprocess

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.ops.dim import Expr, integer, name, python, real, substitute
from tests.support import compiled, loads, mistakes, mostly, verified

SPEC = """\
netspec: 1
name: Net
params: {width: 0.75, channels: 16, drop: 0.5, times: 0.5}
inputs: {image: [3, 32, 32]}
blocks:
  Conv:
    params: [out, factor=1.0, super=0.5]
    chain:
      conv: {conv2d: [$out * $factor, 3], padding: 1, shape: [$out * $factor, null, null]}
      wide: {conv2d: [$out * $factor * 2 + $out * $super, [1, $super * 6]]}
      drop: {dropout: $super}
  Half:
    params: [out]
    chain:
      conv: {conv2d: [$out * $width // 1, 1]}
      pool: {adaptive_avg_pool2d: [[$width * 4, null]]}
graph:
  one: {Conv: [$channels * $width, 0.5]}
  two: {Conv: [$channels * $width, 1, 0.5], repeat: $times * 4, first: {factor: 0.5}}
  low: {Half: $channels}
  flat: {global_avg_pool: []}
  end: flatten
  gain: {scale: $drop * 2}
  out: {linear: $channels * $width}
outputs: {y1: out}
"""


@pytest.mark.parametrize("width", mostly(["0.75", "2"], [0.25, 0.5, 0.75, 1.0, 2]))
def test_a_width_multiplier_runs_as_inferred(width):
    net = loads(SPEC, width=width)
    assert verified(net.network, net.to_python()) == []
    assert net.network.graph.nodes["one", "conv"].op.out_channels == 16 * width / 2
    assert net.build()(torch.zeros(1, 3, 32, 32)).shape == (1, 16 * width)


@pytest.mark.long
def test_the_code_has_the_arithmetic_and_the_types(tmp_path):
    source = loads(SPEC).to_python()
    assert "int(out * factor)" in source and "super_: float = 0.5" in source
    assert "int(out * 0.75 // 1)" in source
    path = tmp_path / "net.py"
    path.write_text(source)
    for command in (["mypy", "--strict", "--no-warn-return-any"], ["ruff", "format", "--check"]):
        result = subprocess.run([*command, str(path)], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


INTEGERS = ("a", "b")
REALS = ("x", "y")
leaves = st.one_of(
    st.integers(1, 9), st.sampled_from(INTEGERS).map(name), st.sampled_from(REALS).map(real)
)
expressions = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "//"]), inner, inner).map(
        lambda parts: Expr(parts[0], parts[1:])
    ),
    max_leaves=8,
)
values = st.fixed_dictionaries(
    {key: st.integers(1, 64) for key in INTEGERS}
    | {key: st.integers(1, 64).map(lambda eighths: eighths / 8) for key in REALS}
)


@given(expressions, values)
def test_code_gives_the_integer_that_is_inferred(expression, env):
    try:
        inferred = substitute(expression, env)
    except ZeroDivisionError:
        return
    if isinstance(inferred, int):
        written = eval(python(integer(expression)), {}, dict(env))
        assert (written, type(written)) == (inferred, int)
    else:
        is_name = isinstance(expression, Expr) and expression.op == "real"
        assert is_name or not inferred.is_integer()


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("{conv2d: [$k * $w, 3]}", "8 * 0.3 = 2.4 is no integer; `$k * $w // 1` rounds it down"),
        ("{conv2d: [8, [1, $k * $w]]}", "8 * 0.3 = 2.4 is no integer"),
        ("{relu: [], repeat: $k * $w}", "8 * 0.3 = 2.4 is no integer"),
        ("{relu: [], shape: [$k * $w, null, null]}", "8 * 0.3 = 2.4 is no integer"),
    ],
)
def test_what_is_no_integer_is_refused_with_its_arithmetic(line, help):
    spec = "netspec: 1\nname: Net\nparams: {k: 8, w: 0.3}\ninputs: {image: [3, 9, 9]}\n"
    (item,) = mistakes(f"{spec}graph:\n  out: {line}\noutputs: {{y1: out}}\n")
    assert item.code == "NS035" and item.help.startswith(help)


@pytest.mark.parametrize("channels", mostly(["9"], [8, 9, 10, 11]))
def test_the_cure_of_a_fraction_rounds_it_down(channels):
    line = "out: {conv2d: [$k * $w // 1, 3]}"
    head = (
        f"netspec: 1\nname: Net\nparams: {{k: {channels}, w: 0.3}}\ninputs: {{image: [3, 9, 9]}}\n"
    )
    net = loads(f"{head}graph:\n  {line}\noutputs: {{y1: out}}\n")
    assert net.network.shapes["out",][0] == channels * 3 // 10
    assert verified(net.network, net.to_python()) == []


def test_a_literal_with_a_point_is_no_integer():
    (item,) = mistakes(
        "netspec: 1\nname: Net\ninputs: {image: [3, 9, 9]}\n"
        "graph: {out: {conv2d: [64.0, 3]}}\noutputs: {y1: out}\n"
    )
    assert (item.code, item.span.text, item.help) == ("NS035", "64.0", "write `64`")


def test_null_is_any_size_of_a_contract():
    spec = (
        "netspec: 1\nname: Net\ninputs: {image: [3, 9, 9]}\ngraph: {out: {relu: [], shape: %s}}\n"
    )
    spec += "outputs: {y1: out}\n"
    for shape in ("[3, null, null]", "[null, 9, 9]", "[null, null, null]"):
        assert compiled(spec % shape).warnings == ()
    for shape in ("[4, null, null]", "[3, null]", "[3, null, 8]"):
        assert [item.code for item in mistakes(spec % shape)] == ["NS055"]
