"""What does nothing in inference goes: training's heads, dropout, identities."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis.network import Network
from netspec.language.check import is_train_only
from netspec.language.model import Chain, Layer, Spec, numbered
from netspec.language.part import owned, renamed
from netspec.ops.base import Op, Storage
from netspec.ops.reshape import Identity
from netspec.rewrite.view import Edit, View
from netspec.rewrite.walk import mapped


def inference(network: Network) -> Spec:
    """Return a spec of what inference needs, with the present parameters as its own.

    Heads are layers of the graph then. Contracts are about the parameters that it had.
    """
    spec, values = network.spec, network.graph.params
    params = {name: replace(x, default=values[name]) for name, x in spec.params.items()}
    is_other = any(x.default != values[x.name] for x in spec.params.values())

    def layer(old: Layer) -> Layer:
        gone = {"weight": None} | ({"shape": None} if is_other else {})
        return numbered(replace(old, said=old.said.model_copy(update=gone)))

    return mapped(replace(_needed(network), params=params, expect=()), layer)


def _needed(network: Network) -> Spec:
    """Return a spec without the outputs of training and what only they need, inputs included."""
    import networkx as nx

    spec = network.spec
    graph = spec.model.body
    assert isinstance(graph, Chain)
    lowered = network.graph.bodies[graph]
    outputs = [output for output in spec.outputs if not is_train_only(output, graph)]
    needed = {output.ref.name for output in outputs}
    needed = needed.union(*(nx.ancestors(lowered.graph, name) for name in needed))
    moved, layers = owned([step for step in lowered.steps if step.layer.name in needed])
    # Where a layer overwrites what others read, the order in which they run counts.
    names = (moved.get(step.layer.name, step.layer.name) for step in lowered.steps)
    turn = {name: i for i, name in enumerate(names)}
    layers = tuple(sorted(layers, key=lambda layer: turn[layer.name]))
    kept = tuple(
        replace(output, ref=renamed(output.ref, moved), head=None, weight=None)
        for output in outputs
    )
    inputs = {name: shape for name, shape in spec.inputs.items() if name in needed}
    model = replace(spec.model, body=replace(graph, layers=layers), inputs=tuple(inputs))
    return replace(spec, inputs=inputs, model=model, outputs=kept)


def drop_idle(view: View) -> Edit | None:
    """Drop dropout and identities, but for those of which an op overwrites the copy."""
    for layer in view.layers.values():
        is_idle = layer.sources and view.is_op(layer, Op) and _is_idle(view, layer)
        if is_idle and view.may_go(layer) and not view.is_overwritten(layer.name):
            return view.edit({layer.name: None}, {layer.name: layer.sources[0].name})
    return None


def _is_idle(view: View, layer: Layer) -> bool:
    ops = view.ops(layer.name)
    return not layer.sources[0].port and all(
        op.storage is Storage.IDLE or isinstance(op, Identity) for op in ops
    )
