"""What tensors hold, which ops refuse; and what an op or a block as an argument has to keep."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, NodeId, path
from netspec.language.model import GivenCall
from netspec.ops.base import INTEGER, REAL
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink

_CURES = {
    INTEGER: "`embedding` turns integers into vectors",
    REAL: "an input holds integers if it says so: `{shape: [128], dtype: int64}`",
}


def held_by(graph: Graph) -> Mapping[NodeId, str]:
    """Return what each input and node holds."""
    held: dict[NodeId, str] = dict.fromkeys(graph.inputs, REAL)
    held |= dict.fromkeys(graph.integers, INTEGER)
    for node in graph.nodes.values():
        held[node.id] = node.op.gives(*(held[source] for source in node.inputs))
    return held


def check_types(graph: Graph, sink: Sink) -> None:
    """Report each layer that reads integers and computes with reals, or the other way round."""
    held = held_by(graph)
    wrong: set[NodeId] = set()
    for node in graph.nodes.values():
        takes = node.op.takes
        for place, source in enumerate(node.inputs):
            wanted = takes[min(place, len(takes) - 1)]
            if wanted in (None, held[source]):
                continue
            if source not in wrong:  # else one mistake would be told again behind it
                message = f"`{node.call.op.op_name}` reads {wanted}, "
                message += f"`{path(source)}` holds {held[source]}"
                help = _CURES[held[source]]
                sink.add(Diagnostic(Code.TYPE, message, node.call.span, help=help))
            wrong.add(node.id)


def check_given(graph: Graph, shapes: Shapes, sink: Sink) -> None:
    """Report each block as an argument that gives another shape than its input's."""
    for use in graph.uses.values():
        if not isinstance(use.layer.call, GivenCall) or use.output not in shapes:
            continue
        before, after = shapes[use.inputs[0]], shapes[use.output]
        if before != after:
            bound = use.bindings[use.layer.call.param]
            name = getattr(bound.value, "name", "")
            message = f"`{name}` as an argument has to keep its input's shape: "
            message += f"it gives {'×'.join(map(str, after))}, not {'×'.join(map(str, before))}"
            notes = (Label(use.layer.call.span, "it stands here"),)
            sink.add(Diagnostic(Code.RANGE, message, bound.span, notes=notes))
