"""Functions in a list become modules that compute the same."""

from __future__ import annotations

import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netspec.emit.torch.layout import flat, literal
from netspec.emit.torch.wrappers import wrapper_call, wrapper_source
from netspec.ops.base import REGISTRY
from netspec.ops.split import Cut
from tests.support import loads, verified
from tests.test_op_facts import output, settings

WRAPPED = [
    name
    for name, op in REGISTRY.items()
    if not op.is_module and op.reads[0] == 1 and not issubclass(op, Cut)
]


@pytest.mark.parametrize("name", WRAPPED)
def test_a_module_does_what_its_function_does(name: str) -> None:
    found = 0
    for op, x in islice(settings(name), 20):
        assert op.is_wrapped
        scope: dict[str, Any] = {"nn": nn, "torch": torch, "Tensor": Tensor, "F": F}
        made = op.torch(x)
        exec(wrapper_source(op, made), scope)
        call = wrapper_call("Wrapped", made)
        scope["Wrapped"] = scope["".join(word.title() for word in name.split("_"))]
        module = eval(flat(literal(call)), scope)
        image = torch.rand(2, *x, dtype=torch.float64) + 0.5
        assert torch.equal(module(image), output(op, image))
        found += 1
    assert found


LISTS = """\
netspec: 1
name: Net
inputs: {image: [8, 4, 4]}
blocks:
  Permute: {chain: [{permute: [[0, 2, 3, 1]]}, {linear: 6}, {permute: [[0, 3, 1, 2]]}]}
  Exp: {params: [flag], chain: [{conv2d: [8, 1]}, {exp: [], when: $flag, else: nothing}, relu]}
  Keys:
    params: [keys]
    chain:
      - {reshape: [[16, -1]]}
      - {scale: $keys}
      - {multihead_attention: 2}
      - {linear: 3}
graph:
  one: {Permute: [], repeat: 2}
  two: {Exp: true}
  three: {Exp: false}
  more:
    - [{mean: 1, keepdim: true}, {normalize: [], dim: 2}, {pow: 2}, {clamp: [], max: 3.0}]
    - {chain: [neg, {roll: [1, 2]}, {pad: [[0, 0, 1, 1]], value: 2}], repeat: 2}
    - {parallel: [[{scale: 0.5}], [{conv2d: [1, 1]}, exp]], join: add}
  keys: {Keys: 2.0, from: three}
  other: {Keys: 3.0, from: two}
outputs: {a: more, b: keys, c: other}
"""


@pytest.mark.long
def test_lists_with_functions_are_plain_code(tmp_path: Path) -> None:
    net = loads(LISTS)
    source = net.to_python()
    assert verified(net.network, source) == []
    for line in (
        "Permute_((0, 2, 3, 1)),",
        "*([Exp_()] if flag else []),",
        'x = self["2"](x, x, x, need_weights=False)[0]',
        "nn.Sequential(Neg(), Roll(1, 2), Pad((0, 0, 1, 1), value=2))",
    ):
        assert line in source
    (tmp_path / "net.py").write_text(source)
    for command in (
        ("ruff", "format", "--isolated", "--diff"),
        ("ruff", "check", "--isolated", "--select", "E,F,W,I,UP,B,SIM,PYI,RUF,PIE,RET"),
        ("mypy", "--strict", "--no-warn-return-any"),
    ):
        result = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + source
