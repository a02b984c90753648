"""Convolutions, or blocks around them, that read the same value become one, whose output is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, cast

from netspec.graph.model import NodeId
from netspec.language.grammar import NOTHING
from netspec.language.model import INPUT, BlockCall, Chain, Layer, OpCall, Spec
from netspec.language.terms import Argument, Ref, Value
from netspec.ops.activation import Activation
from netspec.ops.base import Op
from netspec.ops.conv import Conv
from netspec.ops.dim import Expr, is_known, names
from netspec.ops.dropout import Noise
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.reach import one_by_one
from netspec.ops.split import Split
from netspec.rewrite.tensors import Arithmetic, Made
from netspec.rewrite.view import Edit, Source, View, unused

_FUSED, _PIECES = "fused", "pieces"


def fuse_siblings(view: View) -> Edit | None:
    """Run layers of one kind that read the same value as one, and cut what it gives."""
    is_named = not isinstance(view.body, Chain) or view.body.named
    families: dict[object, list[Layer]] = {}
    for layer in view.layers.values() if is_named and _has_one_input(view) else ():
        found = _kind(view, layer)
        if found:
            families.setdefault(found, []).append(layer)
    for (_, key, *_), family in cast("Any", families.items()):
        if len(family) == 1:
            continue
        # The pieces of a split are views of one tensor, which PyTorch lets nobody overwrite.
        family = [
            layer
            for layer in family
            if not view.is_overwritten(layer.name) and not view.reads_overwritten(layer.name)
        ]
        widths = [_given(view.network.spec, layer)[key] for layer in family]
        if len(family) > 1 and is_known(reduce(add, cast("Any", widths))):
            return _fused(view, family, key, widths)
    return None


def _has_one_input(view: View) -> bool:
    """Tell whether inline bodies of a body call its input as it does."""
    return len(view.lowered.inputs) == 1 and (
        view.lowered.inputs == (INPUT,) or not any(step.is_branch for step in view.lowered.steps)
    )


def _kind(view: View, layer: Layer) -> tuple[object, ...] | None:
    """Return what siblings have in common: what they read and call, and all arguments but a width.

    The second item is the argument that says the width.
    """
    said = layer.said
    if len(layer.sources) != 1 or said.when is not None or not view.is_plain(layer):
        return None
    if view.gives(layer.name) and view.lowered.join is None:
        return None
    key = _width(view.network.spec, layer)
    if key is None or not _is_dense(view, layer):
        return None
    rest = {k: v for k, v in _given(view.network.spec, layer).items() if k != key}
    ref = layer.sources[0]
    return (ref.name, ref.port), key, _called(layer), tuple(sorted(rest.items(), key=str))


def _called(layer: Layer) -> str:
    call = layer.call
    return call.block if isinstance(call, BlockCall) else cast("OpCall", call).op.op_name


def _given(spec: Spec, layer: Layer) -> dict[str, Value]:
    """Return the arguments of a layer, those of a block with their defaults."""
    assert isinstance(layer.call, OpCall | BlockCall)
    given = {key: argument.value for key, argument in layer.call.arguments.items()}
    if isinstance(layer.call, OpCall):
        return given
    params = spec.blocks[layer.call.block].params
    return {param.name: param.default for param in params.values()} | given


def _width(spec: Spec, layer: Layer) -> str | None:
    """Return the argument that says how many channels come out, if those do not meet in it."""
    match layer.call:
        case OpCall() if isinstance(layer.call.op, Conv | Linear):
            groups = layer.call.arguments.get("groups")
            return layer.call.op.channels[0] if groups is None or groups.value == 1 else None
        case BlockCall():
            return _stackable(spec, layer.call.block)
    return None


def _stackable(spec: Spec, called: str) -> str | None:
    """Return the parameter of a block that is a width, each channel of which is on its own."""
    block = spec.blocks[called]
    if not isinstance(block.body, Chain) or block.outputs or len(block.inputs) > 1:
        return None
    first, *others = block.body.layers
    key = _width(spec, first)
    width = _given(spec, first)[key] if key else None
    if not isinstance(width, Expr) or width.op != "name" or width.args[0] not in block.params:
        return None
    above = [first, *others]
    in_line = all(
        [ref.name for ref in layer.sources] == [before.name] and _is_alone(layer)
        for before, layer in zip(above, others, strict=False)
    )
    used = [
        text
        for layer in block.body.layers
        for k, value in (_given(spec, layer).items() if _calls(layer) else ())
        for text in names(value)
        if (layer, k) != (first, key)
    ]
    is_free = width.args[0] not in used and _is_alone(first)
    is_pointwise = all(_is_pointwise(layer, _leading(spec, first)) for layer in others)
    return str(width.args[0]) if in_line and is_free and is_pointwise else None


def _calls(layer: Layer) -> bool:
    return isinstance(layer.call, OpCall | BlockCall)


def _is_alone(layer: Layer) -> bool:
    said = layer.said
    return said.when is None and said.repeat is None and said.shape is None


def _leading(spec: Spec, layer: Layer) -> Op:
    """Return the op that a layer calls, or that the block starts with that it calls."""
    call = layer.call
    while isinstance(call, BlockCall):
        body = spec.blocks[call.block].body
        assert isinstance(body, Chain)
        call = body.layers[0].call
    assert isinstance(call, OpCall)
    return call.op


def _is_pointwise(layer: Layer, leading: Op) -> bool:
    """Tell whether each channel of what a layer gives is made of the same one of its input.

    `leading` is the op that gives the channels: those of a linear layer are the last dimension.
    """
    if not isinstance(layer.call, OpCall):
        return False
    op = layer.call.op
    if isinstance(op, BatchNorm):
        return isinstance(leading, Conv)
    is_activation = isinstance(op, Activation | Noise) and not op.weights((2, 2, 2))
    return is_activation and op.reach((2, 2, 2)) == one_by_one(3)


def _is_dense(view: View, layer: Layer) -> bool:
    """Tell whether the convolution in a layer has one group wherever the body is used."""
    if isinstance(layer.call, OpCall):
        return all(getattr(op, "groups", 1) == 1 for op in view.ops(layer.name))
    return True


def _fused(view: View, family: Sequence[Layer], key: str, widths: Sequence[Value]) -> Edit:
    """Return a chain with one layer and a split in place of siblings."""
    fused, pieces = (unused(name, view.layers) for name in (_FUSED, _PIECES))
    members = tuple(layer.name for layer in family)
    first = family[0]
    tensors = {fused: _stacked(view, members)}
    read = {member: Ref(pieces, port=member) for member in members}
    layers: list[Layer] = []
    for step in view.lowered.steps:
        layer = step.layer
        if step.is_branch:
            layer = replace(layer, name=unused(f"branch{layer.name}", view.layers))
            tensors[layer.name] = view.moved(step.layer.name)
            read[step.layer.name] = Ref(layer.name)
        if layer is first:
            layers += [
                _wide(first, fused, key, widths),
                _cut(view, first, (fused, pieces), members, widths),
            ]
        elif layer.name not in members:
            layers.append(layer)
    if view.lowered.join is not None:
        layers.append(view.lowered.join)
    chain = tuple(
        replace(layer, sources=tuple(read.get(ref.name, ref) for ref in layer.sources))
        for layer in layers
    )
    return Edit(view.body, Chain(chain, True, view.body.span), tensors)


def _wide(layer: Layer, called: str, key: str, widths: Sequence[Value]) -> Layer:
    """Return a layer as wide as all of its siblings."""
    call = layer.call
    assert isinstance(call, OpCall | BlockCall)
    total = Argument(reduce(add, cast("Any", widths)), call.span)
    arguments = {**call.arguments, key: total}
    if isinstance(call, OpCall):
        op = type(call.op).model_validate({k: item.value for k, item in arguments.items()})
        wide: OpCall | BlockCall = replace(call, op=op, arguments=arguments)
    else:
        wide = replace(call, arguments=arguments)
    return replace(layer, name=called, call=wide, said=NOTHING)


def _cut(
    view: View,
    layer: Layer,
    called: tuple[str, str],
    members: tuple[str, ...],
    widths: Sequence[Value],
) -> Layer:
    """Return the layer, the second one `called`, that cuts what the wide one gives."""
    values: dict[str, Value] = {"split_size_or_sections": tuple(widths), "names": members}
    if isinstance(_leading(view.network.spec, layer), Linear):
        values["dim"] = -1
    arguments = {key: Argument(value, layer.span) for key, value in values.items()}
    call = OpCall(Split.model_validate(values), arguments, layer.span, 1)
    fused, pieces = called
    return Layer(pieces, layer.span, call, (Ref(fused),))


def _stacked(view: View, members: Sequence[str]) -> Source:
    def source(tensor: str, place: NodeId) -> Arithmetic:
        old = [view.old(place, member, tensor) for member in members]
        # How many batches have been seen is one number.
        return old[0] if tensor.endswith("num_batches_tracked") else Made("stacked", tuple(old))

    return source
