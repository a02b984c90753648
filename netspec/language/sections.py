"""Tree → Spec: the sections of a file."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace

from netspec import limits
from netspec.language.blocks import (
    read_blocks,
    read_signatures,
    warn_unused,
    warn_unused_blocks,
)
from netspec.language.cures import sizes
from netspec.language.declared import accuse_declarations
from netspec.language.grammar import ExpectKeys, InputKeys, SpecKeys
from netspec.language.keys import Reading, corrected, kind, read_known
from netspec.language.layers import Surroundings, check_shares, read_chain, read_layer, refuse_ref
from netspec.language.lookup import Context
from netspec.language.model import Block, Body, Chain, Output, Spec, walk
from netspec.language.names import check_name
from netspec.language.strays import restored
from netspec.language.terms import Argument, Expectation, Ref
from netspec.language.values import Scope, read_argument
from netspec.ops.base import INTEGER, REAL
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


def read(tree: Tree, sink: Sink) -> Spec:
    """Read a spec; warnings go into the sink. Raises SpecError with every mistake found."""
    whole = corrected(SpecKeys, restored(_whole(tree, sink), sink), "a spec", sink)
    said = read_known(SpecKeys, whole, "a spec", Reading(sink))
    if not all(map(whole.find, ("inputs", "graph", "outputs"))):
        sink.stop()  # all else would follow from it
    name = said.name or Scalar("Model", whole.span)
    scope = Scope(said.params)
    integers: set[str] = set()
    inputs = _read_inputs(said.inputs, integers, scope, sink)
    ranks = [len(shape.value) for shape in inputs.values() if isinstance(shape.value, tuple)]
    signatures = read_signatures(said.blocks, name, scope, sink)
    context = Context(sink, signatures, rank=next(iter(ranks), None))
    blocks = read_blocks(scope, context)
    graph = _read_graph(said.graph, Surroundings(scope, tuple(inputs)), context)
    outputs = _read_outputs(said.outputs, graph, Surroundings(scope, tuple(inputs)), context)
    _refuse_weights([block.body for block in blocks.values()], graph, outputs, sink)
    warn_unused(said.params, scope, sink)
    warn_unused_blocks(context)
    accuse_declarations(sink)
    sink.stop()
    assert graph is not None
    model = Block(name.text, name.span, {}, tuple(inputs), graph, said.doc)
    return Spec(
        tree.span.source,
        name.text,
        said.params,
        inputs,
        integers,
        blocks,
        model,
        outputs,
        _expectations(said.expect),
        said.init,
        said.doc,
    )


def _expectations(said: ExpectKeys) -> tuple[Expectation, ...]:
    """Return the bounds in the order of the file."""
    bounds = [Expectation(metric, *bound) for metric, bound in said if bound is not None]
    return tuple(sorted(bounds, key=lambda item: item.argument.span.start))


def _whole(tree: Tree, sink: Sink) -> Mapping:
    if isinstance(tree, Mapping):
        return tree
    message = f"a spec is a mapping with `netspec: 1`, found {kind(tree)}"
    sink.error(Code.NOT_YAML, message, tree.span, help="`netspec init` writes a first one")
    sink.stop()
    raise AssertionError


def _read_inputs(
    tree: Mapping | None, integers: set[str], scope: Scope, sink: Sink
) -> dict[str, Argument]:
    """Return the inputs' shapes; `integers` learns which of them hold integers."""
    inputs: dict[str, Argument] = {}
    for key, value in tree.items if tree else ():
        check_name(sink, key.text, key.span, "input")
        if isinstance(value, Mapping):
            value, dtype = _shape_within(value, sink)
            integers |= {key.text} if dtype == INTEGER else set()
        shape = read_argument(value, scope, sink)
        inputs[key.text] = shape or Argument((), value.span)
        if shape is None:
            continue
        if not isinstance(shape.value, tuple) or not 1 <= len(shape.value) <= limits.RANK:
            message = f"an input is a shape of 1 to {limits.RANK} sizes, found {kind(value)}"
            found = sizes(value.span.text)
            help = f"write `{list(found)}`" if found else "for example [3, 224, 224]"
            sink.error(Code.FORM, message, value.span, help=help)
    return inputs


def _shape_within(tree: Mapping, sink: Sink) -> tuple[Tree, str]:
    """Return shape and dtype; report `image: {shape: [3, 32, 32]}`, which is the shape alone."""
    if tree.find("dtype"):
        said = read_known(
            InputKeys, corrected(InputKeys, tree, "an input", sink), "an input", Reading(sink)
        )
        return said.shape or Sequence((), tree.span), said.dtype
    shapes = [value for _, value in tree.items if isinstance(value, Sequence)]
    if not shapes:
        return tree, REAL
    help = f"write {shapes[0].span.text}"
    sink.error(Code.FORM, "an input is a shape, found a mapping", tree.span, help=help)
    return shapes[0], REAL


# ------------------------------------------------------------------ graph, outputs, expect


def _read_graph(tree: Mapping | None, around: Surroundings, context: Context) -> Chain | None:
    chain = read_chain(tree, around, context) if tree else None
    if tree and chain and chain.layers and len(around.inputs) > 1:
        _need_from(chain, tree, around, context.sink)
    return chain


def _need_from(chain: Chain, tree: Mapping, around: Surroundings, sink: Sink) -> None:
    first = chain.layers[0]
    if first.sources and first.sources[0].span is None:
        names = ", ".join(around.inputs)
        message = f"`{first.name}` must say which input it reads: {names}"
        sink.error(Code.INPUTS, message, first.span, help=f"add `from: {around.inputs[0]}`")


def _read_outputs(
    tree: Mapping | None, graph: Chain | None, around: Surroundings, context: Context
) -> tuple[Output, ...]:
    layers = {layer.name: layer for layer in graph.layers} if graph else {}
    heads = (
        {key.text for key, value in tree.items if not isinstance(value, Scalar)} if tree else set()
    )
    readable = {*layers, *around.inputs, *heads}
    ordered = sorted(readable)
    places = {layer.name: layer.span for layer in layers.values()}
    outputs = []
    for key, value in tree.items if tree else ():
        check_name(context.sink, key.text, key.span, "output")
        if isinstance(value, Scalar):
            output = _read_ref(key, value, context.sink)
        elif named := _ref_within(value, readable):
            message = f"an output is a layer's name, found {kind(value)}"
            help = f"write `{key.text}: {named.text}`"
            context.sink.error(Code.FORM, message, value.span, help=help)
            continue
        else:
            output = _read_head(key, value, around.scope, context)
            if output and (key.text in layers or key.text in around.inputs):
                message = f"the head `{key.text}` has the name of a layer of the graph"
                context.sink.error(Code.CLASH, message, key.span, help="rename one of the two")
        if output is None:
            continue
        layer = output.head or layers.get(output.ref.name)
        outputs.append(replace(output, weight=layer.weight if layer else None))
        for ref in output.head.sources if output.head else (output.ref,):
            if graph and ref.name not in readable:
                refuse_ref(ref, ordered, context.sink, places)
    own = [output.head for output in outputs if output.head]
    check_shares(own, layers | {head.name: head for head in own}, context.sink)
    return tuple(outputs)


def _ref_within(tree: Tree, readable: set[str]) -> Scalar | None:
    """Return the name in `[fc]` or `{from: fc}`, where a name alone is meant."""
    items: Items[Tree] = tree.items if isinstance(tree, Sequence) else ()
    if isinstance(tree, Mapping) and [key.text for key, _ in tree.items] == ["from"]:
        items = [tree.items[0][1]]
    names = [item for item in items if isinstance(item, Scalar) and item.text in readable]
    return names[0] if len(items) == len(names) == 1 else None


def _refuse_weights(
    bodies: Items[Body], graph: Chain | None, outputs: Items[Output], sink: Sink
) -> None:
    """Report `weight:` on a layer that is no output."""
    named = {output.ref.name for output in outputs}
    ends = {id(x) for x in graph.layers if x.name in named} if graph else set()
    for body in [*bodies, *([graph] if graph else [])]:
        for layer in walk(body):
            if layer.weight is not None and id(layer) not in ends:
                message = f"`{layer.name}` is no output, so it has no weight in the loss"
                help = "`weight:` belongs to a layer that `outputs` names"
                sink.error(Code.UNKNOWN_KEY, message, layer.weight.span, help=help)


def _read_ref(key: Scalar, value: Scalar, sink: Sink) -> Output | None:
    if isinstance(value.value, str):
        name, _, port = value.text.partition(".")
        return Output(key.text, key.span, Ref(name, value.span, port))
    message = f"an output is a layer's name, found {kind(value)}"
    sink.error(Code.FORM, message, value.span, help="for example `logits: fc`")
    return None


def _read_head(key: Scalar, value: Tree, scope: Scope, context: Context) -> Output | None:
    layer = read_layer(key.text, key.span, value, Ref(""), scope, context)
    if layer is None:
        return None
    if not layer.sources or layer.sources[0].span is None:
        message = f"the output `{key.text}` must say what it reads"
        context.sink.error(Code.INPUTS, message, key.span, help="add `from: LAYER`")
        return None
    return Output(key.text, key.span, Ref(key.text, key.span), layer)
