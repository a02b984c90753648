"""How many layers an expansion would have, counted without doing it."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics import Sink
from netspec.expand.bind import block_bindings, repeats
from netspec.graph import Bindings
from netspec.spec.model import (
    BlockCall,
    Body,
    Call,
    Layer,
    OpCall,
    Parallel,
    ShareCall,
    Spec,
    chains,
)

MAX_LAYERS = 100_000


class Counter:
    """Counts layers; what a block comes to is kept for each set of its arguments."""

    def __init__(self, spec: Spec, bindings: Bindings, sink: Sink) -> None:
        self._spec = spec
        self._globals = bindings
        self._sink = sink
        self._known: dict[tuple[object, ...], int] = {}

    def check(self) -> None:
        """Report a network that is too large to expand."""
        total = 0
        layers = (*chains(self._spec.model.body)[0].layers, *self._spec.heads)
        for layer in layers:
            total += self._layer(layer, layers, self._globals)
            if self._is_too_many(total):
                message = f"more than {MAX_LAYERS:,} layers after expansion"
                self._sink.error("NS001", message, layer.span, "too many from here on")
                return

    def _is_too_many(self, total: int) -> bool:
        return total > MAX_LAYERS or len(self._known) > MAX_LAYERS

    def _body(self, body: Body, bindings: Bindings) -> int:
        total = int(isinstance(body, Parallel))
        for chain in chains(body):
            for layer in chain.layers:
                total += self._layer(layer, chain.layers, bindings)
                if self._is_too_many(total):
                    return total
        return total

    def _layer(self, layer: Layer, peers: Sequence[Layer], bindings: Bindings) -> int:
        acting = layer
        if isinstance(layer.call, ShareCall):
            name = layer.call.target.name
            acting = next((peer for peer in peers if peer.name == name), layer)
        return (repeats(acting, bindings, Sink()) or 1) * self._call(acting.call, bindings)

    def _call(self, call: Call, bindings: Bindings) -> int:
        if isinstance(call, OpCall | ShareCall):
            return 1
        if not isinstance(call, BlockCall):
            return self._body(call, bindings)
        block = self._spec.blocks[call.block]
        inner = block_bindings(call, block, bindings, Sink())
        if inner is None:
            return 1
        key = (block.name, *(bound.value for bound in inner.values()))
        if key not in self._known:
            self._known[key] = 1
            self._known[key] = self._body(block.body, {**self._globals, **inner})
        return self._known[key]
