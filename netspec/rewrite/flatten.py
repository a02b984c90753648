"""A concatenation of concatenations copies what they join once instead of twice."""

from __future__ import annotations

from dataclasses import replace

from netspec.language.model import Layer, OpCall
from netspec.language.terms import Ref
from netspec.ops.axes import index
from netspec.ops.merge import Concat
from netspec.rewrite.view import Edit, View


def flatten_concat(view: View) -> Edit | None:
    """Let a concatenation read what concatenations join that only it reads."""
    for layer in view.layers.values():
        inner = [ref.name for ref in layer.sources if _is_part(view, ref, layer)]
        sources = tuple(
            part
            for ref in layer.sources
            for part in (view.layers[ref.name].sources if ref.name in inner else (ref,))
        )
        if inner and isinstance(layer.call, OpCall) and len(sources) in layer.call.op.reads:
            changed = dict.fromkeys(inner) | {layer.name: replace(layer, sources=sources)}
            return replace(view.edit(changed), times=len({*inner}))
    return None


def _is_part(view: View, ref: Ref, outer: Layer) -> bool:
    """Tell whether what a layer reads is a concatenation along the same axis, for it alone."""
    inner = view.layers.get(ref.name)
    return (
        inner is not None
        and all(view.is_op(x, Concat) and x.said.when is None for x in (inner, outer))
        and view.feeds(inner.name, outer.name)
        and not view.reads_overwritten(inner.name)
        and _axes(view, inner) == _axes(view, outer)
    )


def _axes(view: View, layer: Layer) -> list[int]:
    """Return the dimension along which a layer concatenates in each use of the body."""
    found = []
    for node in view.nodes(layer.name):
        assert isinstance(node.op, Concat)
        found.append(index(node.op.dim, view.network.shapes[node.id]))
    return found
