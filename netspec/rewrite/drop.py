"""What does nothing in inference goes: training's heads, dropout, identities, unread layers."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis.network import Network
from netspec.language.check import is_train_only
from netspec.language.lower import END
from netspec.language.model import Chain, Layer, Spec
from netspec.ops.base import Op, Storage
from netspec.ops.reshape import Identity
from netspec.rewrite.view import Edit, View


def inference(network: Network) -> Spec:
    """Return a spec without the outputs of training, and with the present parameters as its own."""
    spec = network.spec
    values = network.graph.params
    params = {name: replace(x, default=values[name]) for name, x in spec.params.items()}
    graph = spec.model.body
    assert isinstance(graph, Chain)
    outputs = tuple(output for output in spec.outputs if not is_train_only(output, graph))
    outputs = tuple(replace(output, weight=None) for output in outputs)
    model = replace(spec.model, body=_weightless(graph))
    return replace(spec, params=params, outputs=outputs, model=model, expect=())


def _weightless(graph: Chain) -> Chain:
    """Return a graph whose layers have no share in a loss."""
    layers = (
        replace(layer, said=layer.said.model_copy(update={"weight": None}))
        if layer.said.weight is not None
        else layer
        for layer in graph.layers
    )
    return replace(graph, layers=tuple(layers))


def drop_unread(view: View) -> Edit | None:
    """Drop the layers that no output needs, those that run only in training among them."""
    import networkx as nx

    needed = {END, *nx.ancestors(view.lowered.graph, END)}
    needed |= {ref.name for ref in view.lowered.given}
    heads = {layer.name for layer in view.network.spec.heads}
    gone = {
        name: None
        for name, layer in view.layers.items()
        if name not in needed | heads and view.is_plain(layer) and view.may_go(layer)
    }
    return view.edit(gone) if gone else None


def drop_idle(view: View) -> Edit | None:
    """Drop dropout and identities."""
    for layer in view.layers.values():
        if layer.sources and view.is_op(layer, Op) and _is_idle(view, layer) and view.may_go(layer):
            return view.edit({layer.name: None}, {layer.name: layer.sources[0].name})
    return None


def _is_idle(view: View, layer: Layer) -> bool:
    ops = view.ops(layer.name)
    return not layer.sources[0].port and all(
        op.storage is Storage.IDLE or isinstance(op, Identity) for op in ops
    )
