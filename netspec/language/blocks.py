"""The section `blocks`: signatures first, so that a block may use one that stands below it."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table

from netspec.language.fields import Fields, as_mapping, corrected, kind
from netspec.language.layers import Surroundings, read_body, refuse_ref
from netspec.language.lookup import Context, Signature
from netspec.language.model import INPUT, Block, Body, Chain
from netspec.language.names import check_block_name, check_name, check_widths
from netspec.language.strays import bodied
from netspec.language.terms import Param, Ref
from netspec.language.values import Scope
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, resolve


def read_signatures(
    tree: Mapping | None, name: Scalar, outer: Scope, sink: Sink
) -> dict[str, Signature]:
    """Read what a use of each block must give; `outer` has the parameters of the spec."""
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
        visible = {**outer.params, **params}
        check_widths(sink, inputs, {text: param.span for text, param in visible.items()})
        signatures[key.text] = Signature(params, inputs, key.span)
    return signatures


_PARAM = re.compile(r"\s*([^\s=]+)\s*(?:=\s*(\S+)\s*)?")


def _read_signature(block: Mapping, sink: Sink) -> dict[str, Param]:
    found = block.find("params")
    if found is None:
        return {}
    params: dict[str, Param] = {}
    for item in _listed(found[1], sink):
        param = _read_param(item, sink)
        if param.name in params:
            sink.error("NS003", f"the parameter `{param.name}` stands twice", param.span)
        if param.default is None and any(p.default is not None for p in params.values()):
            message = f"`{param.name}` without a default follows one with a default"
            help = "give it one too, or put it in front"
            sink.error("NS012", message, param.span, help=help)
            param = Param(param.name, 0, param.span)
        params[param.name] = param
    return params


def _listed(tree: Tree, sink: Sink) -> list[Tree]:
    """Return the parameters of a block as they are to be read, however they were written."""
    if isinstance(tree, Sequence):
        return [_plain(item, sink) for item in tree.items]
    items: list[Tree] = []
    if isinstance(tree, Mapping):
        items = [_assigned(key, value) for key, value in tree.items]
    elif isinstance(tree, Scalar):
        items = [Scalar(word, tree.span) for word in re.findall(r"[A-Za-z][\w=.]*", tree.text)]
    message = f"a block's `params` is a list such as [out, k, s=1], found {kind(tree)}"
    texts = ", ".join(item.text for item in items if isinstance(item, Scalar))
    help = f"write `params: [{texts}]`" if items else ""
    sink.error("NS012", message, tree.span, help=help)
    return items


def _plain(item: Tree, sink: Sink) -> Tree:
    """Return `s=1` for `s: 1` and `out` for `$out`, reported."""
    if isinstance(item, Mapping) and len(item.items) == 1:
        meant = _assigned(*item.items[0])
        message = "a parameter is written `name` or `name=number`, found a mapping"
        sink.error("NS012", message, item.span, help=f"write `{meant.text}`")
        return Scalar(meant.text, item.span)
    if isinstance(item, Scalar) and item.text.startswith("$"):
        message = "a parameter has `$` where it is used, not where it is named"
        sink.error("NS013", message, item.span, help=f"write `{item.text[1:]}`")
        return Scalar(item.text[1:], item.span)
    return item


def _assigned(key: Scalar, value: Tree) -> Scalar:
    given = f"={value.span.text}" if isinstance(value, Scalar) and value.span.text else ""
    return Scalar(key.text + given, key.span)


def _read_param(tree: Tree, sink: Sink) -> Param:
    """Read `name` or `name=number`; one that is wrong is reported, and keeps its place."""
    match = _PARAM.fullmatch(tree.text) if isinstance(tree, Scalar) else None
    if match is None or not isinstance(tree, Scalar) or not isinstance(tree.value, str):
        message = f"a parameter is written `name` or `name=number`, found {kind(tree)}"
        sink.error("NS012", message, tree.span)
        return Param(tree.span.text, 0, tree.span)
    check_name(sink, match[1], tree.span, "parameter")
    default = None if match[2] is None else _default(match, tree, sink)
    return Param(match[1], default, tree.span)


def _default(match: re.Match[str], tree: Scalar, sink: Sink) -> int | float | bool:
    """Read a parameter's default by the rules of every other number."""
    start = tree.span.start + tree.quoted + match.start(2)
    place = Span(tree.span.source, start, start + len(match[2]))
    before = len(sink.items)
    value = resolve(match[2], place, sink)
    if isinstance(value, int | float):
        return value
    if len(sink.items) == before:
        sink.error("NS035", f"the default of `{match[1]}` is no number: `{match[2]}`", place)
    return 0


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


def correct_blocks(tree: Mapping | None, sink: Sink) -> Mapping | None:
    """Report unknown keys of blocks; later readers see the keys that were meant."""
    if tree is None:
        return None
    items = [
        (key, _corrected(value, sink, f"the block `{key.text}`"))
        if isinstance(value, Mapping)
        else (key, value)
        for key, value in tree.items
    ]
    return Mapping(tuple(items), tree.span)


def _corrected(block: Mapping, sink: Sink, what: str) -> Mapping:
    return corrected(bodied(block, what, BLOCK_KEYS, sink), sink, what, BLOCK_KEYS)


BLOCK_KEYS = ("doc", "params", "inputs", "outputs", "chain", "parallel", "join")


def read_blocks(tree: Mapping | None, outer: Scope, context: Context) -> dict[str, Block]:
    blocks = {}
    for key, value in tree.items if tree else ():
        if not isinstance(value, Mapping):
            continue
        fields = Fields(value, Sink(), f"the block `{key.text}`", BLOCK_KEYS)
        signature = context.signatures[key.text]
        scope = Scope(signature.params, outer)
        around = Surroundings(scope, signature.inputs or (INPUT,))
        body = read_body(value, around, context)
        warn_unused(signature.params, scope, context.sink)
        outputs = _read_block_outputs(value, body, context.sink)
        if body is not None:
            doc = fields.text("doc")
            params, inputs = signature.params, signature.inputs
            blocks[key.text] = Block(key.text, key.span, params, inputs, body, doc, outputs)
    return blocks


def _read_block_outputs(block: Mapping, body: Body | None, sink: Sink) -> tuple[Ref, ...]:
    """Read the names of the layers that a use of the block can be read for."""
    found = block.find("outputs")
    if found is None:
        return ()
    items = found[1].items if isinstance(found[1], Sequence) else ()
    names = [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if not names or len(names) < len(items) or not isinstance(body, Chain):
        message = "a block's `outputs` lists layers of its `chain`"
        sink.error("NS012", message, found[1].span, help="for example `outputs: [low, high]`")
        return ()
    layers = [layer.name for layer in body.layers]
    refs = [Ref(item.text, item.span) for item in names]
    for ref in refs:
        if ref.name not in layers:
            refuse_ref(ref, sorted(layers), sink)
    return tuple(refs)


def warn_unused(params: Table[str, Param], scope: Scope, sink: Sink) -> None:
    for name in scope.params:
        if name not in scope.used:
            param = params[name]
            message = f"no expression uses the parameter `{name}`"
            help = f"delete it, or use it as `${name}`"
            sink.add(Diagnostic("NS024", message, param.span, help=help, severity="warning"))


def warn_unused_blocks(context: Context) -> None:
    for name, signature in context.signatures.items():
        if name not in context.used_blocks:
            message = f"nothing uses the block `{name}`"
            diagnostic = Diagnostic("NS027", message, signature.span, severity="warning")
            context.sink.add(diagnostic)
