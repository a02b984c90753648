"""Whatever text a spec holds, the generated code is the same program; odd names are only names."""

from __future__ import annotations

import ast
import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netspec
from netspec import __version__
from netspec.compiler import compile_spec
from netspec.diagnostics import SpecError
from netspec.emit.torch.module import to_python
from netspec.syntax import decode

SPEC = """
netspec: 1
name: Net
doc: {doc}
params: {{classes: 10}}
inputs: {{image: [3, 8, 8]}}
blocks:
  Block:
    doc: {block}
    params: [out]
    chain: {{conv: {{conv2d: [$out, 3], padding: 1, doc: {layer}}}, relu: relu}}
graph:
  a: {{Block: 4, doc: {layer}}}
  pool: {{adaptive_avg_pool2d: 1}}
  flat: flatten
  fc: {{linear: $classes}}
outputs: {{result: fc, aux: {{linear: 2, from: flat, when: train, weight: 0.5, doc: {layer}}}}}
"""
ALLOWED = (
    ast.Module, ast.ImportFrom, ast.Import, ast.alias, ast.ClassDef, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Expr, ast.Assign, ast.AnnAssign, ast.Return, ast.If, ast.For,
    ast.Call, ast.keyword,
    ast.Attribute, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Tuple, ast.List, ast.Starred,
    ast.Subscript, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Compare, ast.cmpop,
    ast.IfExp, ast.GeneratorExp, ast.comprehension,
)  # fmt: skip
FIELDS = ("doc", "block", "layer")


def source_of(file: str = "spec.yaml", **texts: str) -> str:
    quoted = {key: json.dumps(texts.get(key, "benign")) for key in FIELDS}
    network = compile_spec(decode(SPEC.format(**quoted).encode(), file))
    return to_python(network, __version__)


def shape(source: str) -> str:
    """Return a program without its text constants."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        assert isinstance(node, ALLOWED), ast.dump(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


BENIGN = shape(source_of())
EVIL = st.text() | st.lists(
    st.sampled_from(
        ["'''", '"""', "\\", "\n", "\r", "#", "{", "}", "import os", "\\N{DASH}", "'", '"']
    )
).map("".join)


@pytest.mark.parametrize("field", FIELDS)
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=EVIL)
def test_a_text_changes_nothing_but_texts(field, text):
    try:
        source = source_of(**{field: text})
    except SpecError:
        return
    assert shape(source) == BENIGN


@settings(max_examples=1000, deadline=None)
@given(name=EVIL)
def test_a_file_name_changes_nothing_but_a_comment(name):
    assert shape(source_of(file=name)) == BENIGN


@pytest.mark.parametrize(
    "name",
    [
        "torch",
        "nn",
        "self",
        "x",
        "super",
        "print",
        "list",
        "Tensor",
        "F",
        "out",
        "range",
        "input_",
        "isinstance",
    ],
)
def test_a_name_that_looks_dangerous_is_only_a_name(name):
    text = f"""
netspec: 1
name: Net
params: {{{name if name[0].islower() else "p"}: 4}}
inputs: {{image: [3, 8, 8]}}
blocks:
  Block:
    params: [{name}]
    inputs: [left]
    chain:
      {name}1: {{conv2d: [${name}, 1]}}
      {name}: {{scale: ${name}}}
      sum: {{add: [], from: [{name}, {name}1]}}
graph:
  {name}: {{Block: 5}}
  again: {{conv2d: [5, 1], from: {name}}}
  both: {{add: [], from: [{name}, again]}}
  pool: global_avg_pool
  flat: flatten
  fc: {{linear: ${name if name[0].islower() else "p"}}}
outputs: {{result: fc}}
"""
    model = netspec.loads(text).build()
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 4)
