"""Every code has a name that is used, an explanation, and examples that yield it and do not."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pytest
import torch

import netspec
from netspec.cli.common import diagnose
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, SpecError
from netspec.text.explain import codes, explain
from tests.support import ROOT

EXAMPLE = re.compile(r"^```(yaml|prototxt|onnx) (\S+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
"""Sources in a page about a code: "wrong", "right", and files that they extend."""
NAMES = {name: code for name, code in vars(Code).items() if not name.startswith("_")}
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "netspec").rglob("*.py")}


def found_in(text: str, directory: Path, others: dict[str, str]) -> list[Diagnostic]:
    """Return what is said about a spec beside other files, up to its PyTorch code."""
    from netspec.emit.torch.module import to_python

    for name, content in {**others, "spec.yaml": text}.items():
        (directory / name).write_text(content)
    options = Namespace(set=[], ops=[], strict=False, root=str(directory))
    network, items = diagnose(str(directory / "spec.yaml"), options)
    if network is not None:
        try:
            to_python(network, "0")
        except SpecError as error:
            return list(error.diagnostics)
    return list(items)


def imported(text: str, directory: Path, others: dict[str, str]) -> list[Diagnostic]:
    """Return what is said about a prototxt, up to the spec that it becomes."""
    from netspec.importer import caffe
    from netspec.importer.spec import imported

    try:
        return list(imported(caffe.read(Source("net.prototxt", text))).warnings)
    except SpecError as error:
        return list(error.diagnostics)


def imported_onnx(text: str, directory: Path, others: dict[str, str]) -> list[Diagnostic]:
    """Return what is said about ONNX's text form, up to the spec that it becomes."""
    import onnx

    from netspec.importer.onnx import import_graph
    from netspec.importer.onnx_file import parsed

    data = onnx.parser.parse_model(text).SerializeToString()
    try:
        return list(import_graph(parsed(data, "net.onnx"), "Net").network.warnings)
    except SpecError as error:
        return list(error.diagnostics)


def test_every_code_is_explained():
    assert sorted(codes()) == sorted(NAMES.values())


def test_every_name_of_a_code_is_used_and_none_is_typed_as_text():
    used = {name for text in TEXTS.values() for name in re.findall(r"Code\.([A-Z_]+)", text)}
    assert used == set(NAMES)
    typed = {file for file, text in TEXTS.items() if re.search(r'"NS\d{3}"', text)}
    assert typed == {"netspec/text/codes.py"}


SOURCE = re.compile(r"^```python (\S+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
"""Modules in a page about what is imported: "wrong" and "right"."""
IMPORTING = [code for code in codes() if SOURCE.search(explain(code))]


@pytest.mark.parametrize("code", IMPORTING)
def test_the_wrong_module_yields_exactly_its_code_and_the_right_one_none(code, tmp_path):
    models = {}
    for word, text in SOURCE.findall(explain(code)):
        (tmp_path / "model.py").write_text(text)
        scope: dict[str, object] = {}
        exec(compile(text, str(tmp_path / "model.py"), "exec"), scope)
        models[word] = scope["model"]
    x = torch.zeros(2, 3, 8, 8)
    with pytest.raises(SpecError) as caught:
        netspec.import_module(models["wrong"], x)
    assert {item.code for item in caught.value.diagnostics} == {code}
    assert netspec.import_module(models["right"], x).parameters


@pytest.mark.parametrize("code", [code for code in codes() if code not in IMPORTING])
def test_the_wrong_example_yields_exactly_its_code_and_the_right_one_none(code, tmp_path):
    found = EXAMPLE.findall(explain(code))
    said = {"yaml": found_in, "prototxt": imported, "onnx": imported_onnx}[found[0][0]]
    examples = {name: text for _, name, text in found}
    wrong, right = examples.pop("wrong"), examples.pop("right")
    assert {item.code for item in said(wrong, tmp_path, examples)} == {code}
    assert said(right, tmp_path, examples) == []


def test_an_unknown_code_is_no_path():
    for code in ("NS999", "../../../etc/passwd", "", "NS0011", "ns018"):
        with pytest.raises(KeyError):
            explain(code)
