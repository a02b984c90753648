"""A mean over windows and a 1×1 convolution in the cheaper order: both are linear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netspec.graph.model import Node
from netspec.language.model import INPUT, Chain, Layer, Parallel
from netspec.language.terms import Ref
from netspec.ops.base import Op
from netspec.ops.conv import Conv
from netspec.ops.pool import AvgPool1d, AvgPool2d, AvgPool3d
from netspec.ops.window import every
from netspec.rewrite.inline import inlined
from netspec.rewrite.view import Edit, View, unused

_MEANS = (AvgPool1d, AvgPool2d, AvgPool3d)
_LESS = 2
"""How many times less must be added up to pay for a normalisation that is folded no longer."""


def order_pools(view: View) -> Edit | None:
    """Let a mean run before a convolution of single pixels, or behind it where that is less."""
    chains = view.body.branches if isinstance(view.body, Parallel) else (view.body,)
    for chain in chains:
        for first, second in zip(chain.layers, chain.layers[1:], strict=False):
            if not chain.named or not _are_neighbours(view, first, second):
                continue
            if _may_change_places(view, first, second):
                return _exchanged(view, first, second)
            if opened := _opened(view, first, second):
                return view.edit({first.name: None, second.name: opened})
    return None


def _are_neighbours(view: View, first: Layer, second: Layer) -> bool:
    """Tell whether the second layer reads the first one, and nothing else does."""
    is_there = first.said.when is None and second.said.when is None
    return view.above(second) is first and view.feeds(first.name, second.name) and is_there


def _may_change_places(view: View, first: Layer, second: Layer) -> bool:
    if not all(view.is_op(layer, Conv, *_MEANS) for layer in (first, second)):
        return False
    is_named = second.name in {ref.name for ref in view.lowered.outputs}
    pairs = zip(view.nodes(first.name), view.nodes(second.name), strict=True)
    return not is_named and all(_is_better(view, *pair) for pair in pairs)


def _is_better(view: View, one: Node, two: Node) -> bool:
    """Tell whether two ops can change places, and whether that is less work.

    A convolution without bias passes any weights of a window; a bias needs those that add up to 1.
    """
    conv, mean = (one.op, two.op) if isinstance(one.op, Conv) else (two.op, one.op)
    if not isinstance(conv, Conv) or not isinstance(mean, _MEANS) or not conv.is_of_pixels:
        return False
    x = view.network.shapes[one.inputs[0]]
    before = [view.network.costs[node.id] for node in (one, two)]
    after = [two.op.cost(x), one.op.cost(two.op.shape(x))]
    macs, most = (sum(cost.macs for cost in costs) for costs in (after, before))
    is_cheap = sum(x.other for x in after) * _LESS <= sum(x.other for x in before)
    return (not conv.bias or _is_mean(mean)) and (macs < most or (macs == most and is_cheap))


def _is_mean(op: Op) -> bool:
    """Tell whether each window's weights add up to 1."""
    assert isinstance(op, _MEANS)
    is_whole = set(every(op.padding, op.spatial)) == {0} or not op.count_include_pad
    return is_whole and getattr(op, "divisor_override", None) is None


def _exchanged(view: View, first: Layer, second: Layer) -> Edit:
    """Return the body with two layers in the other order."""
    upper = {"shape": None}
    lower = {"shape": second.said.shape}
    moved = {
        first: replace(second, sources=first.sources, said=second.said.model_copy(update=upper)),
        second: replace(
            first, sources=(Ref(second.name),), said=first.said.model_copy(update=lower)
        ),
    }

    def chain(old: Chain) -> Chain:
        others = _reading(first.name, second.name, old.layers)
        layers = [moved.get(layer, new) for layer, new in zip(old.layers, others, strict=True)]
        return replace(old, layers=tuple(layers))

    body = view.body
    if isinstance(body, Chain):
        return Edit(body, chain(body))
    branches = (chain(branch) if branch.named else branch for branch in body.branches)
    return Edit(body, replace(body, branches=tuple(branches)))


def _reading(name: str, other: str, layers: Iterable[Layer]) -> list[Layer]:
    """Return layers that read one in place of another."""
    return [
        replace(
            layer,
            sources=tuple(
                replace(ref, name=name) if ref.name == other else ref for ref in layer.sources
            ),
        )
        for layer in layers
    ]


def _opened(view: View, pool: Layer, layer: Layer) -> Layer | None:
    """Return a layer whose block starts with a convolution, with a mean right behind that."""
    body = inlined(view.network.spec, layer) if view.is_op(pool, *_MEANS) else None
    if body is None or not view.is_plain(layer):
        return None
    conv, *others = body.layers
    uses = ((*view.at(place, layer.name), conv.name) for place in view.places)
    found = filter(None, map(view.network.graph.nodes.get, uses))
    pairs = [*zip(view.nodes(pool.name), found, strict=True)]
    reads = [ref.name for other in others for ref in other.sources]
    if INPUT in reads or not all(_is_better(view, *pair) for pair in pairs):
        return None
    name = unused(pool.name, [INPUT, *(each.name for each in body.layers)])
    said = pool.said.model_copy(update={"shape": None})
    inner = replace(pool, name=name, sources=(Ref(conv.name),), said=said)
    layers = (conv, inner, *_reading(name, conv.name, others))
    return replace(layer, call=replace(body, layers=layers), sources=pool.sources)
