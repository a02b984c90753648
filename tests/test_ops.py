"""Every op against PyTorch: what it refuses, shapes, state, costs, defaults and names.

PyTorch runs on real CPU tensors, because the meta device accepts more than the kernels do (a
circular padding beyond the input) and its Python kernels are slower than tiny real ones.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Iterator
from functools import reduce
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from test_ops_table import TABLE, Arguments
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from netspec.dim import Shape, is_known, name, names, substitute
from netspec.ops.arguments import Fixed
from netspec.ops.base import REGISTRY, Call, Infix, Input, Op

SETTINGS = 10_000
FLOP_SETTINGS = 200
SYMBOLIC_SETTINGS = 1_000
BATCH = 11  # which no size and no product of sizes is, so that a mixed batch shows
OPERATORS = {"+": operator.add, "*": operator.mul}
Shapes = tuple[Shape, ...]


class Seen(NamedTuple):
    """What a layer makes of its inputs, here or in PyTorch."""

    shape: Shape
    weights: dict[str, Shape]
    buffers: dict[str, Shape]


def ours(op: Op, shapes: Shapes) -> Seen | None:
    """Return what netspec says, None where it refuses."""
    if op.rank is not None and any(len(x) != op.rank for x in shapes):
        return None
    if any(True for _ in op.check(*shapes)):
        return None
    return Seen(op.shape(*shapes), op.weights(*shapes), op.buffers(*shapes))


def theirs(op: Op, shapes: Shapes) -> Seen | None:
    """Return what PyTorch does, None where it raises, mixes images or makes an empty tensor."""
    call = op.torch(*shapes)
    try:
        layer, output = run(call, op.is_module, [torch.zeros((BATCH, *x)) for x in shapes])
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, ZeroDivisionError):
        return None
    if output.dim() == 0 or output.shape[0] != BATCH or output.numel() == 0:
        return None
    weights = {key: tuple(value.shape) for key, value in layer.named_parameters()}
    buffers = {key: tuple(value.shape) for key, value in layer.named_buffers()}
    return Seen(tuple(output.shape[1:]), weights, buffers)


def run(call: Call | Infix, is_module: bool, inputs: list[Tensor]) -> tuple[nn.Module, Tensor]:
    """Build what a generated file would hold, and run it."""
    if isinstance(call, Infix):
        return nn.Identity(), reduce(OPERATORS[call.operator], inputs)
    package, _, attribute = call.function.rpartition(".")
    function = getattr({"nn": nn, "torch": torch, "F": F}[package], attribute)
    if is_module:
        layer = function(*call.args, **call.kwargs)
        return layer, layer(*inputs)
    places = {Input.ONE: inputs[0], Input.ALL: inputs}
    args = [places[value] if isinstance(value, Input) else value for value in call.args]
    return nn.Identity(), function(*args, **call.kwargs)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No gradients, no threads, no random weights: only shapes are looked at."""
    for layer in (nn.modules.conv._ConvNd, nn.Linear):
        monkeypatch.setattr(layer, "reset_parameters", lambda self: None)
    torch.set_num_threads(1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def validate(op_name: str, arguments: Arguments) -> Op | None:
    try:
        return REGISTRY[op_name].model_validate(arguments)
    except ValidationError:
        return None


def accepted(op_name: str, count: int) -> Iterator[tuple[Op, Shapes]]:
    """Yield settings that are accepted."""
    r = Random(f"accepted {op_name}")
    while count:
        arguments, shapes = TABLE[op_name].draw(r)
        op = validate(op_name, arguments)
        if op is not None and ours(op, shapes) is not None:
            count -= 1
            yield op, shapes


@pytest.mark.parametrize("op_name", TABLE)
def test_pytorch_agrees(op_name: str) -> None:
    row, r = TABLE[op_name], Random(op_name)
    refused = 0
    for _ in range(SETTINGS):
        arguments, shapes = row.draw(r)
        op = validate(op_name, arguments)
        expected = None if op is None else ours(op, shapes)
        refused += expected is None
        if expected is None and row.stricter(arguments, shapes):
            continue
        found = _theirs(op_name, op, arguments, shapes)
        assert expected == found, (arguments, shapes)
        if found is not None:
            assert list(found.weights) == list(expected.weights)
            assert list(found.buffers) == list(expected.buffers)
    assert refused < 0.85 * SETTINGS
    assert refused > 0.1 * SETTINGS if row.refuses else refused == 0


def _theirs(op_name: str, op: Op | None, arguments: Arguments, shapes: Shapes) -> Seen | None:
    """Ask PyTorch even where netspec has refused the arguments themselves."""
    raw = op or REGISTRY[op_name].model_construct(**arguments)
    try:
        raw.torch(*shapes)
    except (IndexError, ZeroDivisionError):  # too few dimensions to infer anything from
        return None
    return theirs(raw, shapes)
