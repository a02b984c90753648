"""Ops that work in place: what they may not overwrite."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId, cause, path
from netspec.ops.base import Problem, Storage
from netspec.ops.split import Piece
from netspec.text.diagnostics import Label, Sink, Span


def check_overwriting(graph: Graph, shapes: Shapes, sink: Sink) -> None:
    """Report each op that overwrites one of several views of a tensor that has a gradient."""
    pieces = {node.id: node for node in graph.nodes.values() if isinstance(node.op, Piece)}
    told: set[Span] = set()
    for node in graph.nodes.values() if pieces else ():
        source = node.inputs[0] if node.inputs else ()
        if source not in pieces:
            continue
        if node.op.storage is Storage.VIEW:
            pieces.setdefault(node.id, pieces[source])
        if not getattr(node.op, "inplace", False) or not _has_gradient(source, graph, shapes):
            continue
        place, _ = cause(node.call.arguments["inplace"], node.bindings)
        if place not in told:
            told.add(place)
            _report(node, pieces[source], graph, shapes, sink)


def _report(node: Node, piece: Node, graph: Graph, shapes: Shapes, sink: Sink) -> None:
    from netspec.analysis import blame

    message = f"`{path(node.id)}` overwrites `{path(piece.id)}`, one of several views of a tensor; "
    message += "PyTorch refuses that in training"
    problem = Problem("inplace", message, "leave `inplace` out")
    found = blame.explain(problem, node, graph, shapes)
    cut = Label(piece.call.span, "cuts a tensor into views")
    sink.add(replace(found, notes=(cut, *found.notes)))


def _has_gradient(id: NodeId, graph: Graph, shapes: Shapes) -> bool:
    """Tell whether a value depends on something that is learnt."""
    waiting, seen = [id], {id}
    while waiting:
        node = graph.nodes.get(waiting.pop())
        if node is None:
            continue
        if node.op.weights(*(shapes[source] for source in node.inputs)):
            return True
        waiting += [source for source in node.inputs if source not in seen]
        seen.update(node.inputs)
    return False
