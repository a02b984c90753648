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
from netspec.rewrite.walk import mapped


def inference(network: Network) -> Spec:
    """Return a spec without the outputs of training, and with the present parameters as its own.

    Contracts are about the parameters that it had.
    """
    spec, values = network.spec, network.graph.params
    graph = spec.model.body
    assert isinstance(graph, Chain)
    params = {name: replace(x, default=values[name]) for name, x in spec.params.items()}
    is_other = any(x.default != values[x.name] for x in spec.params.values())

    def layer(old: Layer) -> Layer:
        gone = {"weight": None} | ({"shape": None} if is_other else {})
        return replace(old, said=old.said.model_copy(update=gone))

    outputs = tuple(
        replace(output, weight=None) for output in spec.outputs if not is_train_only(output, graph)
    )
    return mapped(replace(spec, params=params, outputs=outputs, expect=()), layer)


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
