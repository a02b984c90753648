"""`netspec fmt`: one form, the same meaning, every comment."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspec.analysis.network import Network
from netspec.cli import main
from netspec.compiler import compile_spec
from netspec.language.fmt.text import formatted, meaning
from netspec.ops.activation import LeakyReLU
from netspec.text.diagnostics import Source, SpecError
from netspec.text.syntax import Mapping, parse
from tests.support import ROOT, SPECS, draws


def fmt(text: str) -> str:
    return formatted(Source("spec.yaml", text))


def names(text: str) -> dict[str, list[str]]:
    """Return what stands below each section, in the order of the file: names that people give."""
    tree = parse(Source("spec.yaml", text))
    assert isinstance(tree, Mapping)
    below = {key.text: value for key, value in tree.items if isinstance(value, Mapping)}
    return {key: [name.text for name, _ in value.items] for key, value in below.items()}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_is_in_canonical_form(path: Path):
    assert fmt(path.read_text()) == path.read_text()


# ------------------------------------------------------------------ the form

CASES = {
    "sections and keys get their order": (
        """\
        # on top
        graph:
            a:  {shape: [8], linear: 8,   bias: false}
        blocks:
          B: {chain: {r: relu}, doc: text}
        outputs: {y1: a}
        name: Net
        netspec:  1
        """,
        """\
        # on top
        netspec: 1
        name: Net
        blocks:
          B: {doc: text, chain: {r: relu}}
        graph:
          a: {linear: 8, bias: false, shape: [8]}
        outputs: {y1: a}
        """,
    ),
    "keywords stand in the op's or the block's order": (
        """\
        blocks: {Conv: {params: [out, k=1], chain: {c: {padding: 1, conv2d: [$out, $k]}}}}
        graph:
          one: {when: train, from: x, padding: 1, stride: 2, conv2d: [8, 3]}
          two: {k: 3, out: 8, Conv: []}
        """,
        """\
        blocks: {Conv: {params: [out, k=1], chain: {c: {conv2d: [$out, $k], padding: 1}}}}
        graph:
          one: {conv2d: [8, 3], stride: 2, padding: 1, from: x, when: train}
          two: {Conv: [], out: 8, k: 3}
        """,
    ),
    "values, shapes and tables stand in columns": (
        """\
        graph:
          a: {Block: [1, 22, 333], shape: [8, 8]}
          # a  header
          long_name: {Block: [1000, 2, 3]}
          b: {Block: [1, 2, $n], shape: [8]}
          c: relu
        """,
        """\
        graph:
          a:         {Block: [    1,  22,  333], shape: [8, 8]}
          # a  header
          long_name: {Block: [ 1000,   2,    3]}
          b:         {Block: [    1,   2,   $n], shape: [8]}
          c:         relu
        """,
    ),
    "branches share their columns": (
        """\
        blocks:
          B:
            join: add
            parallel:
            - one: relu
            -   two_long: relu
                # inside

                three: {linear: 3}
            - []
        """,
        """\
        blocks:
          B:
            parallel:
              - one:      relu
              - two_long: relu
                # inside

                three:    {linear: 3}
              - []
            join: add
        """,
    ),
    "comments keep their column where there is room": (
        """\
        graph:   # first
          a:   relu      # second
          #third
          b: {linear: 100000}  # fourth


          # below
        # zero
        outputs: {y1: b} # last
        """,
        """\
        graph:   # first
          a: relu        # second
          #third
          b: {linear: 100000}  # fourth

          # below
        # zero
        outputs: {y1: b}  # last
        """,
    ),
    "long brackets are filled": (
        """\
        graph:
          a: {conv2d: [640, 3], stride: 2, padding: 1, dilation: 1, groups: 1, bias: true,
            padding_mode: zeros}
          b: {conv2d: [64, 3],
              stride: 2}
          c: {conv2d: [64, 3],  # kept
              stride: 2}
        """,
        """\
        graph:
          a: {conv2d: [640, 3], stride: 2, padding: 1, dilation: 1, groups: 1, bias: true,
              padding_mode: zeros}
          b: {conv2d: [64, 3], stride: 2}
          c: {conv2d: [64, 3],  # kept
              stride: 2}
        """,
    ),
    "texts of several lines move along": (
        """\
        doc: one
            two
        blocks:
             B:
                  doc: |
                     a
                       b

                     c
                  chain:
                      - relu
                      - relu
                      -   conv2d: [1, 2]
                          bias: false
        """,
        """\
        doc: one
             two
        blocks:
          B:
            doc: |
              a
                b

              c
            chain:
              - relu
              - relu
              - conv2d: [1, 2]
                bias: false
        """,
    ),
    "a variant's changes share a column": (
        """\
        remove: [graph.c]
        insert:
          graph.new: {after: a, relu: []}
          params.n:  3
        change: {graph.a: relu, inputs.i: [1,8], blocks.B.params: [a,  b=2]}
        extends: x.yaml
        netspec: 1
        """,
        """\
        netspec: 1
        extends: x.yaml
        change: {graph.a: relu, inputs.i: [1, 8], blocks.B.params: [a, b=2]}
        insert:
          graph.new: {relu: [], after: a}
          params.n:  3
        remove: [graph.c]
        """,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_canonical_form(name):
    before, after = (textwrap.dedent(text) for text in CASES[name])
    assert fmt(before) == after
    assert fmt(after) == after


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1e-4", "1.0e-4"), ("1E5", "1.0e+5"), ("-2e+3", "-2.0e+3"), (".5e3", ".5e+3")],
)
def test_a_number_is_written_so_that_yaml_1_1_reads_it_too(text, wanted):
    before = f"graph: {{a: {{dropout: {text}}}}}\nexpect: {{macs: {text}}}\n"
    after = f"graph: {{a: {{dropout: {wanted}}}}}\nexpect: {{macs: {wanted}}}\n"
    assert fmt(before) == fmt(after) == after
    assert yaml.safe_load(after)["expect"]["macs"] == float(text)


@pytest.mark.parametrize("number", ["1e9", "1E+9", "1.0e+9", "1000000000", "1e-1"])
def test_a_number_in_any_form_means_the_same_everywhere(number):
    """As a parameter, as a block's default, as a bound, and as an argument."""
    text = (
        f"netspec: 1\nname: Net\nparams: {{high: {number}}}\ninputs: {{image: [3]}}\n"
        f"blocks: {{B: {{params: [p={number}], chain: {{a: {{leaky_relu: $p}}}}}}}}\n"
        f"graph:\n  one: {{leaky_relu: {number}}}\n  two: {{leaky_relu: $high}}\n  three: B\n"
        f"outputs: {{y: three}}\nexpect: {{params: <={number}}}\n"
    )
    for spec in (text, fmt(text), text.replace("<=", "<")):
        network = compile_spec(Source("spec.yaml", spec))
        assert {op.negative_slope for op in slopes(network)} == {float(number)}
        assert [item.value for item in network.spec.expect] == [float(number)]


def slopes(network: Network) -> list[LeakyReLU]:
    return [node.op for node in network.graph.nodes.values() if isinstance(node.op, LeakyReLU)]


@pytest.mark.parametrize("text", ["0.1", "'1e-4'", "s=1e-4", "$k", "1e-4x", "<=1.6G"])
def test_what_all_parsers_read_alike_stays(text):
    assert fmt(f"a: [{text}]\n") == f"a: [{text}]\n"


@pytest.mark.parametrize(("end", "kept"), [("\r\n", "\r\n"), ("\n", "\n"), ("\r", "\n")])
def test_byte_order_marks_go_and_line_ends_stay(end, kept, tmp_path):
    path = tmp_path / "a.yaml"
    lines = ["\ufeffnetspec: 1", "name: Net\n# end", "", ""]
    path.write_bytes(end.join(lines).encode())
    assert main(["fmt", str(path)]) == 0
    assert path.read_bytes() == f"netspec: 1{kept}name: Net{kept}# end{kept}".encode()
    assert main(["fmt", "--check", str(path)]) == 0


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_checkout_of_windows_is_canonical(path):
    text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
    assert fmt(text) == text


# ------------------------------------------------------------------ never another meaning

WORDS = st.sampled_from(
    ["a", "b", "c", "one", "conv2d", "relu", "Block", "from", "shape", "doc", "when", "bias"]
) | st.sampled_from(["chain", "parallel", "stride", "add"])
SCALARS = st.sampled_from(
    [
        "1",
        "0.5",
        "true",
        "null",
        "$n",
        "$k // 2",
        "train",
        '"a # b"',
        "'it''s'",
        "<=1.6G",
        "",
        "a b",
    ]
)
COMMENT = st.sampled_from(["", "", "", "", "  # one", " # two - x", "  # {three: [", "   #"])
ABOVE = st.sampled_from(["", "", "", "\n", "# four\n", "\n\n# five: - 6\n", "      # seven\n"])


@st.composite
def flows(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw a scalar or a collection in brackets, on one line or several."""
    gap = draw(st.sampled_from(["", " ", "  ", "\n      ", "  # inner\n      "]))
    if depth == 0 or draw(st.booleans()):
        return draw(SCALARS.filter(bool))
    if draw(st.booleans()):
        items = draw(st.lists(flows(depth - 1), max_size=3))
        return "[" + f",{gap}".join(items) + "]"
    keys = draw(st.lists(WORDS, max_size=3, unique=True))
    return "{" + f",{gap}".join(f"{key}: {draw(flows(depth - 1))}" for key in keys) + "}"


@st.composite
def blocks(draw: st.DrawFn, indent: int = 0, depth: int = 3) -> str:
    """Draw a mapping or a list on lines of its own, with comments and odd spacing."""
    is_list = indent > 0 and draw(st.integers(0, 3)) == 0
    keys = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    lines = ""
    for key in keys:
        lines += textwrap.indent(draw(ABOVE), " " * indent) + " " * indent
        lines += "-" if is_list else f"{key}:"
        if depth and draw(st.integers(0, 2)) == 0:
            inner = indent + draw(st.integers(1, 4))
            lines += draw(COMMENT) + "\n" + draw(blocks(inner, depth - 1))
        else:
            value = textwrap.indent(draw(flows()), " " * indent).lstrip()
            lines += draw(st.sampled_from([" ", "    "])) + value + draw(COMMENT) + "\n"
    return lines


SECTIONS = st.sampled_from(
    ["graph", "blocks", "params", "name", "doc", "outputs", "expect", "inputs"]
) | st.sampled_from(["extends", "change", "insert"])


@st.composite
def specs(draw: st.DrawFn) -> str:
    text = draw(ABOVE)
    for key in draw(st.lists(SECTIONS, min_size=1, max_size=5, unique=True)):
        text += f"{draw(ABOVE)}{key}:{draw(COMMENT)}\n{draw(blocks(2))}"
    return text + draw(ABOVE)


def comments(text: str) -> list[str]:
    """Return the comments that the strategies above make."""
    found = re.findall(r"# (?:one|two - x|\{three: \[|four|five: - 6|seven|inner)", text)
    return sorted(found)


@settings(max_examples=draws(60, 400), deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_the_meaning_and_the_comments_stay(text):
    try:
        before = parse(Source("spec.yaml", text))
    except SpecError:
        return
    once = fmt(text)
    assert meaning(parse(Source("spec.yaml", once))) == meaning(before)
    assert fmt(once) == once
    assert names(once) == names(text)
    assert comments(once) == comments(text)


@settings(max_examples=draws(50, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_disarranged_googlenet_comes_back(data):
    """Spaces outside of comments are put anywhere; the form undoes it, but for tables' headers."""
    text = (ROOT / "specs/googlenet.yaml").read_text()
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 20))):
        i = data.draw(st.integers(0, len(lines) - 1))
        if "#" in lines[i] or "doc:" in lines[i]:
            continue
        lines[i] = re.sub(
            r"(?<=[,:]) +", lambda _: " " * data.draw(st.integers(1, 9)), lines[i], count=3
        )
    assert fmt("\n".join(lines)) == text


# ------------------------------------------------------------------ the command


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("netspec: 1\nname: Net\n")
    bad.write_text("name:  Net\nnetspec: 1\n")
    return [good, bad]


def test_it_rewrites_what_differs(pair):
    before = pair[0].stat().st_mtime_ns
    assert main(["fmt", *map(str, pair)]) == 0
    assert pair[1].read_text() == pair[0].read_text()
    assert pair[0].stat().st_mtime_ns == before


def test_check_only_tells(pair, capsys):
    old = pair[1].read_text()
    assert main(["fmt", "--check", *map(str, pair)]) == 1
    assert capsys.readouterr().out == f"{pair[1]} is not in canonical form\n"
    assert main(["fmt", "--check", str(pair[0])]) == 0
    assert pair[1].read_text() == old


def test_diff_shows(pair, capsys):
    assert main(["fmt", "--diff", *map(str, pair)]) == 1
    text = capsys.readouterr().out
    assert "-name:  Net\n" in text
    assert "+name: Net\n" in text


def test_what_is_no_yaml_is_left(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("a: [1\n")
    assert main(["fmt", str(path)]) == 1
    assert "NS002" in capsys.readouterr().err
    assert path.read_text() == "a: [1\n"


@pytest.mark.long
def test_ten_thousand_layers_keep_their_comments():
    text = "netspec: 1\ngraph:\n" + "".join(f"  x{i}: {{linear:  8}}  # c\n" for i in range(10_000))
    assert fmt(fmt(text)).count("# c") == 10_000
