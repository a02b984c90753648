"""Layers of a list that take no number where they are absent: `else: nothing`."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.language.model import Chain, Layer, OpCall, ShareCall
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink


def refuse_gaps(layers: list[Layer], sink: Sink) -> None:
    """Report layers of a list that cannot move up where one before them is left out."""
    gaps = (i for i, layer in enumerate(layers) if layer.condition and layer.said.otherwise)
    first = next(gaps, None)
    if first is None:
        return
    functions = [layer for layer in layers if not is_module(layer)]
    if functions:
        notes = (Label(functions[0].call.span, "is no module by itself"),)
        message = "`else: nothing` stands in a list of modules, which moves up where one is absent"
        help = "put what is no module into a block, or leave `else:` out: the input passes through"
        place = layers[first].span
        sink.add(Diagnostic(Code.UNKNOWN_KEY, message, place, notes=notes, help=help))
    for layer in layers[first:]:
        if filled := next(_filled(layer), None):
            message = "`init:` of a layer whose number depends on a condition"
            help = "say it for all layers of an op in the section `init:`, or in a block"
            sink.error(Code.UNKNOWN_KEY, message, filled.span, help=help)


def is_module(layer: Layer) -> bool:
    """Tell whether a layer of a list is a module that reads the one before it."""
    is_straight = layer.sources and not any(ref.span for ref in layer.sources)
    match layer.call:
        case _ if not is_straight or layer.train_only:
            return False
        case OpCall(op=op):
            return op.in_sequence or op.is_wrapped
        case Chain(layers=inner, named=named):
            return named or all(map(is_module, inner))
        case ShareCall():
            return False
    return True


def _filled(layer: Layer) -> Iterator[Layer]:
    """Yield what of a layer and the lists in it says `init:` itself."""
    if layer.said.init:
        yield layer
    for inner in layer.call.layers if isinstance(layer.call, Chain) else ():
        yield from _filled(inner)
