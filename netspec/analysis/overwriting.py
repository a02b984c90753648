"""Ops that work in place: what they may not overwrite."""

from __future__ import annotations

from dataclasses import replace

from netspec.analysis.gradients import learnt
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, cause, path
from netspec.ops.base import Problem, Storage
from netspec.ops.split import Piece
from netspec.text.diagnostics import Label, Sink, Span


def check_overwriting(graph: Graph, shapes: Shapes, sink: Sink) -> None:
    """Report each op that overwrites one of several views of a tensor that has a gradient."""
    pieces = {node.id: node for node in graph.nodes.values() if isinstance(node.op, Piece)}
    if not pieces:
        return
    told, learns = set[Span](), learnt(graph, shapes)
    for node in graph.nodes.values():
        source = node.inputs[0] if node.inputs else ()
        if source not in pieces:
            continue
        if node.op.storage is Storage.VIEW:
            pieces.setdefault(node.id, pieces[source])
        if not getattr(node.op, "inplace", False) or source not in learns:
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
