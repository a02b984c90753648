"""Names of layers that are read or shared: whether they are there."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import replace
from types import MappingProxyType

from netspec.language.model import Layer, OpCall, ShareCall
from netspec.language.terms import Ref
from netspec.ops.base import Join
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, counted, likely, listed, suggest


def check_refs(layers: list[Layer], names: set[str], inputs: tuple[str, ...], sink: Sink) -> None:
    """Report each `from:` that names nothing the layer can read."""
    places = {layer.name: layer.span for layer in layers}
    readable = sorted([*names, *inputs])
    for layer in layers:
        for ref in layer.sources:
            if ref.span is None:
                continue
            if ref.name == layer.name and ref.name in names:
                sink.error(Code.CYCLE, f"`{layer.name}` reads itself", ref.span)
            elif ref.name not in names and ref.name not in inputs:
                # Neither the layer itself nor what it reads already was meant.
                own = {layer.name, *(source.name for source in layer.sources)}
                refuse_ref(ref, [name for name in readable if name not in own], sink, places)
    check_shares(layers, {layer.name: layer for layer in layers if layer.name in names}, sink)


def check_shares(layers: Iterable[Layer], peers: Table[str, Layer], sink: Sink) -> None:
    """Report each `share:` that names no layer with weights of its own."""
    for layer in layers:
        if not isinstance(layer.call, ShareCall):
            continue
        target = peers.get(layer.call.target.name)
        if target is None:
            places = {name: peer.span for name, peer in peers.items()}
            refuse_ref(layer.call.target, sorted(peers), sink, places)
        elif isinstance(target.call, ShareCall):
            message = f"`{target.name}` has no weights of its own: it is another call itself"
            help = "name the layer that has the weights"
            sink.add(Diagnostic(Code.UNKNOWN_LAYER, message, layer.call.target.span, help=help))
        else:
            _check_shared_arity(layer, target, sink)


def _check_shared_arity(layer: Layer, target: Layer, sink: Sink) -> None:
    """Report another call of a layer that reads more or fewer inputs than the layer."""
    found, wanted = len(layer.sources), len(target.sources)
    is_join = isinstance(target.call, OpCall) and isinstance(target.call.op, Join)
    if found == wanted or (is_join and found > 1):
        return
    where = layer.sources[-1].span or layer.span
    message = f"`{target.name}` reads {counted(wanted, 'input')}, found {found}"
    sink.add(Diagnostic(Code.INPUTS, message, where))


def refuse_ref(
    ref: Ref, readable: list[str], sink: Sink, places: Table[str, Span] = MappingProxyType({})
) -> None:
    """Report a reference to nothing, with the nearest of the sorted names and its place."""
    # The suggestion looks at 500 names at most: those beside the name in the order of the alphabet.
    middle = bisect(readable, ref.name)
    known = readable[max(0, middle - 250) : middle + 250]
    help = suggest(ref.name, known, ref.span) or f"it can read: {listed(known)}"
    found = [name for name in likely(ref.name, known) if name in places]
    notes = tuple(Label(places[name], f"`{name}` stands here") for name in found)
    message = f"no layer of this chain is called `{ref.name}`"
    mistake = Diagnostic(Code.UNKNOWN_LAYER, message, ref.span, notes=notes, help=help)
    sink.add(replace(mistake, guesses=tuple(known)))
