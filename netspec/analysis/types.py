"""Which tensors hold integers: an op that computes with real numbers refuses them."""

from __future__ import annotations

from netspec.graph.model import Graph, NodeId, path
from netspec.ops.base import INTEGER, REAL
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Sink

_CURES = {
    INTEGER: "`embedding` turns integers into vectors",
    REAL: "an input holds integers if it says so: `{shape: [128], dtype: int64}`",
}


def check_types(graph: Graph, sink: Sink) -> None:
    """Report each layer that reads integers and computes with reals, or the other way round."""
    held: dict[NodeId, str] = dict.fromkeys(graph.inputs, REAL)
    held |= dict.fromkeys(graph.integers, INTEGER)
    for node in graph.nodes.values():
        found = [held[source] for source in node.inputs]
        held[node.id] = node.op.gives(*found)
        takes = node.op.takes
        for place, (source, type) in enumerate(zip(node.inputs, found, strict=True)):
            wanted = takes[min(place, len(takes) - 1)]
            if wanted not in (None, type):
                message = f"`{node.call.op.op_name}` reads {wanted}, `{path(source)}` holds {type}"
                sink.add(Diagnostic(Code.TYPE, message, node.call.span, help=_CURES[type]))
                # What it gives is what it would give if that were mended.
                held[node.id] = REAL
