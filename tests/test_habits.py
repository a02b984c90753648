"""What is legal but hardly meant, and one mistake for all that follows from one."""

from __future__ import annotations

import re

import pytest

from netspec.compiler import compile_spec
from netspec.language.project import Project
from netspec.text.diagnostics import SpecError
from tests.support import SPECS, load, mistakes, one_block


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_no_shipped_spec_warns(path):
    assert load(path).warnings == ()


@pytest.mark.parametrize(
    ("body", "inputs", "codes"),
    [
        ("out: {linear: 4}", "image: [3, 16, 16]", ["NS040"]),
        ("a1: {conv2d: [4, 3]}\nb1: relu\nout: {linear: 4}", "image: [3, 16, 16]", ["NS040"]),
        ("a1: global_avg_pool\nout: {linear: 4}", "image: [3, 16, 16]", ["NS040"]),
        ("a1: {permute: [[0, 2, 3, 1]]}\nout: {linear: 4}", "image: [3, 16, 16]", []),
        (
            "a1: {permute: [[0, 2, 3, 1]]}\nb1: layer_norm\nc1: gelu\nout: {linear: 4}",
            "image: [3, 16, 16]",
            [],
        ),
        ("a1: {flatten: 2}\nout: {linear: 4}", "image: [3, 16, 16]", []),
        ("out: {linear: 4}", "tokens: [16, 32]", []),
        ("a1: flatten\nout: {linear: 4}", "image: [3, 16, 16]", []),
        ("out: relu", "image: [16, 16, 3]", ["NS041"]),
        ("out: relu", "image: [28, 28, 1]", ["NS041"]),
        ("out: relu", "image: [3, 16, 3]", []),
        ("out: relu", "image: [1, 28, 1]", []),
        ("out: {batch_norm2d: 3}", "image: [3, 16, 16]", ["NS042"]),
        ("out: {batch_norm2d: [], eps: 3.0}", "image: [3, 16, 16]", []),
        ("out: {batch_norm2d: 0.001}", "image: [3, 16, 16]", []),
    ],
)
def test_what_is_hardly_meant(body, inputs, codes):
    found = mistakes(one_block(body, inputs))
    assert [(item.code, item.severity) for item in found] == [(c, "warning") for c in codes]


def test_who_names_the_last_dimension_means_it():
    """`$in_features` is the width of a map where a block reads one."""
    text = one_block("out: {Mix: []}", "image: [3, 16, 16]")
    for size, codes in (("$in_features", []), ("2 * $in_features", []), ("32", ["NS040"])):
        block = f"blocks: {{Mix: {{chain: [{{linear: {size}}}]}}}}\n"
        found = mistakes(text.replace("graph:", f"{block}graph:"))
        assert [item.code for item in found] == codes


@pytest.mark.parametrize(
    ("body", "inputs", "underlined", "help"),
    [
        ("out: {conv2d: [3, 4, 3], shape: [4, 14, 14]}", "a: [3, 16, 16]", "3", "{conv2d: [4, 3]}"),
        ("a1: {conv2d: [3, 64, 3]}\nout: {conv2d: [64, 8, 3]}", "a: [3, 16, 16]", "3", "[64, 3]"),
        ("out: {conv2d: [4, 7]}", "a: [16, 16, 3]", "[16, 16, 3]", "write [3, 16, 16]"),
        ("out: {conv2d: [4, 7]}", "a: [1, 3, 16, 16]", "[1, 3, 16, 16]", "write [3, 16, 16]"),
    ],
)
def test_a_habit_behind_a_mistake_is_the_only_one_told(body, inputs, underlined, help):
    (item,) = mistakes(one_block(body, inputs))
    assert item.span.text == underlined and help in item.help
    assert item.severity == "error"


def test_a_habit_that_is_none_is_not_told():
    assert mistakes(one_block("a1: {conv2d: [64, 3, 2]}\nout: {conv2d: [64, 3, 2]}")) == []
    (item,) = mistakes(one_block("a1: {conv2d: [64, 3, 2]}\nout: {conv2d: [32, 30, 2]}"))
    assert item.span.text == "30"


# ------------------------------------------------------------------ one mistake, one message

HEADINGS = re.compile(
    r"^( *)(params|inputs|init|blocks|graph|outputs|chain|parallel|join):.*\n", re.M
)
TEXTS = [path.read_text() for path in SPECS if "extends:" not in path.read_text()]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.split("name: ")[1].split("\n")[0])
def test_a_lost_line_is_one_mistake(text):
    """A heading alone on its line is deleted, or renamed beyond recognition: it is said where."""
    for match in HEADINGS.finditer(text):
        heading = match[2]
        if match[0].split("#")[0].strip() != f"{heading}:":
            continue
        renamed = text[: match.start(2)] + "qwerty" + text[match.end(2) :]
        for changed in (text[: match.start()] + text[match.end() :], renamed):
            (item,) = mistakes(changed)
            assert f"`{heading}" in item.help
            # Line 2 is the whole spec: nothing tells heads that stand in the graph from layers.
            assert item.span.line in (text.count("\n", 0, match.start(2)) + 1, 2)


# ------------------------------------------------------------------ variants

BASE = """\
netspec: 1
name: Net
params: {classes: 4}
inputs: {image: [3, 16, 16]}
blocks:
  Conv: {params: [out], chain: {conv: {conv2d: [$out, 3]}, relu: relu}}
graph:
  one:  {Conv: 8}
  pool: {max_pool2d: 3, stride: 2, shape: [8, 6, 6]}
  two:  {add: [], from: [pool, pool]}
  flat: flatten
  fc:   {linear: $classes}
outputs: {logits: fc}
"""


def refused(tmp_path, patch):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "v.yaml").write_text(f"netspec: 1\nextends: base.yaml\nname: Other\n{patch}\n")
    project = Project(str(tmp_path))
    with pytest.raises(SpecError) as error:
        compile_spec(project.open(str(tmp_path / "v.yaml")), {}, project.load)
    (item,) = error.value.diagnostics
    assert item.span.source.name.endswith("v.yaml")
    return item


@pytest.mark.parametrize(
    ("patch", "underlined", "words"),
    [
        ("remove: [graph.pool]", "graph.pool", "`pool` is removed, but used"),
        ("remove: [graph.fc]", "graph.fc", "`fc` is removed, but used"),
        ("remove: [blocks.Conv]", "blocks.Conv", "`Conv` is removed, but used"),
        ("remove: [outputs.logits]", "outputs.logits", "a network needs an output"),
        ("remove: [inputs.image]", "inputs.image", "a network needs an input"),
        ("remove: [params.classes]", "params.classes", "`classes` is removed, but used"),
        ("remove: [blocks.Conv.conv]", "blocks.Conv.conv", "without `blocks.Conv.conv`: `pool`"),
        ("remove: [pool]", "pool", "write `graph.pool`"),
        ("change: {params.classes: 3}", "params.classes", "`params: {classes: …}`"),
        (
            "change: {graph.pool.stride: 3}",
            "stride",
            "`change: {graph.pool: {max_pool2d: 3, stride: 3}}`",
        ),
        ("change: {graph.one.relu: gelu}", "relu", "write `blocks.Conv.relu`"),
        ("change: {blocks.Conv.chain.relu: gelu}", "chain", "`blocks.Conv.relu`"),
        ("change: {blocks.Conv.join: add}", "join", "a block changes as a whole"),
        ("change: {blocks.Conv.inputs: [a]}", "inputs", "`insert: {blocks.Conv.inputs: …}` adds"),
        ("insert: {params.classes: 3}", "classes", "`params: {classes: …}` gives it another value"),
        ("insert: {inputs.image: [3]}", "image", "`change` replaces it"),
        ("insert: {graph.n: batch_norm2d}", "n", "{batch_norm2d: [], after: one}"),
        ("graph: {one: relu}", "graph", "`change: {graph.NAME: …}`"),
        ("inputs: {image: [3, 8, 8]}", "inputs", "`change: {inputs.NAME: …}`"),
    ],
)
def test_a_variant_says_what_can_be_changed_and_how(tmp_path, patch, underlined, words):
    item = refused(tmp_path, patch)
    assert item.span.text == underlined
    assert words in f"{item.message}; {item.help}"
