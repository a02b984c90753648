"""Tree → Spec: the sections of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from dataclasses import replace
from fractions import Fraction

from netspec.language.blocks import (
    correct_blocks,
    read_blocks,
    read_signatures,
    warn_unused,
    warn_unused_blocks,
)
from netspec.language.cures import sizes
from netspec.language.declared import accuse_declarations
from netspec.language.fields import Fields, as_mapping, kind
from netspec.language.init import read_init
from netspec.language.layers import Surroundings, check_shares, read_chain, read_layer, refuse_ref
from netspec.language.lookup import Context
from netspec.language.model import Block, Body, Chain, Output, Spec, walk
from netspec.language.names import check_block_name, check_name
from netspec.language.strays import restored
from netspec.language.terms import Argument, Expectation, Param, Ref
from netspec.language.values import Scope, read_argument
from netspec.text.diagnostics import Sink, Span, suggest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

SECTIONS = (
    "netspec",
    "name",
    "doc",
    "params",
    "inputs",
    "init",
    "blocks",
    "graph",
    "outputs",
    "expect",
)
MAX_RANK = 8
MAX_DEPTH = 1000
METRICS = ("params", "macs", "depth", "train_params", "train_macs")


def read(tree: Tree, sink: Sink) -> Spec:
    """Read a spec; warnings go into the sink. Raises SpecError with every mistake found."""
    fields = _sections(_whole(tree, sink), sink)
    _check_version(fields, sink)
    name = _read_name(fields, sink)
    params = _read_params(fields.get("params"), sink)
    scope = Scope(params)
    inputs = _read_inputs(fields, scope, sink)
    section = correct_blocks(fields.mapping("blocks"), sink)
    ranks = [len(shape.value) for shape in inputs.values() if isinstance(shape.value, tuple)]
    signatures = read_signatures(section, name, scope, sink)
    context = Context(sink, signatures, rank=next(iter(ranks), None))
    blocks = read_blocks(section, scope, context)
    graph = _read_graph(fields, Surroundings(scope, tuple(inputs)), context)
    outputs = _read_outputs(fields, graph, Surroundings(scope, tuple(inputs)), context)
    expect = _read_expect(fields.mapping("expect", "for example `expect: {macs: <=1.6G}`"), sink)
    init = read_init(fields.mapping("init"), sink)
    _refuse_weights([block.body for block in blocks.values()], graph, outputs, sink)
    warn_unused(params, scope, sink)
    warn_unused_blocks(context)
    accuse_declarations(sink)
    sink.stop()
    assert graph is not None
    model = Block(name.text, name.span, {}, tuple(inputs), graph, fields.text("doc"))
    return Spec(
        tree.span.source,
        name.text,
        params,
        inputs,
        blocks,
        model,
        outputs,
        expect,
        init,
        fields.text("doc"),
    )


def _whole(tree: Tree, sink: Sink) -> Mapping:
    if isinstance(tree, Mapping):
        return tree
    message = f"a spec is a mapping with `netspec: 1`, found {kind(tree)}"
    sink.error("NS002", message, tree.span, help="`netspec init` writes a first one")
    sink.stop()
    raise AssertionError


def _sections(tree: Mapping, sink: Sink) -> Fields:
    """Return the sections. Raises SpecError for a missing one, which all else would follow from."""
    fields = Fields(restored(tree, sink), sink, "a spec", SECTIONS)
    before = len(sink.items)
    for section in ("inputs", "graph", "outputs"):
        fields.need(section, _EXAMPLES[section])
    if len(sink.items) > before:
        sink.stop()
    return fields


_EXAMPLES = {
    "inputs": "for example `inputs: {image: [3, 224, 224]}`",
    "graph": "it holds the layers, for example `conv1: {conv2d: [64, 3]}`",
    "outputs": "for example `outputs: {logits: fc}`",
}


def _check_version(fields: Fields, sink: Sink) -> None:
    version = fields.need("netspec", "write `netspec: 1`")
    if version is None:
        return
    if not isinstance(version, Scalar) or type(version.value) is not int or version.value != 1:
        message = f"this netspec reads language version 1, found {kind(version)}"
        sink.error("NS012", message, version.span, help="write `netspec: 1`")


def _read_name(fields: Fields, sink: Sink) -> Scalar:
    tree = fields.need("name", "for example `name: ResNet`")
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        check_block_name(sink, tree.text, tree.span, "network")
        return tree
    if tree is not None:
        sink.error("NS012", f"`name` expects a word, found {kind(tree)}", tree.span)
    return Scalar("Model", fields.place)


def _read_params(tree: Tree | None, sink: Sink) -> dict[str, Param]:
    params: dict[str, Param] = {}
    if isinstance(tree, Sequence):
        words = [item for item in tree.items if isinstance(item, Scalar)]
        params = {word.text: Param(word.text, 1, word.span) for word in words}
    text = ", ".join(f"{name}: 1" for name in params) or "classes: 10"
    mapping = as_mapping(tree, sink, "`params`", f"give each a number: `params: {{{text}}}`")
    for key, value in mapping.items if mapping else ():
        check_name(sink, key.text, key.span, "parameter")
        if isinstance(value, Scalar) and type(value.value) in (int, float):
            entry = Span(key.span.source, key.span.start, value.span.end)
            params[key.text] = Param(key.text, value.value, entry)  # type: ignore[arg-type]  # a number by its type
        else:
            message = f"a parameter is a number, found {kind(value)}"
            help = f"for example `{key.text}: 10`; expressions stand where they are used"
            sink.error("NS035", message, value.span, help=help)
            params[key.text] = Param(key.text, 0, key.span)
    return params


def _named(fields: Fields, section: str, name: str, sink: Sink) -> Mapping | None:
    """Return a section that gives names; one without a name is reported with an example of one."""
    tree = fields.get(section)
    if tree is None or isinstance(tree, Mapping):
        return tree
    text = tree.span.text
    items = tree.items if isinstance(tree, Sequence) else ()
    words = [
        item.text for item in items if isinstance(item, Scalar) and isinstance(item.value, str)
    ]
    if section == "inputs" and isinstance(tree, Scalar):
        name, text = (tree.text if isinstance(tree.value, str) else name), "[3, 224, 224]"
    if section == "outputs" and words:
        text = ", ".join(f"{word}: {word}" for word in words)
        return fields.mapping(section, f"give each a name: `outputs: {{{text}}}`")
    return fields.mapping(section, f"give it a name: `{section}: {{{name}: {text}}}`")


def _read_inputs(fields: Fields, scope: Scope, sink: Sink) -> dict[str, Argument]:
    tree = _named(fields, "inputs", "image", sink)
    inputs: dict[str, Argument] = {}
    for key, value in tree.items if tree else ():
        check_name(sink, key.text, key.span, "input")
        if isinstance(value, Mapping):
            value = _shape_within(value, sink)
        shape = read_argument(value, scope, sink)
        inputs[key.text] = shape or Argument((), value.span)
        if shape is None:
            continue
        if not isinstance(shape.value, tuple) or not 1 <= len(shape.value) <= MAX_RANK:
            message = f"an input is a shape of 1 to {MAX_RANK} sizes, found {kind(value)}"
            found = sizes(value.span.text)
            help = f"write `{list(found)}`" if found else "for example [3, 224, 224]"
            sink.error("NS012", message, value.span, help=help)
    if tree is not None and not tree.items:
        sink.error("NS010", "a network needs an input", tree.span)
    return inputs


def _shape_within(tree: Mapping, sink: Sink) -> Tree:
    """Report `image: {shape: [3, 32, 32]}`; return the shape, if there is one."""
    shapes = [value for _, value in tree.items if isinstance(value, Sequence)]
    if not shapes:
        return tree
    help = f"write {shapes[0].span.text}"
    sink.error("NS012", "an input is a shape, found a mapping", tree.span, help=help)
    return shapes[0]


# ------------------------------------------------------------------ graph, outputs, expect


def _read_graph(fields: Fields, around: Surroundings, context: Context) -> Chain | None:
    tree = fields.get("graph")
    if not isinstance(tree, Mapping):
        message = f"`graph` expects named layers, found {kind(tree) if tree else 'nothing'}"
        help = "give each a name, for example `conv1: {conv2d: [64, 3]}`"
        context.sink.error("NS012", message, tree.span if tree else None, help=help)
        return None
    chain = read_chain(tree, around, context)
    if chain and chain.layers and len(around.inputs) > 1:
        _need_from(chain, tree, around, context.sink)
    return chain


def _need_from(chain: Chain, tree: Mapping, around: Surroundings, sink: Sink) -> None:
    first = chain.layers[0]
    if first.sources and first.sources[0].span is None:
        names = ", ".join(around.inputs)
        message = f"`{first.name}` must say which input it reads: {names}"
        sink.error("NS026", message, first.span, help=f"add `from: {around.inputs[0]}`")


def _read_outputs(
    fields: Fields, graph: Chain | None, around: Surroundings, context: Context
) -> tuple[Output, ...]:
    tree = _named(fields, "outputs", "out", context.sink)
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
            context.sink.error("NS012", message, value.span, help=help)
            continue
        else:
            output = _read_head(key, value, around.scope, context)
            if output and (key.text in layers or key.text in around.inputs):
                message = f"the head `{key.text}` has the name of a layer of the graph"
                context.sink.error("NS015", message, key.span, help="rename one of the two")
        if output is None:
            continue
        layer = output.head or layers.get(output.ref.name)
        outputs.append(replace(output, weight=layer.weight if layer else None))
        for ref in output.head.sources if output.head else (output.ref,):
            if graph and ref.name not in readable:
                refuse_ref(ref, ordered, context.sink, places)
    if tree is not None and not tree.items:
        context.sink.error("NS010", "a network needs an output", tree.span)
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
                sink.error("NS011", message, layer.weight.span, help=help)


def _read_ref(key: Scalar, value: Scalar, sink: Sink) -> Output | None:
    if isinstance(value.value, str):
        name, _, port = value.text.partition(".")
        return Output(key.text, key.span, Ref(name, value.span, port))
    message = f"an output is a layer's name, found {kind(value)}"
    sink.error("NS012", message, value.span, help="for example `logits: fc`")
    return None


def _read_head(key: Scalar, value: Tree, scope: Scope, context: Context) -> Output | None:
    layer = read_layer(key.text, key.span, value, Ref(""), scope, context)
    if layer is None:
        return None
    if not layer.sources or layer.sources[0].span is None:
        message = f"the output `{key.text}` must say what it reads"
        context.sink.error("NS026", message, key.span, help="add `from: LAYER`")
        return None
    return Output(key.text, key.span, Ref(key.text, key.span), layer)


_BOUND = re.compile(
    r"(<=|>=|<|>)?\s*((?!0[0-9])[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)\s*([KMG])?", re.ASCII
)


_METRICS = {
    "params": "parameters weights size n_params num_params nparams",
    "macs": "madds maccs mult_adds multiply_adds mul_adds gmacs mac muladds",
    "depth": "layers num_layers",
}


def _metric_meant(name: str, value: Tree, absent: Items[str]) -> str:
    """Return the metric that another name stands for, with the number that follows."""
    word = name.lower()
    for metric, others in _METRICS.items():
        if word in others.split():
            return f"did you mean `{metric}`?"
    if word.lstrip("gm") not in ("flops", "flop"):
        is_depth = (
            isinstance(value, Scalar) and type(value.value) is int and value.value <= MAX_DEPTH
        )
        meant = "did you mean `depth`?" if is_depth and "depth" in absent else ""
        return suggest(name, absent) or meant
    match = _BOUND.fullmatch(value.span.text.strip("'\"")[:64])
    unit = "G" if word[0] == "g" else "M" if word[0] == "m" else ""
    half = f"{match[1] or ''}{_halved(match[2])}{match[3] or unit}" if match else "half of it"
    return f"multiply-adds count once, and are two FLOPs: `macs: {half}`"


def _halved(number: str) -> str:
    half = Fraction(number) / 2
    return str(half) if half.denominator == 1 else str(float(half))


def _read_expect(tree: Mapping | None, sink: Sink) -> tuple[Expectation, ...]:
    expectations = []
    for key, value in tree.items if tree else ():
        if key.text not in METRICS:
            absent = [metric for metric in METRICS if tree and not tree.find(metric)]
            help = _metric_meant(key.text, value, absent) or "known: " + ", ".join(absent)
            sink.error("NS011", f"no metric is called `{key.text}`", key.span, help=help)
            continue
        text = value.span.text if isinstance(value, Scalar) else ""
        match = _BOUND.fullmatch(text.strip("'\""))
        if match is None or len(text) > 64:
            message = "a bound is a positive number such as 6998552 or `<=1.6G`, "
            meant = text.strip("'\"").lstrip("-+=~ ")
            help = f"write `{meant}`" if len(text) <= 64 and _BOUND.fullmatch(meant) else ""
            sink.error("NS035", f"{message}found {kind(value)}", value.span, help=help)
            continue
        number = float(match[2]) if "." in match[2] or "e" in match[2].lower() else int(match[2])
        scale = {"K": 10**3, "M": 10**6, "G": 10**9}.get(match[3] or "", 1)
        argument = Argument(text, value.span)
        expectations.append(Expectation(key.text, match[1] or "==", number * scale, argument))
    return tuple(expectations)
