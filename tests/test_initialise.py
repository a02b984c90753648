"""`init:`: every layer's tensors have the distribution that the spec says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from netspec.ops.fillers import FILLERS
from tests.support import ROOT, load, loads, mistakes

HEADS = ("fc", "aux1.fc2", "aux2.fc2")


def bound(weight: torch.Tensor) -> float:
    """Caffe's "xavier": uniform within sqrt(3 / fan_in)."""
    return math.sqrt(3 / weight[0].numel())


def test_googlenet_is_filled_as_caffe_publishes_it():
    torch.manual_seed(0)
    model = load(ROOT / "specs" / "googlenet.yaml").build()
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 64
    for name, layer in layers:
        limit = bound(layer.weight)
        assert layer.weight.abs().max() <= limit
        assert layer.weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.05)
        expected = 0.0 if name in HEADS else 0.2
        assert torch.all(layer.bias == expected), name


@pytest.mark.long
def test_googlenet_bn_is_filled_as_torchvision_does():
    torch.manual_seed(0)
    model = load(ROOT / "specs" / "googlenet_bn.yaml").build()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.numel() > 4000:
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.1)
            assert abs(layer.weight.mean().item()) < 1e-3


NET = """
netspec: 1
name: Net
params: {deep: 1}
inputs: {image: [3, 8, 8]}
init:
  conv2d: {weight: {constant_: 3}, bias: zeros_}
graph:
  a: {conv2d: [4, 1]}
  b: {conv2d: [4, 1], bias: false, init: {weight: {constant_: 5}}}
  c: [{conv2d: [4, 1], init: {bias: ones_}}, relu]
  d: {chain: [{conv2d: [4, 1], init: {bias: {constant_: 9}}}], repeat: 2}
  none: {conv2d: [4, 1], when: $deep > 2, init: {bias: ones_}}
  scale: {parameter: [[4, 1, 1]], init: {constant_: 7}}
  out: {mul: [], from: [none, scale]}
outputs: {result: out}
"""


def test_a_layer_overrides_its_op():
    model = loads(NET).build()
    values = {name: tensor.unique().item() for name, tensor in model.state_dict().items()}
    assert values == {
        "a.weight": 3,
        "a.bias": 0,
        "b.weight": 5,
        "c.0.weight": 3,
        "c.0.bias": 1,
        "d.0.0.weight": 3,
        "d.0.0.bias": 9,
        "d.1.0.weight": 3,
        "d.1.0.bias": 9,
        "scale": 7,
    }


@pytest.mark.parametrize("name", FILLERS)
def test_names_and_defaults_are_those_of_torch(name):
    import inspect

    theirs = dict(inspect.signature(getattr(nn.init, name)).parameters)
    theirs.pop("tensor")
    theirs.pop("generator", None)
    fields = FILLERS[name].model_fields
    assert list(fields) == list(theirs)
    for key, field in fields.items():
        assert field.is_required() or field.default == theirs[key].default


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{conv2: {weight: zeros_}}", "NS020", "conv2d"),
        ("{conv2d: {weights: zeros_}}", "NS011", "weight"),
        ("{conv2d: {weight: zero_}}", "NS020", "zeros_"),
        ("{conv2d: {weight: {constant_: []}}}", "NS033", ""),
        ("{conv2d: {weight: {normal_: [], stddev: 1}}}", "NS031", "std"),
        ("{conv2d: {weight: {constant_: much}}}", "NS035", ""),
    ],
)
def test_mistakes(text, code, words):
    old = "{weight: {constant_: 3}, bias: zeros_}"
    found = mistakes(NET.replace(f"\n  conv2d: {old}", f" {text}"))
    assert [item.code for item in found] == [code]
    assert words in found[0].help
