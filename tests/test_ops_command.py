"""`netspec ops`: what exists, and what one op takes and gives."""

from __future__ import annotations

import pytest

from netspec.cli import main
from netspec.emit.opsdoc import shape_rule
from netspec.ops.base import REGISTRY


def test_the_list_has_every_op(capsys):
    assert main(["ops"]) == 0
    words = capsys.readouterr().out.split()
    assert set(REGISTRY) <= set(words)


@pytest.mark.parametrize("op", REGISTRY)
def test_a_page_has_every_argument(op, capsys):
    assert main(["ops", op]) == 0
    text = capsys.readouterr().out
    lines = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert set(REGISTRY[op].model_fields) <= set(lines)
    assert "shape:" in lines
    assert all(len(line) <= 100 or "http" in line for line in text.splitlines())


def test_defaults_and_ranges(capsys):
    main(["ops", "max_pool2d"])
    text = capsys.readouterr().out
    assert text.startswith("max_pool2d: [kernel_size, stride=null, padding=0, dilation=1, ceil")
    assert "`true` or `false`; default false" in " ".join(text.split())


RULES = {
    "relu": "the output has the input's shape",
    "add": "the output has the common shape of the inputs",
    "conv1d": "L = (length + 2 * padding - (dilation * (kernel_size - 1) + 1)) // stride + 1",
    "linear": "channels × height × width → channels × height × out_features",
    "concat": "channels × height × width → (channels1 + channels2) × height × width",
    "permute": "for example 8×6×4 → 6×8×4 with dims: [0, 2, 1, 3]",
    "pixel_shuffle": "C = channels // (upscale_factor * upscale_factor)",
}


@pytest.mark.parametrize("op", RULES)
def test_the_shape_rule_is_the_ops_own(op):
    assert RULES[op] in shape_rule(REGISTRY[op])


def test_a_misspelt_op_is_answered_with_the_nearest(capsys):
    assert main(["ops", "max_pol2d"]) == 2
    assert "did you mean `max_pool2d`?" in capsys.readouterr().err
    assert main(["ops", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err
