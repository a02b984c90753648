"""The order in which the layers of a chain run, and which of them are needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from netspec.language.model import Layer


def execution_order(layers: Sequence[Layer], heads: Iterable[Layer] = ()) -> list[Layer]:
    """Return layers so that each follows what it reads, in the file's order where that is free.

    A head runs right behind what it reads. Layers on a cycle are left out.
    """
    everything = [*layers, *heads]
    rank = _ranks(layers, everything)
    waiting = {id(layer): 0 for layer in everything}
    readers: dict[str, list[Layer]] = {}
    names = {layer.name for layer in everything}
    for layer in everything:
        for name in {ref.name for ref in layer.sources} & names:
            readers.setdefault(name, []).append(layer)
            waiting[id(layer)] += 1
    ready = [(rank[id(layer)], i) for i, layer in enumerate(everything) if not waiting[id(layer)]]
    position = {id(layer): i for i, layer in enumerate(everything)}
    heapq.heapify(ready)
    order = []
    while ready:
        layer = everything[heapq.heappop(ready)[1]]
        order.append(layer)
        for reader in readers.get(layer.name, ()):
            waiting[id(reader)] -= 1
            if not waiting[id(reader)]:
                heapq.heappush(ready, (rank[id(reader)], position[id(reader)]))
    return order


def _ranks(layers: Sequence[Layer], everything: list[Layer]) -> dict[int, float]:
    """Rank layers by their line; a head by the last line that it reads."""
    line = {layer.name: float(i) for i, layer in enumerate(layers)}
    ranks = {id(layer): line[layer.name] for layer in layers}
    for layer in everything[len(layers) :]:
        ranks[id(layer)] = max((line.get(ref.name, -1) for ref in layer.sources), default=-1) + 0.5
    return ranks
