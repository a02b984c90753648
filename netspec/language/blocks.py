"""The section `blocks`: signatures first, so that a block may use one that stands below it."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence as Items

from netspec.language.grammar import BlockKeys
from netspec.language.keys import Reading, as_mapping, corrected, read_known
from netspec.language.layers import Surroundings, read_body, refuse_ref
from netspec.language.lookup import Context, Signature
from netspec.language.model import INPUT, Block, Body, Chain
from netspec.language.names import check_block_name, check_widths
from netspec.language.signature import refuse_outputs
from netspec.language.strays import bodied
from netspec.language.terms import Param, Ref
from netspec.language.values import Scope
from netspec.text.diagnostics import Diagnostic, Label, Sink
from netspec.text.syntax import Mapping, Scalar


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
        said = read_known(BlockKeys, block, "a block", Reading(sink)) if block else BlockKeys()
        visible = {**outer.params, **said.params}
        check_widths(sink, said.inputs, {text: param.span for text, param in visible.items()})
        signatures[key.text] = Signature(said, key.span)
    return signatures


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
    return corrected(BlockKeys, bodied(block, what, BlockKeys.kinds(), sink), what, sink)


def read_blocks(tree: Mapping | None, outer: Scope, context: Context) -> dict[str, Block]:
    blocks = {}
    for key, value in tree.items if tree else ():
        if not isinstance(value, Mapping):
            continue
        signature = context.signatures[key.text]
        scope = Scope(signature.params, outer)
        around = Surroundings(scope, signature.inputs or (INPUT,))
        body = read_body(value, around, context)
        warn_unused(signature.params, scope, context.sink)
        outputs = signature.said.outputs
        _check_outputs(outputs, value, body, context.sink)
        if body is not None:
            params, inputs, doc = signature.params, signature.inputs, signature.said.doc
            blocks[key.text] = Block(key.text, key.span, params, inputs, body, doc, outputs)
    return blocks


def _check_outputs(outputs: Items[Ref], block: Mapping, body: Body | None, sink: Sink) -> None:
    """Report what a use of the block cannot be read for."""
    if outputs and not isinstance(body, Chain):
        place = next(value.span for key, value in block.items if key.text == "outputs")
        refuse_outputs(place, sink)
        return
    layers = sorted(layer.name for layer in body.layers) if isinstance(body, Chain) else []
    for ref in outputs:
        if ref.name not in layers:
            refuse_ref(ref, layers, sink)


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
