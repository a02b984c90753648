"""Tree → Spec: the sections of a file."""

from __future__ import annotations

import re

from netspec.diagnostics import Diagnostic, Label, Sink, suggest
from netspec.spec.fields import Fields, as_mapping, kind
from netspec.spec.layers import (
    Context,
    Signature,
    Surroundings,
    read_body,
    read_chain,
    read_layer,
    refuse_ref,
)
from netspec.spec.model import (
    INPUT,
    Argument,
    Block,
    Chain,
    Expectation,
    Output,
    Param,
    Ref,
    Spec,
)
from netspec.spec.names import check_block_name, check_name
from netspec.spec.values import Scope, read_argument
from netspec.syntax import Mapping, Scalar, Sequence, Tree

SECTIONS = ("netspec", "name", "doc", "params", "inputs", "blocks", "graph", "outputs", "expect")
METRICS = ("params", "macs", "depth", "train_params", "train_macs")


def read(tree: Tree, sink: Sink) -> Spec:
    """Read a spec; warnings go into the sink. Raises SpecError with every mistake found."""
    fields = Fields(_whole(tree, sink), sink, "a spec", SECTIONS)
    _check_version(fields, sink)
    name = _read_name(fields, sink)
    params = _read_params(fields.mapping("params"), sink)
    scope = Scope(params)
    inputs = _read_inputs(fields, scope, sink)
    context = Context(sink, _read_signatures(fields.mapping("blocks"), name, sink))
    blocks = _read_blocks(fields.mapping("blocks"), scope, context)
    graph = _read_graph(fields, Surroundings(scope, tuple(inputs)), context)
    outputs = _read_outputs(fields, graph, Surroundings(scope, tuple(inputs)), context)
    expect = _read_expect(fields.mapping("expect"), sink)
    _warn_unused(params, scope, sink)
    _warn_unused_blocks(context)
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
        fields.text("doc"),
    )


def _whole(tree: Tree, sink: Sink) -> Mapping:
    if isinstance(tree, Mapping):
        return tree
    message = f"a spec is a mapping with `netspec: 1`, found {kind(tree)}"
    sink.error("NS002", message, tree.span, help="`netspec init` writes a first one")
    sink.stop()
    raise AssertionError


def _check_version(fields: Fields, sink: Sink) -> None:
    version = fields.need("netspec")
    if version is None:
        return
    if not isinstance(version, Scalar) or type(version.value) is not int or version.value != 1:
        message = f"this netspec reads language version 1, found {kind(version)}"
        sink.error("NS012", message, version.span, help="write `netspec: 1`")


def _read_name(fields: Fields, sink: Sink) -> Scalar:
    tree = fields.need("name")
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        check_block_name(sink, tree.text, tree.span, "network")
        return tree
    if tree is not None:
        sink.error("NS012", f"`name` expects a word, found {kind(tree)}", tree.span)
    return Scalar("Model", fields.place)


def _read_params(tree: Mapping | None, sink: Sink) -> dict[str, Param]:
    params: dict[str, Param] = {}
    for key, value in tree.items if tree else ():
        check_name(sink, key.text, key.span, "parameter")
        if isinstance(value, Scalar) and type(value.value) in (int, float):
            params[key.text] = Param(key.text, value.value, key.span)  # type: ignore[arg-type]  # a number by its type
        else:
            sink.error("NS035", f"a parameter is a number, found {kind(value)}", value.span)
            params[key.text] = Param(key.text, 0, key.span)
    return params


def _read_inputs(fields: Fields, scope: Scope, sink: Sink) -> dict[str, Argument]:
    fields.need("inputs")
    tree = fields.mapping("inputs")
    inputs: dict[str, Argument] = {}
    for key, value in tree.items if tree else ():
        check_name(sink, key.text, key.span, "input")
        shape = read_argument(value, scope, sink)
        inputs[key.text] = shape or Argument((), value.span)
        if shape is not None and (not isinstance(shape.value, tuple) or not shape.value):
            message = f"an input is a shape without the batch, found {kind(value)}"
            sink.error("NS012", message, value.span, help="for example [3, 224, 224]")
    if tree is not None and not tree.items:
        sink.error("NS010", "a network needs an input", tree.span)
    return inputs


# ------------------------------------------------------------------ blocks


def _read_signatures(tree: Mapping | None, name: Scalar, sink: Sink) -> dict[str, Signature]:
    """Read the heads of all blocks first, so that a block may use one that stands below it."""
    signatures = {}
    for key, value in tree.items if tree else ():
        check_block_name(sink, key.text, key.span)
        if key.text in (name.text, f"{name.text}Output"):
            notes = (Label(name.span, "the network"),)
            message = f"the block `{key.text}` has the name of a class of the network"
            sink.add(Diagnostic("NS015", message, key.span, notes=notes))
        block = as_mapping(value, sink, f"the block `{key.text}`")
        params = _read_signature(block, sink) if block else {}
        inputs = _read_block_inputs(block, sink) if block else ()
        signatures[key.text] = Signature(params, inputs, key.span)
    return signatures


_PARAM = re.compile(r"\s*([^\s=]+)\s*(?:=\s*(\S+)\s*)?")


def _read_signature(block: Mapping, sink: Sink) -> dict[str, Param]:
    found = block.find("params")
    if found is None:
        return {}
    if not isinstance(found[1], Sequence):
        message = f"a block's `params` is a list such as [out, k, s=1], found {kind(found[1])}"
        sink.error("NS012", message, found[1].span)
        return {}
    params: dict[str, Param] = {}
    for item in found[1].items:
        param = _read_param(item, sink)
        if param is None:
            continue
        if param.name in params:
            sink.error("NS003", f"the parameter `{param.name}` stands twice", param.span)
        if param.default is None and any(p.default is not None for p in params.values()):
            message = f"`{param.name}` without a default follows one with a default"
            sink.error("NS012", message, param.span)
        params[param.name] = param
    return params


def _read_param(tree: Tree, sink: Sink) -> Param | None:
    match = _PARAM.fullmatch(tree.text) if isinstance(tree, Scalar) else None
    if match is None or not isinstance(tree, Scalar) or not isinstance(tree.value, str):
        message = f"a parameter is written `name` or `name=number`, found {kind(tree)}"
        sink.error("NS012", message, tree.span)
        return None
    name, default = match[1], match[2]
    if not check_name(sink, name, tree.span, "parameter"):
        return None
    if default is None:
        return Param(name, None, tree.span)
    value = _default(default)
    if value is None:
        sink.error("NS035", f"the default of `{name}` is no number: `{default}`", tree.span)
        return Param(name, 0, tree.span)
    return Param(name, value, tree.span)


def _default(text: str) -> int | float | bool | None:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,15}\.?[0-9]{0,17}([eE][-+]?[0-9]{1,2})?", text):
        return float(text)
    return None


def _read_block_inputs(block: Mapping, sink: Sink) -> tuple[str, ...]:
    found = block.find("inputs")
    if found is None:
        return ()
    items = found[1].items if isinstance(found[1], Sequence) else ()
    names = [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if not names or len(names) < len(items):
        message = f"a block's `inputs` is a list of names, found {kind(found[1])}"
        sink.error("NS012", message, found[1].span, help="for example `inputs: [image, mask]`")
    seen: dict[str, Scalar] = {}
    for item in names:
        check_name(sink, item.text, item.span, "input")
        if item.text in seen:
            sink.error("NS003", f"the input `{item.text}` stands twice", item.span)
        seen[item.text] = item
    return tuple(seen)


BLOCK_KEYS = ("doc", "params", "inputs", "chain", "parallel", "join")


def _read_blocks(tree: Mapping | None, outer: Scope, context: Context) -> dict[str, Block]:
    blocks = {}
    for key, value in tree.items if tree else ():
        if not isinstance(value, Mapping):
            continue
        fields = Fields(value, context.sink, f"the block `{key.text}`", BLOCK_KEYS)
        signature = context.signatures[key.text]
        scope = Scope(signature.params, outer)
        around = Surroundings(scope, signature.inputs or (INPUT,))
        body = read_body(value, around, context)
        _warn_unused(signature.params, scope, context.sink)
        if body is not None:
            blocks[key.text] = Block(
                key.text, key.span, signature.params, signature.inputs, body, fields.text("doc")
            )
    return blocks


def _warn_unused(params: dict[str, Param] | object, scope: Scope, sink: Sink) -> None:
    for name in scope.params:
        if name not in scope.used:
            param = params[name]  # type: ignore[index]  # scope.params is params
            message = f"no expression uses the parameter `{name}`"
            help = f"delete it, or use it as `${name}`"
            sink.add(Diagnostic("NS024", message, param.span, help=help, severity="warning"))


def _warn_unused_blocks(context: Context) -> None:
    for name, signature in context.signatures.items():
        if name not in context.used_blocks:
            message = f"nothing uses the block `{name}`"
            diagnostic = Diagnostic("NS027", message, signature.span, severity="warning")
            context.sink.add(diagnostic)


# ------------------------------------------------------------------ graph, outputs, expect


def _read_graph(fields: Fields, around: Surroundings, context: Context) -> Chain | None:
    tree = fields.need("graph")
    if tree is None:
        return None
    if not isinstance(tree, Mapping):
        message = f"`graph` expects named layers, found {kind(tree)}"
        context.sink.error("NS012", message, tree.span)
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
    fields.need("outputs")
    tree = fields.mapping("outputs")
    layers = {layer.name: layer for layer in graph.layers} if graph else {}
    heads = (
        {key.text for key, value in tree.items if not isinstance(value, Scalar)} if tree else set()
    )
    readable = [*layers, *around.inputs, *heads]
    outputs = []
    for key, value in tree.items if tree else ():
        check_name(context.sink, key.text, key.span, "output")
        if isinstance(value, Scalar):
            output = _read_ref(key, value, context.sink)
        else:
            output = _read_head(key, value, around.scope, context)
            if output and (key.text in layers or key.text in around.inputs):
                message = f"the head `{key.text}` has the name of a layer of the graph"
                context.sink.error("NS015", message, key.span, help="rename one of the two")
        if output is None:
            continue
        outputs.append(output)
        for ref in output.head.sources if output.head else (output.ref,):
            if graph and ref.name not in readable:
                refuse_ref(ref, readable, context.sink)
    if tree is not None and not tree.items:
        context.sink.error("NS010", "a network needs an output", tree.span)
    return tuple(outputs)


def _read_ref(key: Scalar, value: Scalar, sink: Sink) -> Output | None:
    if isinstance(value.value, str):
        return Output(key.text, key.span, Ref(value.text, value.span))
    sink.error("NS012", f"an output is a layer's name, found {kind(value)}", value.span)
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


_BOUND = re.compile(r"(<=|>=|<|>)?\s*([0-9]+(?:\.[0-9]*)?(?:[eE][0-9]{1,2})?)\s*([KMG])?", re.ASCII)


def _read_expect(tree: Mapping | None, sink: Sink) -> tuple[Expectation, ...]:
    expectations = []
    for key, value in tree.items if tree else ():
        if key.text not in METRICS:
            help = suggest(key.text, METRICS) or "known: " + ", ".join(METRICS)
            sink.error("NS011", f"no metric is called `{key.text}`", key.span, help=help)
            continue
        text = value.span.text if isinstance(value, Scalar) else ""
        match = _BOUND.fullmatch(text.strip("'\""))
        if match is None or len(text) > 64:
            message = f"a bound is a number such as 6998552 or `<=1.6G`, found {kind(value)}"
            sink.error("NS035", message, value.span)
            continue
        number = float(match[2]) if "." in match[2] or "e" in match[2].lower() else int(match[2])
        scale = {"K": 10**3, "M": 10**6, "G": 10**9}.get(match[3] or "", 1)
        argument = Argument(text, value.span)
        expectations.append(Expectation(key.text, match[1] or "==", number * scale, argument))
    return tuple(expectations)
