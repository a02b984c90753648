"""Ops that work in place: what they may not overwrite, as the backward pass needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.analysis.gradients import learnt, wanting
from netspec.analysis.layouts import ONE_IMAGE, lay_out
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId, cause, path
from netspec.ops.base import Problem, Storage
from netspec.ops.split import Piece
from netspec.text.diagnostics import Label, Sink, Span


def check_overwriting(graph: Graph, shapes: Shapes, sink: Sink) -> None:
    """Report each op in whose presence PyTorch refuses to train, as it works in place."""
    if not any(map(_is_in_place, graph.nodes.values())):
        return
    told, overwriting = set[Span](), _Overwriting(graph, shapes)
    for node in graph.nodes.values():
        if _is_in_place(node):
            place, _ = cause(node.call.arguments["inplace"], node.bindings)
            if place not in told and (found := overwriting.refusal(node)) is not None:
                told.add(place)
                _report(node, *found, graph, shapes, sink)
        overwriting.add(node)


def _is_in_place(node: Node) -> bool:
    """Tell whether an op writes to its input; dropout of nothing leaves it alone."""
    return getattr(node.op, "inplace", False) and getattr(node.op, "p", 1) > 0


class _Overwriting:
    """What the nodes so far keep, and which of them are one of several views of a tensor."""

    def __init__(self, graph: Graph, shapes: Shapes) -> None:
        self._layouts = lay_out(graph, shapes, graph.nodes.values(), ONE_IMAGE, training=True)
        self._learns = {*learnt(graph, shapes)}
        self._wanted = {*wanting(graph, shapes)}
        self._pieces: dict[NodeId, Node] = {}
        self._keepers: dict[NodeId, Node] = {}  # whose gradient reads the memory of a tensor

    def refusal(self, node: Node) -> tuple[str, Label | None] | None:
        """Return what is wrong with a node that works in place, and a place to look at."""
        source = node.inputs[0]
        if source in self._learns and source in self._pieces:
            piece = self._pieces[source]
            wrong = f"overwrites `{path(piece.id)}`, one of several views of a tensor"
            return wrong, Label(piece.call.span, "cuts a tensor into views")
        if not self._layouts.cases[node.id].is_view:
            return None
        if keeper := self._keepers.get(self._layouts.owners[source]):
            wrong = f"overwrites what the gradient of `{path(keeper.id)}` needs"
            return wrong, Label(keeper.call.span, "keeps this tensor for the backward pass")
        slope = node.op.slope
        if slope and getattr(node.op, slope) < 0 and source in self._wanted:
            return f"overwrites its input, whose sign a negative `{slope}` turns", None
        return None

    def add(self, node: Node) -> None:
        """Take in a node: what stands in views, and what is kept of it."""
        source = node.inputs[0] if node.inputs else ()
        if isinstance(node.op, Piece):
            self._pieces[node.id] = node
        elif source in self._pieces and node.op.storage is Storage.VIEW:
            self._pieces[node.id] = self._pieces[source]
        if node.id in self._wanted:
            for owner in self._kept(node):
                self._keepers[owner] = node

    def _kept(self, node: Node) -> Iterator[NodeId]:
        """Yield the tensors in whose memory the backward pass reads."""
        kept, owners = self._layouts.cases[node.id].kept, self._layouts.owners
        yield from (owners[node.inputs[place]] for place in kept.inputs)
        if kept.output:
            yield owners[node.id]


def _report(
    node: Node, wrong: str, why: Label | None, graph: Graph, shapes: Shapes, sink: Sink
) -> None:
    from netspec.analysis import blame

    message = f"`{path(node.id)}` {wrong}; PyTorch refuses that in training"
    found = blame.explain(Problem("inplace", message, "leave `inplace` out"), node, graph, shapes)
    notes = (why, *found.notes) if why else found.notes
    sink.add(replace(found, notes=notes))
