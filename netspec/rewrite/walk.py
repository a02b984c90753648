"""Every layer of a spec, changed by one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netspec.language.model import Body, Chain, Layer, Parallel, Spec

Change = Callable[[Layer], Layer]


def mapped(spec: Spec, change: Change) -> Spec:
    """Return a spec without heads with every layer changed, inline bodies before what is around."""
    blocks = {
        name: replace(block, body=_body(block.body, change)) for name, block in spec.blocks.items()
    }
    model = replace(spec.model, body=_body(spec.model.body, change))
    return replace(spec, blocks=blocks, model=model)


def _body(body: Body, change: Change) -> Body:
    if isinstance(body, Parallel):
        return replace(body, branches=tuple(_chain(branch, change) for branch in body.branches))
    return _chain(body, change)


def _chain(chain: Chain, change: Change) -> Chain:
    return replace(chain, layers=tuple(_layer(layer, change) for layer in chain.layers))


def _layer(layer: Layer, change: Change) -> Layer:
    if isinstance(layer.call, Chain | Parallel):
        layer = replace(layer, call=_body(layer.call, change))
    return change(layer)
