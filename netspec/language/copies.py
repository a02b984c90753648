"""Copies: those that `splice:` makes of a layer, and where what is said of copies cannot stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec import limits
from netspec.language.lookup import Context
from netspec.language.model import BlockCall, Layer, OpCall, ShareCall
from netspec.language.terms import NUMBERS, Ref, Series
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, counted
from netspec.text.fixes import either, writing
from netspec.text.syntax import Mapping, Scalar


def spliced(layer: Layer, context: Context) -> list[Layer]:
    """Return the copies of a layer that a chain has in its place, each reading the one before."""
    context.spliced += layer.said.splice or 0
    if context.spliced > limits.LAYERS:
        message = f"more than {limits.LAYERS:,} layers"
        context.sink.error(Code.LIMIT, message, layer.span, "too many from here on")
        context.sink.stop()
    layers: list[Layer] = []
    series = Series("", int(layer.name)) if layer.name.isdecimal() else layer.said.copies
    said = layer.said.model_copy(update={"splice": None, "first": {}, "copies": NUMBERS})
    for index in range(layer.said.splice or 0):
        name = series.name(index)
        sources = (Ref(layers[-1].name),) if layers else layer.sources
        call = layer.call_of(index)
        layers.append(replace(layer, name=name, call=call, sources=sources, said=said, index=index))
    # A contract is about what all of them give.
    others = said.model_copy(update={"shape": None})
    return [*(replace(copy, said=others) for copy in layers[:-1]), layers[-1]]


def refuse_taken(layers: Sequence[Layer], inputs: Sequence[str], sink: Sink) -> None:
    """Report copies in a chain of names that are called as an input or another layer is."""
    copies = [layer for layer in layers if layer.index is not None]
    lines = {layer.name: layer for layer in layers if layer.index is None}
    seen: dict[str, Layer] = {}
    for copy in copies:
        twin = lines.get(copy.name) or seen.setdefault(copy.name, copy)
        if twin is not copy or copy.name in inputs:
            what = "an input" if copy.name in inputs else "another layer"
            message = f"the copy `{copy.name}` has the name of {what}"
            notes = (Label(twin.span, "the other one"),) if twin is not copy else ()
            help = "choose other names with `copies:`"
            sink.add(Diagnostic(Code.CLASH, message, copy.span, notes=notes, help=help))


def misplaced_copies(
    layer: Layer, tree: Mapping, context: Context
) -> Iterator[tuple[str, Span, str]]:
    """Yield what is said of `repeat:`, `splice:` and `copies:` where they cannot stand."""
    repeat, splice, copies = map(tree.find, ("repeat", "splice", "copies"))
    for found in (repeat, splice):
        if found and isinstance(layer.call, ShareCall):
            message = f"`{found[0].text}:` stacks modules; another call of a layer makes none"
            yield message, found[0].span, ""
    if splice and repeat:
        help = "`repeat` makes one layer of its copies, `splice` as many layers of the list"
        yield "a layer says `repeat:` or `splice:`", splice[0].span, help
    elif splice and not copies and not layer.name.isdecimal():
        help = "add `copies: NAME1`, or write `repeat:`, whose copies are `NAME.0`, `NAME.1` …"
        message = "`splice:` gives copies the numbers of a list, and here layers have names"
        yield message, splice[0].span, help
    if copies and splice and layer.name.isdecimal():
        help = "write `repeat:`, or delete `copies:`"
        yield "with `splice:` copies have the numbers of the list", copies[0].span, help
    elif copies and splice:
        yield from _misnamed(layer, copies[1].span)
    elif copies and not repeat:
        yield "`copies:` needs `repeat:`", copies[0].span, "add `repeat: COUNT`"
    if found := repeat or splice:
        yield from _unchainable(layer, found[0], context)


def _misnamed(layer: Layer, place: Span) -> Iterator[tuple[str, Span, str]]:
    """Yield what keeps copies from being layers of a chain: a hyphen in their names."""
    if "-" in layer.said.copies.stem:
        name = layer.said.copies.name(0).replace("-", "_")
        help = either(writing(place, name), "`repeat:`")
        yield "a layer's name has no `-`, and `splice:` makes layers", place, help


def _unchainable(layer: Layer, key: Scalar, context: Context) -> Iterator[tuple[str, Span, str]]:
    """Yield what keeps copies from reading each other."""
    call, what = layer.call, "it"
    outputs: Sequence[object] = ()
    if isinstance(call, OpCall):
        what = f"`{call.op.op_name}`"
    elif isinstance(call, BlockCall):
        what, outputs = f"`{call.block}`", context.signatures[call.block].said.outputs
    if len(layer.sources) != 1 or len(outputs) > 1:
        count = f"reads {counted(len(layer.sources), 'input')}"
        if len(outputs) > 1:
            count = f"gives {counted(len(outputs), 'output')}"
        help = "put what reads or gives several into a block around it, which does not"
        yield f"`{key.text}:` lets each copy read the one before; {what} {count}", key.span, help
