"""The layers of a block in place of a call of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from netspec.language.model import BlockCall, Chain, Layer, OpCall, Spec, substituted
from netspec.language.terms import Value
from netspec.ops.dim import names


def inlined(spec: Spec, layer: Layer) -> Chain | None:
    """Return a block's chain with the arguments of a call in it, if that is of plain ops alone."""
    if not isinstance(layer.call, BlockCall):
        return None
    block, call = spec.blocks[layer.call.block], layer.call
    body = block.body
    if not isinstance(body, Chain) or not body.named or block.outputs or block.inputs:
        return None
    given: dict[str, Value] = {param.name: param.default for param in block.params.values()}
    given |= {key: argument.value for key, argument in call.arguments.items()}
    if not all(_is_plain(inner, given) for inner in body.layers):
        return None
    return replace(body, layers=tuple(substituted(inner, given) for inner in body.layers))


def _is_plain(layer: Layer, given: Collection[str]) -> bool:
    """Tell whether a layer is an op that reads no parameters but those that are given."""
    if not isinstance(layer.call, OpCall) or layer.index is not None:
        return False
    said = layer.said
    read = (name for argument in layer.call.arguments.values() for name in names(argument.value))
    is_alone = (said.when, said.repeat, said.shape) == (None, None, None)
    return is_alone and all(name in given for name in read)
