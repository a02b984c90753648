"""Copies: `$i`, `splice:` and `copies:` mean what layers mean that are written one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support import compiled, draws, loads, mistakes, verified

SPEC = """\
netspec: 1
name: Net
params: {{total: 8, deep: 3}}
inputs: {{image: [3, 16, 16]}}
blocks:
  Unit:
    params: [out, drop=0.0, stride=1]
    chain: {{conv: {{conv2d: [$out, 3], stride: $stride, padding: 1}}, drop: {{dropout: $drop}}}}
  Dense:
    chain: {{conv: {{conv2d: [4, 1]}}, all: {{concat: [], from: [input, conv]}}}}
graph:
  stem: {{conv2d: [$total / 2, 1]}}
  part: {part}
outputs: {{y1: part}}
"""


def keys(part: str) -> list[str]:
    """Return the state_dict keys of a layer of the network, once the module is proved."""
    net = loads(SPEC.format(part=part))
    assert verified(net.network, net.to_python()) == []
    found = [key for key in net.build().state_dict() if key.startswith("part.")]
    return [key.removeprefix("part.") for key in found]


def drops(part: str) -> list[float]:
    model = loads(SPEC.format(part=part)).build()
    return [module.p for module in model.modules() if isinstance(module, nn.Dropout)]


def test_copies_have_the_names_that_count_on():
    for first, names in {
        "denselayer1": ["denselayer1", "denselayer2", "denselayer3"],
        "block1-0": ["block1-0", "block1-1", "block1-2"],
        "encoder_layer_9": ["encoder_layer_9", "encoder_layer_10", "encoder_layer_11"],
    }.items():
        for use in ("Dense: []", "Unit: 8", "Unit: 8, first: {stride: 2}", "conv2d: [$i + 1, 1]"):
            found = keys(f"{{{use}, repeat: 3, copies: {first}}}")
            assert list(dict.fromkeys(key.partition(".")[0] for key in found)) == names


@pytest.mark.parametrize("count", ["3", "$deep"])
def test_each_copy_gets_its_number(count):
    values = [0.1 * (i + 6) / 17 for i in range(3)]
    for more in ("", ", first: {stride: 2}", ", copies: unit1"):
        assert drops(f"{{Unit: 8, drop: 0.1 * ($i + 6) / 17, repeat: {count}{more}}}") == values
    first = f"{{Unit: 8, drop: $i / 17, repeat: {count}, first: {{drop: 0.5 + $i}}}}"
    assert drops(first) == [0.5, 1 / 17, 2 / 17]


def test_copies_that_differ_by_their_number_are_one_line_of_code():
    source = loads(SPEC.format(part="{Unit: 4, drop: 0.1 * ($i + 6) / 17, repeat: 9}")).to_python()
    assert "*(Unit(4, 4, drop=0.1 * (i + 6) / 17) for i in range(9))" in source


ITEMS = ("Unit: 8", "Dense: []", "conv2d: [8, 1]", "conv2d: [4 * $i + 4, 1]", "relu: []")
FUNCTION = "scale: 0.5"


@settings(max_examples=draws(8, 60), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ITEMS), st.integers(1, 4)), min_size=1, max_size=4))
def test_a_splice_is_its_copies_written_one_by_one(items: Sequence[tuple[str, int]]) -> None:
    spliced = [f"{{{text}, splice: {count}}}" for text, count in items]
    written = [
        f"{{{text.replace('$i', str(i))}}}".replace(f"4 * {i} + 4", str(4 * i + 4))
        for text, count in items
        for i in range(count)
    ]
    for function in ([], [f"{{{FUNCTION}}}"]):  # without one the list is an nn.Sequential
        parts = [f"[{', '.join([*function, *some])}]" for some in (spliced, written)]
        assert keys(parts[0]) == keys(parts[1])
        models = [loads(SPEC.format(part=part)).build().eval() for part in parts]
        models[1].load_state_dict(models[0].state_dict(), strict=True)
        image = torch.randn(1, 3, 16, 16)
        assert torch.equal(*(model(image) for model in models))


@settings(max_examples=draws(10, 60), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ITEMS), st.integers(1, 4)), min_size=1, max_size=4))
def test_copies_with_names_are_layers_of_their_chain(items: Sequence[tuple[str, int]]) -> None:
    spliced, written = [], []
    for number, (text, count) in enumerate(items):
        spliced.append(f"line{number}: {{{text}, splice: {count}, copies: c{number}_1}}")
        for i in range(count):
            one = text.replace("4 * $i + 4", str(4 * i + 4))
            written.append(f"c{number}_{i + 1}: {{{one}}}")
    read = f"sum: {{add: [], from: [c{number}_{count}, c0_1], when: false}}"
    parts = [f"{{chain: {{{', '.join([*some, read])}}}}}" for some in (spliced, written)]
    assert keys(parts[0]) == keys(parts[1])
    codes = [loads(SPEC.format(part=part)).to_python().splitlines()[2:] for part in parts]
    assert codes[0] == codes[1]


def test_a_contract_of_spliced_copies_is_about_the_last():
    text = SPEC.format(part="[{conv2d: [4 * $i + 4, 1], splice: 3, shape: [12, 16, 16]}]")
    assert compiled(text)
    found = mistakes(text.replace("[12, ", "[8, "))
    assert "`part.2` gives" in found[0].message


@pytest.mark.long
def test_names_and_numbers_survive_torch_compile_and_export():
    part = "{Unit: 8, drop: $i / 9, repeat: 3, first: {stride: 2}, copies: block1-0}"
    model = loads(SPEC.format(part=part)).build().eval()
    image = torch.randn(1, 3, 16, 16)
    compiled_model = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled_model(image), model(image))
    exported = torch.export.export(model, (image,))
    assert [*exported.state_dict] == [*model.state_dict()]
    assert any(re.search("block1-2", key) for key in exported.state_dict)
