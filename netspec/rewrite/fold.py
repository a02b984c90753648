"""Batch normalisation behind a convolution or a linear layer becomes part of its weights."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from netspec.graph.model import NodeId
from netspec.language.model import Layer, OpCall
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm, InstanceNorm2d
from netspec.rewrite.tensors import Arithmetic, Made, Old
from netspec.rewrite.view import Edit, Source, View, same_condition


def fold_batch_norm(view: View) -> Edit | None:
    """Fold batch normalisations into the layers that they alone read."""
    changed: dict[str, Layer | None] = {}
    instead: dict[str, str] = {}
    tensors: dict[str, Source] = {}
    for norm in view.layers.values():
        above = view.above(norm)
        if above and _is_foldable(view, above, norm):
            changed |= {norm.name: None, above.name: _absorbing(above, norm)}
            instead[norm.name] = above.name
            tensors[above.name] = _folded(view, above.name, norm.name)
    return replace(view.edit(changed, instead, tensors), times=len(instead)) if changed else None


def _is_foldable(view: View, layer: Layer, norm: Layer) -> bool:
    if not view.is_op(norm, BatchNorm) or not view.is_op(layer, Conv, Linear):
        return False
    tracked = all(
        not isinstance(op, InstanceNorm2d) and getattr(op, "track_running_stats", False)
        for op in view.ops(norm.name)
    )
    # The channels of both are the same dimension: a linear layer's is the last one.
    is_vector = not view.is_op(layer, Linear) or all(
        len(size) == 1 for size in view.sizes(norm.name)
    )
    return tracked and is_vector and may_absorb(view, layer, norm)


def may_absorb(view: View, layer: Layer, below: Layer) -> bool:
    """Tell whether a layer with a bias can do the work too of one that alone reads it."""
    assert isinstance(layer.call, OpCall)
    return (
        view.feeds(layer.name, below.name)
        and view.may_go(below)
        and same_condition(layer, below)
        and "bias" not in [*layer.call.arguments][: layer.call.positional]
    )


def with_bias(layer: Layer) -> Layer:
    """Return a layer that has a bias."""
    call = layer.call
    assert isinstance(call, OpCall)
    arguments = {key: value for key, value in call.arguments.items() if key != "bias"}
    op = type(call.op).model_validate({key: x.value for key, x in arguments.items()})
    return replace(layer, call=replace(call, op=op, arguments=arguments))


def _absorbing(layer: Layer, norm: Layer) -> Layer:
    """Return a layer that has a bias, and says of its output what the normalisation said."""
    said = layer.said.model_copy(update={"shape": norm.said.shape or layer.said.shape})
    return replace(with_bias(layer), said=said)


def _folded(view: View, layer: str, norm: str) -> Source:
    """Return where weight and bias of a layer come from that does a normalisation's work too."""
    layers = {node.id[:-1]: node.op for node in view.nodes(layer)}
    norms = {node.id[:-1]: cast("BatchNorm", node.op) for node in view.nodes(norm)}

    def source(tensor: str, place: NodeId) -> Arithmetic:
        def old(owner: str, key: str, is_there: bool = True) -> Old | None:
            return view.old(place, owner, key) if is_there else None

        op = norms[place]
        scaling = old(norm, "weight", op.affine), old(norm, "running_var"), op.eps
        if tensor == "weight":
            return Made("folded_weight", (old(layer, "weight"), *scaling))
        bias = old(layer, "bias", getattr(layers[place], "bias", True))
        shift = old(norm, "bias", op.affine), old(norm, "running_mean")
        return Made("folded_bias", (bias, *shift, *scaling))

    return source
