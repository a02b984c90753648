"""A spec without the blocks and parameters that nothing uses any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.language.model import Block, BlockCall, GivenCall, Layer, OpCall, Spec, walk
from netspec.language.terms import Argument, Condition
from netspec.ops.dim import names
from netspec.rewrite.walk import mapped


def tidied(spec: Spec) -> Spec:
    """Return a spec without unused blocks and parameters, which rewriting has left over."""
    while (new := _once(spec)) is not spec:
        spec = new
    return spec


def _once(spec: Spec) -> Spec:
    layers = list(spec.layers())
    called = {layer.call.block for layer in layers if isinstance(layer.call, BlockCall)}
    # An argument that is a block stands there by its name.
    called |= {value for layer in layers for value in _values(layer) if isinstance(value, str)}
    called |= {
        str(param.default)
        for block in spec.blocks.values()
        for param in block.params.values()
        if param.is_op
    }
    blocks = {name: block for name, block in spec.blocks.items() if name in called}
    gone = {name: _unread(block) for name, block in blocks.items()}
    read = {text for layer in layers for text in _read(layer)}
    read |= {text for shape in spec.inputs.values() for text in names(shape.value)}
    params = {name: param for name, param in spec.params.items() if name in read}
    if (
        len(blocks) == len(spec.blocks)
        and params.keys() == spec.params.keys()
        and not any(gone.values())
    ):
        return spec
    return _without(replace(spec, params=params, blocks=blocks), gone)


def _unread(block: Block) -> set[str]:
    """Return the parameters of a block that nothing in it reads."""
    read = {text for layer in walk(block.body) for text in _read(layer)}
    return block.params.keys() - read


def _values(layer: Layer) -> Iterator[object]:
    """Yield the values that stand in a layer."""
    if isinstance(layer.call, OpCall | BlockCall):
        yield from (argument.value for argument in layer.call.arguments.values())
    said = layer.said
    yield from (argument.value for argument in said.first.values())
    amounts: tuple[Argument | None, ...] = (said.repeat, said.weight, said.shape)
    yield from (argument.value for argument in amounts if argument is not None)
    if isinstance(said.when, Condition):
        yield from (said.when.left, said.when.right)


def _read(layer: Layer) -> Iterator[str]:
    """Yield the parameters that a layer reads."""
    for value in _values(layer):
        yield from names(value)
    if isinstance(layer.call, GivenCall):
        yield layer.call.param


def _without(spec: Spec, gone: dict[str, set[str]]) -> Spec:
    """Return a spec whose blocks lack some parameters, and whose uses do not give them."""

    def layer(old: Layer) -> Layer:
        call = old.call
        if not isinstance(call, BlockCall) or not gone[call.block]:
            return old
        kept = {key: x for key, x in call.arguments.items() if key not in gone[call.block]}
        leading = [key for key in [*call.arguments][: call.positional] if key in kept]
        first = {key: x for key, x in old.said.first.items() if key not in gone[call.block]}
        said = old.said.model_copy(update={"first": first})
        return replace(old, call=replace(call, arguments=kept, positional=len(leading)), said=said)

    blocks = {
        name: replace(block, params={k: x for k, x in block.params.items() if k not in gone[name]})
        for name, block in spec.blocks.items()
    }
    return mapped(replace(spec, blocks=blocks), layer)
