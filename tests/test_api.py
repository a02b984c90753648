"""What a Python user types first, against the module that it builds."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from tests.support import SPECS

SPEC = """
netspec: 1
name: Net
params: {path: 4, features: 6, text: 5}
inputs: {image: [3, 8, 8]}
graph:
  conv: {conv2d: [$path, 3]}
  flat: flatten
  wide: {linear: $text}
  fc: {linear: $features}
outputs: {logits: fc}
"""


def test_numbers_and_shapes_are_those_of_the_module() -> None:
    path = next(path for path in SPECS if path.stem == "googlenet")
    net = netspec.load(Path(path))
    names = [name for name, _ in net.build().eval().named_modules()]
    assert net.params["classes"] == 1000
    assert (net.parameters, net.macs, net.depth) == (6_998_552, 1_582_671_872, 22)
    assert net.inputs == {"image": (3, 224, 224)}
    assert {*net.outputs.values()} == {(1000,)}
    assert net.layers["inception_3a.conv3x3.conv"] == (128, 28, 28)
    assert "inception_3a.conv3x3.conv" in names


def test_parameters_may_be_called_as_arguments_of_ours_are(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(SPEC)
    net = netspec.load(file, path=2, features=7, text=1)
    assert net.params == {"path": 2, "features": 7, "text": 1}
    assert netspec.loads(SPEC, text=3).params["text"] == 3
    assert net.build(features=9).fc.out_features == 9


def test_a_value_that_the_call_gives_is_named_where_it_is_to_blame():
    path = next(path for path in SPECS if path.stem == "nin")
    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path, classes=0)
    (found,) = caught.value.diagnostics
    assert found.span.text == "classes: 1000" and found.label == "`classes` is given as 0"
