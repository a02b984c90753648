"""Mistakes of one word or line in a shipped spec: said at their place, with what to type."""

from __future__ import annotations

import re

import pytest

from netspec.analysis.repair.series import following, left_out
from netspec.compiler import compile_spec
from netspec.language.project import Project
from netspec.text.diagnostics import Diagnostic, SpecError
from netspec.text.syntax import decode
from tests.support import SPECS

CONV = "{conv2d: [512, 3], padding: 1}, relu,\n"
CASES = {
    "number in an expression": ("resnext50_32x4d", "2, 3]", "4, 3]", "write `2` in place of `4`"),
    "negative in an expression": (
        "resnext50_32x4d",
        r"\* 2, 1\]",
        "* -2, 1]",
        "write `2` in place",
    ),
    "doubled line": ("vgg16", CONV, CONV + " " * 15 + CONV, "delete the line"),
    "deleted line": ("vgg16", CONV, "", "write the line once more"),
    "deleted change": (
        "resnext50_32x4d",
        r"  blocks.Bottleneck.conv1.*\n",
        "",
        "conv1: {conv2d: [$w",
    ),
    "deleted heading": ("googlenet", r"init:.*\n", "", "write `init:` on a line above `conv2d`"),
    "deleted expectation": ("resnet34", r"expect: (.*)\n", "", "write `expect: {params: 21797672"),
    "another name": ("googlenet", r"\[\$out, \$k\]", "[$out, $aux_weight]", "write `$k` in place"),
    "unused name": ("googlenet", r"\[\$proj, 1\]", "[$n3x3r, 1]", "write `$proj` in place of"),
    "word for an op": ("vgg16", "1}, relu,\n", "1}, size,\n", "write `relu`"),
    "op of another line": ("vgg16", "max_pool2d: 2, shape", "flatten: 2, shape", "`max_pool2d`"),
    "key for an op": ("vgg16", "{conv2d: .128", "{classes: [128", "write `conv2d`"),
    "parameter of a variant": ("resnet152", "n4: 36", "params: 36", "write `n4`"),
    "name of a section": ("resnet101", "extends", "xtends", "did you mean `extends`?"),
    "reserved parameter": ("googlenet", r"\[out, k,", "[out, from,", "write `k` here"),
    "lines turned round": (
        "googlenet",
        r"(  pool5:.*\n)(.*\n)",
        r"\2\1",
        "exchange lines 63 and 64",
    ),
    "indented heading": ("inception_v3", "  InceptionC:", "    InceptionC:", "indent it by 2"),
    "closer doubled": ("googlenet", r"128\], shape: \[832", "128]], shape: [832", "delete the `]`"),
    "comma moved": (
        "alexnet_tv",
        "max_pool2d: 3, str",
        "max_pool2d: ,3 str",
        "write `3,` in place",
    ),
    "doubled heading": ("resnext50_32x4d", "doc: >\n", "doc: >\ndoc: >\n", "delete one"),
    "path of a variant": ("resnext50_32x4d", "  (?=blocks.*conv2)", "", "indent it by 2"),
    "indented text": ("vgg16", "(?<=doc: >\n) ", "  ", "indent it by 2"),
    "number far off in an expression": ("googlenet", "// 2}", "// 18}", "write `2` in place"),
    "number of a variant": ("googlenet_bn", r"\$k // 2", "$k // 3", "write `2` in place of `3`"),
    "dollar moved": ("resnext50_32x4d", r"\$width", "w$idth", "write `$w` in place of `w$`"),
    "kernel too large": ("inception_v3", "stride: 1, padding: 1", "stride: 1, padding: 10", "`1`"),
}


def changed(name: str, pattern: str, new: str) -> tuple[Diagnostic, ...]:
    """Return what is said of a shipped spec with the first match of a pattern replaced."""
    path = next(path for path in SPECS if path.stem == name)
    text, count = re.subn(pattern, new, path.read_text(), count=1)
    assert count
    project = Project(None)
    project.open(str(path))
    source = decode(text.encode(), str(path))
    project._directories[source] = path.parent
    with pytest.raises(SpecError) as error:
        compile_spec(source, {}, project.load)
    return error.value.diagnostics


@pytest.mark.parametrize("case", CASES)
def test_one_mistake_is_told_once_with_its_cure(case):
    name, pattern, new, help = CASES[case]
    plain = pattern if pattern != CONV else re.escape(CONV)
    (item,) = changed(name, plain, new)
    assert help in item.help


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_few_series_of_a_shipped_spec_have_a_gap(path):
    assert len(list(left_out(decode(path.read_bytes(), path.name)))) <= 2


def test_a_series_goes_on():
    names = ("conv1", "inception_4b", "conv9", "conv3x3", "relu", "branch_z")
    assert [*map(following, names)] == ["conv2", "inception_4c", "conv10", "", "", ""]
    text = "graph:\n  conv1: relu\n  relu1: relu\n  relu2: relu\n  conv3: relu\n"
    ((place, name),) = left_out(decode(text.encode(), "a.yaml"))
    assert (place.text, name) == ("relu2", "conv2")


def test_a_spec_that_says_nothing_of_itself_proves_nothing():
    text = "netspec: 1\nname: N\ninputs: {x: [3]}\ngraph: {a: qqq}\noutputs: {y: a}\n"
    with pytest.raises(SpecError) as error:
        compile_spec(decode(text.encode(), "a.yaml"))
    assert "with which" not in error.value.diagnostics[0].help


def test_a_head_that_reads_itself_is_a_cycle():
    text = "netspec: 1\nname: N\ninputs: {x: [3]}\ngraph: {a: relu}\n"
    text += "outputs: {y: a, z: {relu: [], from: z, when: train}}\n"
    with pytest.raises(SpecError) as error:
        compile_spec(decode(text.encode(), "a.yaml"))
    assert error.value.diagnostics[0].code == "NS022"
