"""`netspec diff`: layers, sizes, and which weights still load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netspec
from netspec.cli import main
from netspec.emit.diff import Difference, diff
from tests.support import ROOT, compiled

PAIR = [str(ROOT / "specs" / name) for name in ("googlenet.yaml", "googlenet_bn.yaml")]

BASE = """\
netspec: 1
name: Net
params: {classes: 10}
inputs: {image: [3, 8, 8]}
blocks:
  Conv: {params: [out], chain: {conv: {conv2d: [$out, 1]}, relu: relu}}
graph:
  one:  {Conv: 4}
  two:  {Conv: 4}
  last: {add: [], from: [one, two]}
  flat: flatten
  fc:   {linear: $classes}
outputs: {y1: fc}
"""


def between(*changes: tuple[str, str]) -> Difference:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return diff(compiled(BASE), compiled(text))


def layers(difference: Difference) -> list[tuple[str, str, str]]:
    return [(change.mark, change.id, change.text) for change in difference.layers]


def test_a_network_does_not_differ_from_itself():
    same = between()
    assert (same.layers, same.weights, same.kept) == ((), (), 6)


def test_arguments_are_compared_one_by_one():
    found = between(
        ("two:  {Conv: 4}", "two:  {Conv: 4, repeat: 1}"),
        ("$classes}", "7}"),
        ("[$out, 1]", "[$out, 1], bias: false"),
    )
    assert ("~", "fc", "out_features: 10 → 7") in layers(found)
    assert ("~", "one.conv", "bias: true → false") in layers(found)
    assert ("-", "two.conv", "conv2d out_channels: 4, kernel_size: 1") in layers(found)


def test_a_new_layer_does_not_change_its_neighbours():
    assert layers(between(("  flat:", "  act:  relu\n  flat:"))) == [("+", "act", "relu")]


def test_another_source_is_a_change():
    found = layers(between(("from: [one, two]", "from: [two, one]")))
    assert found == [("~", "last", "from: one.relu, two.relu → two.relu, one.relu")]


def test_another_op_is_a_change():
    found = layers(between(("relu: relu", "relu: {leaky_relu: 0.1}")))
    assert found[0] == ("~", "one.relu", "relu → leaky_relu negative_slope: 0.1")


def test_the_weights_that_load_are_those_that_torch_loads():
    import torch

    before, after = (netspec.load(path).build() for path in PAIR)
    old, new = before.state_dict(), after.state_dict()
    result = diff(*(netspec.load(path).network for path in PAIR))
    marks = {change.id: change.mark for change in result.weights}
    for key in old.keys() | new.keys():
        shapes = [tuple(state[key].shape) if key in state else None for state in (old, new)]
        wanted = {shapes[0]: None, None: "-"}.get(shapes[1], "~") if shapes[0] else "+"
        assert marks.get(key) == wanted, key
    assert result.kept == len(old.keys() | new.keys()) - len(marks)
    loaded = {k: v for k, v in old.items() if k not in marks}
    missing = after.load_state_dict(loaded, strict=False)
    assert not missing.unexpected_keys
    assert isinstance(before, torch.nn.Module)


def test_text_groups_the_uses_of_a_block(capsys):
    assert main(["diff", *PAIR]) == 0
    text = capsys.readouterr().out
    assert "  + ConvReLU.norm  batch_norm2d eps: 0.001  (59 times, first conv1.norm)\n" in text
    assert "  ~ pool4  kernel_size: 3 → 2, stride: 2 → null\n" in text
    assert "layers: 59 added, 2 removed, 64 changed\n" in text
    assert "weights: 60 of 364 tensors still load; 295 added, 59 removed, 9 changed\n" in text
    row = next(line for line in text.splitlines() if line.startswith("parameters  "))
    assert row.split()[1:] == ["6,998,552", "6,624,904", "-373,648"]
    assert "multiply-adds with heads " in text


def test_json_holds_everything(capsys):
    assert main(["diff", *PAIR, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["before"]["params"], document["after"]["params"]) == (6998552, 6624904)
    assert (document["before"]["macs"], document["after"]["macs"]) == (1582671872, 1498376192)
    assert document["layers"]["changed"]["drop"] == "p: 0.4 → 0.2"
    assert document["weights"]["kept"] == 60
    assert len(document["weights"]["added"]) == 295


def test_parameters_inputs_and_outputs(capsys, tmp_path):
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    paths[0].write_text(BASE)
    paths[1].write_text(BASE.replace("classes: 10", "classes: 5").replace("[3, 8, 8]", "[3, 9, 9]"))
    assert main(["diff", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    assert "with heads" not in text
    for line in ("~ classes: 10 → 5", "~ image: [3, 8, 8] → [3, 9, 9]", "~ y1: [10] → [5]"):
        assert line in text


@pytest.mark.parametrize("side", [0, 1])
def test_a_wrong_spec_is_reported(side, tmp_path, capsys):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(BASE.replace("flatten", "flaten"))
    pair = [str(wrong), PAIR[0]][:: -1 if side else 1]
    assert main(["diff", *pair]) == 1
    output = capsys.readouterr()
    assert "did you mean `flatten`?" in output.err
    assert output.out == ""
    assert Path(wrong).name in output.err
