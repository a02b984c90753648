"""A network cut down to some of its intermediate feature maps, which become its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec import costs, shapes
from netspec.diagnostics import Sink, suggest
from netspec.expand import expand
from netspec.network import Network
from netspec.spec.model import Chain, Layer, Output, Ref, Spec


class FeatureError(ValueError):
    """A feature that is no layer of the graph."""


def select(network: Network, names: Sequence[str]) -> Network:
    """Return the network that gives the named layers of the graph; what they do not need is gone.

    Its weights have the same keys as the whole network's. Raises FeatureError.
    """
    spec = _cut(network.spec, list(dict.fromkeys(names)))
    sink = Sink()
    graph = expand(spec, network.graph.params, sink)
    sizes, _ = shapes.infer(graph)
    work = costs.measure(graph, sizes)
    totals = costs.sum_up(graph, work)
    return replace(network, spec=spec, graph=graph, shapes=sizes, costs=work, totals=totals)


def _cut(spec: Spec, names: Sequence[str]) -> Spec:
    graph = spec.model.body
    assert isinstance(graph, Chain)
    layers = {layer.name: layer for layer in graph.layers if not layer.train_only}
    for name in names:
        if name not in layers:
            hint = suggest(name, layers) or "features are layers of `graph`"
            raise FeatureError(f"{spec.name} has no layer `{name}`; {hint}")
    needed = _needed(layers, names)
    kept = tuple(layer for layer in graph.layers if layer.name in needed)
    body = replace(graph, layers=kept)
    outputs = tuple(Output(name, layers[name].span, Ref(name)) for name in names)
    inputs = {name: shape for name, shape in spec.inputs.items() if name in needed}
    model = replace(spec.model, body=body, inputs=tuple(inputs))
    return replace(spec, inputs=inputs, model=model, outputs=outputs, expect=())


def _needed(layers: dict[str, Layer], names: Sequence[str]) -> set[str]:
    """Return the layers and inputs that the named layers depend on, themselves included."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [ref.name for ref in layers[name].sources] if name in layers else []
    return needed
