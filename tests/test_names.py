"""Names become attributes of modules: what Python and torch.nn.Module need is refused."""

from __future__ import annotations

import keyword
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from netspec.language.names import MODULE_ATTRIBUTES
from tests.support import loads, mistakes, one_block, verified


def public_attributes() -> set[str]:
    """Return what a layer's name would hide: attributes of the class and of an instance."""
    names = {*dir(nn.Module), *vars(nn.Module()), *nn.Module.__annotations__}
    return {name for name in names if not name.startswith("_")}


def test_the_list_is_that_of_the_installed_torch():
    missing = public_attributes() - MODULE_ATTRIBUTES
    assert missing == set(), "add them to MODULE_ATTRIBUTES"
    # Attributes of other versions of torch stay refused: a spec should build with all of them.
    assert MODULE_ATTRIBUTES - public_attributes() <= {"ipu", "mtia", "set_submodule", "xpu"}


@pytest.mark.parametrize("name", sorted({*keyword.kwlist, *public_attributes()} - {"None"}))
def test_a_reserved_name_is_refused_with_another(name):
    spec = one_block(f"{name}: relu\nout: relu")
    found = [item for item in mistakes(spec) if item.code in ("NS014", "NS006", "NS013")]
    assert len(found) == 1
    if name not in ("True", "False"):
        assert found[0].span.text == name
        assert f"`{name}_layer`" in found[0].help
        assert mistakes(spec.replace(f"{name}: relu", f"{name}_layer: relu")) == []


@pytest.mark.parametrize("name", ["torch", "nn", "self", "x", "super", "print", "list", "match"])
def test_names_that_only_look_dangerous_build_and_run(name):
    import netspec

    spec = one_block(f"{name}: {{conv2d: [3, 1]}}\nout: {{add: [], from: [{name}, image]}}")
    model = netspec.loads(spec).build()
    import torch

    assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    assert f"{name}.weight" in model.state_dict()


def test_soft_keywords_are_names():
    for name in set(keyword.softkwlist) - {"_", "type"}:
        assert mistakes(one_block(f"{name}: relu\nout: relu")) == []


def test_reading_names_does_not_import_torch():
    code = "import sys, netspec.language.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


AMBIGUOUS = """\
netspec: 1
name: I
params: {O: 4}
inputs: {I: [4, 8, 8], x: [4, 8, 8]}
blocks:
  Two:
    params: [l, I]
    inputs: [O, x]
    chain:
      a: {conv2d: [$l, 1], from: O}
      l: {conv2d: [$I, 1], from: x}
      c: {concat: [], from: [a, l]}
  O:
    params: [x, act=relu]
    outputs: [l, O]
    chain:
      l: {conv2d: [$x, 1], repeat: 2}
      I: {constant: 0.5, size: [1, 1, 1]}
      act: $act
      b: {mul: [], from: [act, l]}
      O: {add: [], from: [b, I]}
  P: {chain: {l: sigmoid}}
graph:
  two: {Two: [$O, 2], from: [I, x]}
  O: {O: [4], act: P}
  l: {conv2d: [4, 1], from: O.l}
  cat: {concat: [], from: [l, two, O.O]}
  c: {chunk: 2, names: [l, I]}
  s: {add: [], from: [c.l, c.I]}
  m: {mul: [], from: [c.l, s]}
  head: {conv2d: [4, 1], when: train, from: m}
outputs: {l: s, I: m, O: head}
"""


def test_names_that_look_like_digits(tmp_path: Path) -> None:
    """Variables have others; classes and attributes are as the spec calls them."""
    net = loads(AMBIGUOUS)
    source = net.to_python()
    assert verified(net.network, source) == []
    assert "self.l = " in source and "O.l.0.weight" in net.build().state_dict()
    (tmp_path / "net.py").write_text(source)
    for command in (["format", "--diff"], ["check", "--select", "E,F,B,PYI,RUF,PIE,RET"]):
        line = ("ruff", *command, "--isolated", str(tmp_path))
        result = subprocess.run(line, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout
