"""Specs that are sound, and of which no class can be written: what is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NoReturn

from netspec.language.model import Block, BlockCall, Call, Chain, Layer, Parallel, walk
from netspec.language.terms import Argument
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, SpecError


def refuse_repeat(layer: Layer, repeat: Argument, deciding: Collection[Layer]) -> NoReturn:
    """Refuse a repetition by a block's parameter that no expression can describe.

    `deciding` are layers in it under conditions that decide how many channels it gives.
    """
    message = f"the channels of `{layer.name}` grow unevenly, so its `repeat` must be a number"
    keeps = "repeat a block whose output has as many channels as its input"
    if deciding:
        message = f"how many channels the copies of `{layer.name}` read depends on a `when:` in "
        message += "them, so its `repeat` must be a number"
        keeps += ", whether the condition holds or not"
    notes = tuple(
        Label(one.condition.span, f"where this holds, `{one.name}` gives other channels")
        for one in deciding
        if one.condition
    )
    help = f"write the count here, or {keeps}"
    code = Code.IRREGULAR_REPEAT
    raise SpecError([Diagnostic(code, message, repeat.span, notes=notes, help=help)])


def refuse_choice(layer: Layer) -> NoReturn:
    """Refuse a choice by a block's parameter that gives another number of dimensions."""
    assert layer.condition is not None
    message = f"with `{layer.name}` the block gives another number of dimensions than without"
    help = "write two blocks, or give the condition to a layer that keeps the dimensions"
    raise SpecError([Diagnostic(Code.RANK_BY_CONDITION, message, layer.condition.span, help=help)])


def inside(call: Call, blocks: Mapping[str, Block]) -> Iterator[Layer]:
    """Yield the layers of what a call uses, those of the blocks inside included."""
    body = blocks[call.block].body if isinstance(call, BlockCall) else call
    if isinstance(body, Chain | Parallel):
        for layer in walk(body):
            yield layer
            if isinstance(layer.call, BlockCall):
                yield from inside(layer.call, blocks)
