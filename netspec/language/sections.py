"""Tree → Spec: the sections of a file.

Of the blocks the signatures come first, so that a block may use one that stands below it.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence as Items
from dataclasses import replace
from keyword import iskeyword

from netspec import limits
from netspec.language.cures import sizes
from netspec.language.declared import accuse_declarations
from netspec.language.externs import read_externs, warn_unused
from netspec.language.grammar import BlockKeys, InputKeys, LayerKeys, SpecKeys
from netspec.language.keys import Reading, as_mapping, corrected, read_known, refuse_form
from netspec.language.layers import (
    Surroundings,
    read_body,
    read_chain,
    read_layer,
)
from netspec.language.lookup import Context, Signature
from netspec.language.makers import resolved
from netspec.language.model import INPUT, Block, Body, Chain, Extern, Output, Spec, ops_of, walk
from netspec.language.names import check_name, check_widths, widths
from netspec.language.references import check_shares, refuse_ref
from netspec.language.signature import refuse_outputs
from netspec.language.strays import bodied, restored
from netspec.language.terms import Argument, Expectation, Param, Ref
from netspec.language.values import Scope, read_argument
from netspec.ops.base import CHANNELS_LAST, INTEGER, REGISTRY
from netspec.ops.own import functions
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink
from netspec.text.fixes import keyed, writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries


def read(tree: Tree, sink: Sink) -> Spec:
    """Read a spec; warnings go into the sink. Raises SpecError with every mistake found."""
    if not isinstance(tree, Mapping):
        help = "`netspec init NAME` writes a first one"
        refuse_form(tree, "a spec is a mapping with `netspec: 1`", sink, help, Code.NOT_YAML)
        sink.stop()
    assert isinstance(tree, Mapping)
    whole = corrected(SpecKeys, restored(tree, sink), "a spec", sink)
    said = read_known(SpecKeys, whole, "a spec", Reading(sink))
    if not all(map(whole.find, ("inputs", "graph", "outputs"))):
        sink.stop()  # all else would follow from it
    name = said.name or Scalar("Model", whole.span)
    scope = Scope(said.params)
    integers: set[str] = set()
    channels_last: set[str] = set()
    inputs = _read_inputs(said.inputs, integers, channels_last, scope, sink)
    ranks = [len(shape.value) for shape in inputs.values() if isinstance(shape.value, tuple)]
    signatures = _read_signatures(said.blocks, name, scope, sink)
    context = Context(sink, signatures, rank=next(iter(ranks), None))
    externs = read_externs(said.externs, {x: s.span for x, s in signatures.items()}, sink)
    own = dict(REGISTRY.own)
    with REGISTRY.enabled(ops_of(externs)):
        around = Surroundings(scope, tuple(inputs))
        blocks, graph, outputs = _read_bodies(said, around, context)
        _refuse_packages([name, *(key for key, _ in entries(said.blocks))], sink)
    warn_unused(scope, sink)
    _warn_unused_blocks({**signatures, **externs}, context)
    accuse_declarations(sink)  # last, because it rewrites what was said of uses
    sink.stop()
    assert graph is not None
    network = Block(name.text, name.span, {}, tuple(inputs), graph, said.doc)
    bounds = [Expectation(metric, *bound) for metric, bound in said.expect if bound is not None]
    bounds.sort(key=lambda item: item.argument.span.start)
    parts = blocks, network, outputs, tuple(bounds), said.init, said.doc
    return Spec(
        *(tree.span.source, name.text, said.params, inputs, integers, *parts, channels_last),
        *(own, externs),
    )


def _read_bodies(
    said: SpecKeys, around: Surroundings, context: Context
) -> tuple[dict[str, Block], Chain | None, tuple[Output, ...]]:
    """Read the blocks, the graph and the outputs."""
    blocks = _read_blocks(around.scope, context)
    graph = _read_graph(said.graph, around, context)
    outputs = _read_outputs(said.outputs, graph, around, context)
    model = [*(walk(graph) if graph else ()), *(output.head for output in outputs if output.head)]
    blocks = resolved(blocks, model, context)
    bodies = [block.body for block in blocks.values()]
    _refuse_weights(bodies, graph, outputs, context.sink)
    return blocks, graph, outputs


def _read_inputs(
    tree: Mapping | None, integers: set[str], channels_last: set[str], scope: Scope, sink: Sink
) -> dict[str, Argument]:
    """Return the inputs' shapes; the sets learn which of them hold integers, or lie otherwise."""
    inputs: dict[str, Argument] = {}
    for key, value in entries(tree):
        check_name(sink, key.text, key.span, "input")
        if isinstance(value, Mapping):
            said = _said_of_input(value, sink)
            integers |= {key.text} if said.dtype == INTEGER else set()
            channels_last |= {key.text} if said.memory_format else set()
            _check_layout(said, value, sink)
            value = said.shape or Sequence((), value.span)
        shape = read_argument(value, scope, sink)
        inputs[key.text] = shape or Argument((), value.span)  # known, so that layers may read it
        if shape is None:
            continue
        if not isinstance(shape.value, tuple) or not 1 <= len(shape.value) <= limits.RANK:
            found = sizes(value.span.text)
            help: str = "for example [3, 224, 224]"
            help = writing(value.span, f"{[*found]}", safe=True) if found else help
            refuse_form(value, f"an input is a shape of 1 to {limits.RANK} sizes", sink, help)
    return inputs


def _check_layout(said: InputKeys, tree: Mapping, sink: Sink) -> None:
    """Report a layout in memory of what is no image."""
    rank = len(said.shape.items) if isinstance(said.shape, Sequence) else 0
    if said.memory_format and rank and rank != 3:
        message = f"`{CHANNELS_LAST}` is for images of three dimensions, found {rank}"
        place = tree.get("memory_format") or tree
        sink.error(Code.RANGE, message, place.span, help=keyed(place.span, "memory_format"))


def _said_of_input(tree: Mapping, sink: Sink) -> InputKeys:
    """Return what an input says; report `image: {shape: [3, 32, 32]}`, which is the shape alone."""
    says_more = tree.find("shape") and len(tree.items) > 1
    if says_more or tree.find("dtype") or tree.find("memory_format"):
        keys = corrected(InputKeys, tree, "an input", sink)
        return read_known(InputKeys, keys, "an input", Reading(sink))
    shapes = [value for _, value in tree.items if isinstance(value, Sequence)]
    if shapes:
        shape = shapes[0].span.text
        help = writing(tree.span, shape, f"write {shape}", safe=True)
        refuse_form(tree, "an input is a shape", sink, help)
    return InputKeys.model_construct(shape=shapes[0] if shapes else tree)


# ------------------------------------------------------------------ blocks


def _read_signatures(
    tree: Mapping | None, name: Scalar, outer: Scope, sink: Sink
) -> dict[str, Signature]:
    """Read what a use of each block must give; `outer` has the parameters of the spec."""
    signatures = {}
    for key, value in entries(tree):
        check_name(sink, key.text, key.span, "block")
        if key.text in (name.text, f"{name.text}Output"):
            notes = (Label(name.span, "the network"),)
            message = f"the block `{key.text}` has the name of a class of the network"
            sink.add(Diagnostic(Code.CLASH, message, key.span, notes=notes))
        what = f"the block `{key.text}`"
        block = as_mapping(value, sink, what)
        block = block and bodied(block, what, BlockKeys.kinds(), sink)
        block = block and corrected(BlockKeys, block, what, sink)
        keys = block or Mapping((), value.span)
        said = read_known(BlockKeys, keys, "a block", Reading(sink))
        _refuse_layer_keys(said.params, sink)
        visible = {**outer.params, **said.params}
        check_widths(sink, said.inputs, {text: param.span for text, param in visible.items()})
        signatures[key.text] = Signature(said, block, key.span)
    return signatures


def _refuse_packages(classes: Items[Scalar], sink: Sink) -> None:
    """Report classes with the name of a package that a generated file would import."""
    packages = {text.partition(".")[0] for text in functions(REGISTRY.own)}
    for key in classes:
        if key.text in packages:
            message = f"`{key.text}` is a package that generated code imports, and no class"
            help = f"rename it, for example `{key.text}Block`"
            sink.error(Code.CLASH, message, key.span, help=help)


def _refuse_layer_keys(params: Table[str, Param], sink: Sink) -> None:
    """Report parameters that a use of the block could not tell from a layer's own keys."""
    for name in LayerKeys.kinds().keys() & params.keys():
        if not iskeyword(name):  # said before
            message = f"a parameter cannot be called `{name}`: a layer says `{name}:` itself"
            help = f"rename it, for example `{name}_parameter`"
            sink.error(Code.TAKEN_NAME, message, params[name].span, help=help)


def _read_blocks(outer: Scope, context: Context) -> dict[str, Block]:
    blocks = {}
    for name, signature in context.signatures.items():
        said = signature.said
        scope = Scope(said.params, outer, widths(said.inputs))
        around = Surroundings(scope, said.inputs or (INPUT,))
        body = read_body(signature.tree, around, context) if signature.tree else None
        warn_unused(scope, context.sink)
        _check_outputs(signature, body, context.sink)
        if body is not None:
            parts = (said.params, said.inputs, body, said.doc, said.outputs, scope.measured)
            blocks[name] = Block(name, signature.span, *parts)
    return blocks


def _check_outputs(signature: Signature, body: Body | None, sink: Sink) -> None:
    """Report what a use of the block cannot be read for."""
    outputs = signature.tree and signature.tree.get("outputs")
    if outputs and signature.said.outputs and not isinstance(body, Chain):
        refuse_outputs(outputs.span, sink)
        return
    layers = sorted(layer.name for layer in body.layers) if isinstance(body, Chain) else []
    for ref in signature.said.outputs:
        if ref.name not in layers:
            refuse_ref(ref, layers, sink)


def _warn_unused_blocks(parts: Table[str, Signature | Extern], context: Context) -> None:
    for name, part in parts.items():
        if name not in context.used_blocks:
            message = (
                f"nothing uses the {'extern' if isinstance(part, Extern) else 'block'} `{name}`"
            )
            place = part.span
            context.sink.add(Diagnostic(Code.UNUSED_BLOCK, message, place, severity="warning"))


# ------------------------------------------------------------------ graph, outputs


def _read_graph(tree: Mapping | None, around: Surroundings, context: Context) -> Chain | None:
    chain = read_chain(tree, around, context) if tree else None
    if chain and chain.layers and len(around.inputs) > 1:
        first = chain.layers[0]
        if first.sources and first.sources[0].span is None:
            message = f"`{first.name}` must say which input it reads: {', '.join(around.inputs)}"
            help = f"add `from: {around.inputs[0]}`"
            context.sink.error(Code.INPUTS, message, first.span, help=help)
    return chain


def _read_outputs(
    tree: Mapping | None, graph: Chain | None, around: Surroundings, context: Context
) -> tuple[Output, ...]:
    layers = {layer.name: layer for layer in graph.layers} if graph else {}
    heads = {key.text for key, value in entries(tree) if not isinstance(value, Scalar)}
    readable = {*layers, *around.inputs, *heads}
    places = {name: layer.span for name, layer in layers.items()}
    outputs = []
    for key, value in entries(tree):
        check_name(context.sink, key.text, key.span, "output")
        if isinstance(value, Scalar):
            output = _read_ref(key, value, context.sink)
        elif named := _ref_within(value, readable):
            words = f"write `{key.text}: {named.text}`"
            help = writing(value.span, named.text, words, safe=True)
            refuse_form(value, _NAMED, context.sink, help)
            continue
        else:
            output = _read_head(key, value, around.scope, context)
            if output and (key.text in layers or key.text in around.inputs):
                message = f"the head `{key.text}` has the name of a layer of the graph"
                context.sink.error(Code.CLASH, message, key.span, help="rename one of the two")
        if output is None:
            continue
        layer = output.head or layers.get(output.ref.name)
        outputs.append(replace(output, weight=layer.said.weight if layer else None))
        for ref in output.head.sources if output.head else (output.ref,):
            if graph and ref.name not in readable:
                refuse_ref(ref, sorted(readable), context.sink, places)
    own = [output.head for output in outputs if output.head]
    check_shares(own, layers | {head.name: head for head in own}, context.sink)
    return tuple(outputs)


_NAMED = "an output is a layer's name"


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
            if layer.said.weight is not None and id(layer) not in ends:
                message = f"`{layer.name}` is no output, so it has no weight in the loss"
                help = "`weight:` belongs to a layer that `outputs` names"
                sink.error(Code.UNKNOWN_KEY, message, layer.said.weight.span, help=help)


def _read_ref(key: Scalar, value: Scalar, sink: Sink) -> Output | None:
    if isinstance(value.value, str):
        name, _, port = value.text.partition(".")
        return Output(key.text, key.span, Ref(name, value.span, port))
    refuse_form(value, _NAMED, sink, "for example `logits: fc`")
    return None


def _read_head(key: Scalar, value: Tree, scope: Scope, context: Context) -> Output | None:
    layer = read_layer(key, value, Ref(""), scope, context)
    if layer is None:
        return None
    if layer.said.splice:
        message = f"the output `{key.text}` is one layer, and `splice:` makes several"
        context.sink.error(Code.UNKNOWN_KEY, message, key.span, help="write `repeat:`")
    if not layer.sources or layer.sources[0].span is None:
        message = f"the output `{key.text}` must say what it reads"
        context.sink.error(Code.INPUTS, message, key.span, help="add `from: LAYER`")
        return None
    return Output(key.text, key.span, Ref(key.text, key.span), layer)
