"""Linear operations that follow each other become one, where that is less work."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import cast

from netspec.graph.model import Node, NodeId
from netspec.language.model import Layer, OpCall
from netspec.ops.base import Op, numbers
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.rewrite.fold import may_absorb, with_bias
from netspec.rewrite.tensors import Arithmetic, Made
from netspec.rewrite.view import Edit, Source, View


def join_linear(view: View) -> Edit | None:
    """Let a linear layer, or a convolution, do the work of two with nothing in between."""
    for second in view.layers.values():
        first = view.above(second)
        if first and _are_alike(view, first, second) and may_absorb(view, first, second):
            windowed = _windowed(view, first, second)
            if windowed:
                joined = _joined(view, first, second, windowed)
                tensors = {first.name: _tensors(view, first.name, second.name)}
                changed = {first.name: joined, second.name: None}
                return view.edit(changed, {second.name: first.name}, tensors)
    return None


def _are_alike(view: View, first: Layer, second: Layer) -> bool:
    """Tell whether both are linear layers, or both convolutions of one group."""
    kinds = [
        kind for kind in (Conv, Linear) if view.is_op(first, kind) and view.is_op(second, kind)
    ]
    ops = (op for layer in (first, second) for op in view.ops(layer.name))
    return bool(kinds) and all(getattr(op, "groups", 1) == 1 for op in ops)


def _windowed(view: View, first: Layer, second: Layer) -> Layer | None:
    """Return whose windows one layer would have in place of two, if it can be and is less work."""
    pairs = [*zip(view.nodes(first.name), view.nodes(second.name), strict=True)]
    if not all(_is_less(view, *pair) for pair in pairs):
        return None
    if all(_is_of_pixels(two.op) for _, two in pairs):
        return first
    return second if all(_passes_padding(one.op, two.op) for one, two in pairs) else None


def _is_less(view: View, one: Node, two: Node) -> bool:
    """Tell whether one layer takes fewer multiply-adds than two."""
    between, *read = numbers(one.op.weights(view.network.shapes[one.inputs[0]])["weight"])
    before, after = (view.network.costs[node.id].macs for node in (one, two))
    return after * prod(read) < (before + after) * between


def _is_of_pixels(op: Op) -> bool:
    return not isinstance(op, Conv) or op.is_of_pixels


def _passes_padding(one: Op, two: Op) -> bool:
    """Tell whether what pads the output of single pixels is what padded pixels would give."""
    assert isinstance(one, Conv) and isinstance(two, Conv)
    is_kept = not one.bias or not two.is_padded or two.padding_mode != "zeros"
    return one.is_of_pixels and is_kept


def _joined(view: View, first: Layer, second: Layer, windowed: Layer) -> Layer:
    """Return the layer that does the work of two with the windows of one."""
    wide, call = (cast("OpCall", layer.call) for layer in (second, windowed))
    key = wide.op.channels[0]
    joined = view.called(windowed, type(call.op), **{key: wide.arguments[key].value})
    ops = (op for layer in (first, second) for op in view.ops(layer.name))
    if any(getattr(op, "bias", False) for op in ops):
        joined = with_bias(joined)
    said = joined.said.model_copy(update={"shape": second.said.shape})
    return replace(joined, name=first.name, sources=first.sources, said=said)


def _tensors(view: View, first: str, second: str) -> Source:
    """Return where weight and bias of a layer come from that does the work of two."""
    biased = {
        (node.id[:-1], name)
        for name in (first, second)
        for node in view.nodes(name)
        if getattr(node.op, "bias", False)
    }

    def source(tensor: str, place: NodeId) -> Arithmetic:
        weights = [view.old(place, name, "weight") for name in (first, second)]
        if tensor == "weight":
            return Made("joined_weight", tuple(weights))
        before, after = (
            view.old(place, name, "bias") if (place, name) in biased else None
            for name in (first, second)
        )
        return Made("joined_bias", (before, weights[1], after))

    return source
