"""Shares of the loss, where the language has them: at the layers that outputs name."""

from __future__ import annotations

from dataclasses import replace

from netspec.language.grammar import NOTHING
from netspec.language.model import Chain, Layer, OpCall, Output, Spec
from netspec.language.terms import Ref
from netspec.ops.base import REGISTRY


def weighted(spec: Spec) -> Spec:
    """Return a spec whose layers say the shares that its outputs have."""
    body = spec.model.body
    assert isinstance(body, Chain)
    shares = {
        output.ref.name: output.weight
        for output in spec.outputs
        if output.weight is not None and not output.head and not output.ref.port
    }
    layers = tuple(
        replace(layer, said=layer.said.model_copy(update={"weight": shares.pop(layer.name)}))
        if layer.name in shares and not layer.said.splice
        else layer
        for layer in body.layers
    )
    given = {layer.name for layer in layers if layer.said.weight is not None}
    outputs = tuple(
        output if output.weight is None or output.ref.name in given else _with_head(output, layers)
        for output in spec.outputs
    )
    model = replace(spec.model, body=replace(body, layers=layers))
    return replace(spec, model=model, outputs=outputs)


def _with_head(output: Output, layers: tuple[Layer, ...]) -> Output:
    """Return an output with a layer of its own, which does nothing but to have a share."""
    read = Ref(output.ref.name, output.span, output.ref.port)
    training = any(x.name == read.name and x.train_only for x in layers)
    said = {"weight": output.weight, "when": "train" if training else None}
    call = OpCall(REGISTRY["identity"](), {}, output.span)
    head = Layer(output.name, output.span, call, (read,), NOTHING.model_copy(update=said))
    return replace(output, ref=Ref(output.name), head=head)
