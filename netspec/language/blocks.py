"""The section `blocks`: signatures first, so that a block may use one that stands below it."""

from __future__ import annotations

from collections.abc import Mapping as Table
from keyword import iskeyword

from netspec.language.grammar import BlockKeys, LayerKeys
from netspec.language.keys import Reading, as_mapping, corrected, read_known
from netspec.language.layers import Surroundings, read_body, refuse_ref
from netspec.language.lookup import Context, Signature
from netspec.language.model import INPUT, Block, Body, Chain
from netspec.language.names import check_block_name, check_widths
from netspec.language.signature import refuse_outputs
from netspec.language.strays import bodied
from netspec.language.terms import Param
from netspec.language.values import Scope
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink
from netspec.text.syntax import Mapping, Scalar, Tree


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
            sink.add(Diagnostic(Code.CLASH, message, key.span, notes=notes))
        block = _read_block(value, f"the block `{key.text}`", sink)
        keys = block or Mapping((), value.span)
        said = read_known(BlockKeys, keys, "a block", Reading(sink))
        _refuse_layer_keys(said.params, sink)
        visible = {**outer.params, **said.params}
        check_widths(sink, said.inputs, {text: param.span for text, param in visible.items()})
        signatures[key.text] = Signature(said, block, key.span)
    return signatures


def _refuse_layer_keys(params: Table[str, Param], sink: Sink) -> None:
    """Report parameters that a use of the block could not tell from a layer's own keys."""
    for name in LayerKeys.kinds().keys() & params.keys():
        if not iskeyword(name):  # said before
            message = f"a parameter cannot be called `{name}`: a layer says `{name}:` itself"
            help = f"rename it, for example `{name}_parameter`"
            sink.error(Code.TAKEN_NAME, message, params[name].span, help=help)


def _read_block(tree: Tree, what: str, sink: Sink) -> Mapping | None:
    """Return a block with the keys that were meant, None after reporting what is no mapping."""
    block = as_mapping(tree, sink, what)
    block = block and bodied(block, what, BlockKeys.kinds(), sink)
    return block and corrected(BlockKeys, block, what, sink)


def read_blocks(outer: Scope, context: Context) -> dict[str, Block]:
    blocks = {}
    for name, signature in context.signatures.items():
        said = signature.said
        scope = Scope(said.params, outer)
        around = Surroundings(scope, said.inputs or (INPUT,))
        body = read_body(signature.tree, around, context) if signature.tree else None
        warn_unused(said.params, scope, context.sink)
        _check_outputs(signature, body, context.sink)
        if body is not None:
            parts = (said.params, said.inputs, body, said.doc, said.outputs)
            blocks[name] = Block(name, signature.span, *parts)
    return blocks


def _check_outputs(signature: Signature, body: Body | None, sink: Sink) -> None:
    """Report what a use of the block cannot be read for."""
    outputs = signature.tree and signature.tree.find("outputs")
    if outputs and signature.said.outputs and not isinstance(body, Chain):
        refuse_outputs(outputs[1].span, sink)
        return
    layers = sorted(layer.name for layer in body.layers) if isinstance(body, Chain) else []
    for ref in signature.said.outputs:
        if ref.name not in layers:
            refuse_ref(ref, layers, sink)


def warn_unused(params: Table[str, Param], scope: Scope, sink: Sink) -> None:
    for name in scope.params:
        if name not in scope.used:
            param = params[name]
            message = f"no expression uses the parameter `{name}`"
            help = f"delete it, or use it as `${name}`"
            sink.add(
                Diagnostic(Code.UNUSED_PARAM, message, param.span, help=help, severity="warning")
            )


def warn_unused_blocks(context: Context) -> None:
    for name, signature in context.signatures.items():
        if name not in context.used_blocks:
            message = f"nothing uses the block `{name}`"
            diagnostic = Diagnostic(Code.UNUSED_BLOCK, message, signature.span, severity="warning")
            context.sink.add(diagnostic)
