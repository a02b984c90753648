"""A mean over windows in front of a 1×1 convolution: both are linear, and the map is smaller."""

from __future__ import annotations

from dataclasses import replace

from netspec.language.model import Chain, Layer
from netspec.language.terms import Ref
from netspec.ops.base import Op, product
from netspec.ops.conv import Conv
from netspec.ops.pool import AvgPool1d, AvgPool2d, AvgPool3d
from netspec.ops.window import every
from netspec.rewrite.view import Edit, View

_MEANS = (AvgPool1d, AvgPool2d, AvgPool3d)


def pool_before_conv(view: View) -> Edit | None:
    """Let a convolution of single pixels read the pooled map in place of the whole one."""
    body = view.body
    if not isinstance(body, Chain) or not body.named:
        return None
    for conv, pool in zip(body.layers, body.layers[1:], strict=False):
        if view.above(pool) is conv and _may_change_places(view, conv, pool):
            return _changed(view, body, conv, pool)
    return None


def _may_change_places(view: View, conv: Layer, pool: Layer) -> bool:
    if not view.is_op(conv, Conv) or not view.is_op(pool, *_MEANS):
        return False
    is_named = pool.name in {ref.name for ref in view.lowered.outputs}
    is_free = not is_named and view.feeds(conv.name, pool.name)
    is_there = conv.said.when is None and pool.said.when is None
    smaller = all(
        product(view.network.shapes[node.id][1:]) < product(x[1:])
        for node, x in zip(view.nodes(pool.name), view.sizes(pool.name), strict=True)
    )
    return (
        is_free
        and is_there
        and smaller
        and all(
            _is_of_pixels(one) and _is_mean(two)
            for one, two in zip(view.ops(conv.name), view.ops(pool.name), strict=True)
        )
    )


def _is_of_pixels(op: Op) -> bool:
    """Tell whether a convolution reads one pixel for one."""
    assert isinstance(op, Conv)
    ones = (op.kernel_size, op.stride)
    is_alone = all(set(every(size, op.spatial)) == {1} for size in ones)
    return is_alone and op.padding in ("same", "valid", 0, (0,) * op.spatial)


def _is_mean(op: Op) -> bool:
    """Tell whether each window's weights add up to 1, so that a bias passes through."""
    assert isinstance(op, _MEANS)
    is_unpadded = set(every(op.padding, op.spatial)) == {0}
    return is_unpadded and getattr(op, "divisor_override", None) is None


def _changed(view: View, body: Chain, conv: Layer, pool: Layer) -> Edit:
    """Return the chain with the two in the other order."""
    first = replace(pool, sources=conv.sources, said=pool.said.model_copy(update={"shape": None}))
    shape = {"shape": pool.said.shape}
    second = replace(conv, sources=(Ref(pool.name),), said=conv.said.model_copy(update=shape))
    layers: list[Layer] = []
    for layer in body.layers:
        if layer in (conv, pool):
            layers.append(first if layer is conv else second)
            continue
        sources = tuple(
            replace(ref, name=conv.name) if ref.name == pool.name else ref for ref in layer.sources
        )
        layers.append(replace(layer, sources=sources))
    return Edit(body, replace(body, layers=tuple(layers)))
