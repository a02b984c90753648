"""Where tensors lie: channels side by side, and activations in the place of their input."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis.network import Network
from netspec.language.model import Layer
from netspec.ops.activation import Activation
from netspec.ops.conv import Conv, Conv2d
from netspec.ops.linear import Linear
from netspec.ops.merge import Add
from netspec.ops.norm import BatchNorm
from netspec.rewrite.view import Edit, View

_MOST = 2
"""Of how many multiply-adds one must be a convolution's."""


def channels_last(network: Network) -> set[str]:
    """Return the inputs whose channels should lie side by side, as convolutions are most work."""
    nodes = [node for node in network.graph.inference() if isinstance(node.op, Conv2d)]
    work = sum(network.costs[node.id].macs for node in nodes)
    if work * _MOST < network.totals.inference.macs or not nodes:
        return set()
    images = {name for (name,), shape in network.graph.inputs.items() if len(shape) == 3}
    return images - {*network.spec.integers}


def in_place(view: View) -> Edit | None:
    """Let activations overwrite what nobody else reads."""
    changed: dict[str, Layer | None] = {}
    for layer in view.layers.values():
        above = view.above(layer) if view.is_op(layer, Activation) else None
        is_own = above is not None and view.is_op(above, Conv, Linear, BatchNorm, Add)
        if above is None or not is_own or not view.feeds(above.name, layer.name):
            continue
        if all(_overwrites(op) for op in view.ops(layer.name)) and above.said.when is None:
            kind = type(view.ops(layer.name)[0])
            changed[layer.name] = view.called(layer, kind, inplace=True)
    return replace(view.edit(changed), times=len(changed)) if changed else None


def _overwrites(op: object) -> bool:
    """Tell whether an op could overwrite its input, and does not yet."""
    return isinstance(op, Activation) and getattr(op, "inplace", None) is False
