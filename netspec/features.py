"""A network cut down to some of its intermediate feature maps, which become its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.analysis.network import Network
from netspec.analysis.rebuild import rebuilt
from netspec.graph.model import Graph
from netspec.language.model import BlockCall, Chain, Layer, OpCall, Output, Spec
from netspec.language.part import owned, renamed
from netspec.language.terms import Ref
from netspec.ops.split import Cut
from netspec.text.diagnostics import suggest


class FeatureError(ValueError):
    """A feature that is no layer of the graph, or not one alone; the text says which are."""


def select(network: Network, names: Sequence[str]) -> Network:
    """Return the network that gives the named layers of the graph; what they do not need is gone.

    A layer with several outputs is named with one of them, `parts.0`, which is called `parts_0`.
    The weights have the same keys as the whole network's. Raises FeatureError.
    """
    if not names:
        raise FeatureError("no layer is named")
    return rebuilt(network, _cut(network.spec, network.graph, list(dict.fromkeys(names))))


def _cut(spec: Spec, graph: Graph, names: Sequence[str]) -> Spec:
    import networkx as nx

    body = spec.model.body
    assert isinstance(body, Chain)
    lowered = graph.bodies[body]
    layers = {layer.name: layer for layer in body.layers if not layer.train_only}
    refs = [_ref(name, layers, spec, graph) for name in names]
    needed = {ref.name for ref in refs}
    needed = needed.union(*(nx.ancestors(lowered.graph, name) for name in needed))
    inputs = {name: shape for name, shape in spec.inputs.items() if name in needed}
    if not inputs:
        raise FeatureError(f"{', '.join(f'`{name}`' for name in names)} depends on no input")
    moved, kept = owned([step for step in lowered.steps if step.layer.name in needed])
    # The name of an output has no dot.
    outputs = tuple(
        Output(name.replace(".", "_"), layers[ref.name].span, renamed(ref, moved))
        for name, ref in zip(names, refs, strict=True)
    )
    model = replace(spec.model, body=replace(body, layers=kept), inputs=tuple(inputs))
    return replace(spec, inputs=inputs, model=model, outputs=outputs, expect=())


def _ref(name: str, layers: Mapping[str, Layer], spec: Spec, graph: Graph) -> Ref:
    """Return what a feature names: a layer, or one output of a layer with several."""
    text, _, port = name.partition(".")
    if text not in layers:
        hint = suggest(name, layers) or "features are layers of `graph`"
        raise FeatureError(f"{spec.name} has no layer `{name}`; {hint}")
    ports = _ports(layers[text], spec, graph)
    if port in ports or not (port or ports):
        return Ref(text, None, port)
    if not ports:
        raise FeatureError(f"`{text}` has one output; write `{text}`")
    choice = " or ".join(f"`{text}.{known}`" for known in ports[:8])
    raise FeatureError(f"`{text}` has several outputs; say which one: {choice}")


def _ports(layer: Layer, spec: Spec, graph: Graph) -> list[str]:
    """Return what stands behind the dot to read a layer with several outputs."""
    match layer.call:
        case BlockCall():
            return [ref.name for ref in spec.blocks[layer.call.block].outputs]
        case OpCall() if isinstance(layer.call.op, Cut):
            return [node[1] for node in graph.nodes if node[0] == layer.name and len(node) > 1]
    return []
