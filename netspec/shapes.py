"""Graph → {NodeId: shape}: every op checks and transforms its inputs' shapes.

A node whose input is unknown is skipped, so one mistake gives one error.
"""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics import Diagnostic, Label, Sink, Span
from netspec.graph import Graph, Node, NodeId, Sizes, cause
from netspec.ops.arguments import MAX_SIZE
from netspec.ops.base import Op, Problem
from netspec.ops.window import times

Shapes = Mapping[NodeId, Sizes]

_LAYOUTS = {1: "(features)", 2: "(channels, length)", 3: "(channels, height, width)"}


def infer(graph: Graph, sink: Sink) -> Shapes:
    """Return the output shape of every node and input, without the batch. Raises SpecError."""
    shapes: dict[NodeId, Sizes] = dict(graph.inputs)
    seen: dict[tuple[object, ...], Sizes | tuple[Problem, ...]] = {}
    for node in graph.nodes.values():
        inputs = tuple(shapes[source] for source in node.inputs if source in shapes)
        if len(inputs) < len(node.inputs):
            continue
        key = (id(node.op), inputs)
        if key not in seen:
            seen[key] = _apply(node.op, inputs)
        result = seen[key]
        if result and isinstance(result[0], Problem):
            for problem in result:
                assert isinstance(problem, Problem)
                sink.add(explain(problem, node, graph, shapes))
        else:
            shapes[node.id] = result  # type: ignore[assignment]  # not problems, so sizes
    sink.stop()
    return shapes


def _apply(op: Op, inputs: tuple[Sizes, ...]) -> Sizes | tuple[Problem, ...]:
    """Return the output shape, or what is wrong."""
    if op.rank is not None and any(len(x) != op.rank for x in inputs):
        found = next(x for x in inputs if len(x) != op.rank)
        layout = _LAYOUTS.get(op.rank, f"{op.rank} dimensions")
        message = f"`{op.op_name}` reads {layout}, found {times(found) or 'nothing'}"
        return (Problem(None, message, code="NS050"),)
    problems = tuple(op.check(*inputs))
    if problems:
        return problems
    shape = op.shape(*inputs)
    if any(not isinstance(size, int) or size > MAX_SIZE for size in shape):
        return (Problem(None, f"the output {times(shape)} is too large", code="NS035"),)
    return shape  # type: ignore[return-value]  # integers, as checked


def explain(problem: Problem, node: Node, graph: Graph, shapes: Shapes) -> Diagnostic:
    """Turn an op's problem into a diagnostic at the place that caused it."""
    notes: list[Label] = []
    span: Span = node.call.span
    argument = node.call.arguments.get(problem.argument or "")
    if argument is not None:
        span, use = cause(argument, node.bindings)
        if use:
            notes.append(Label(use, f"is `{problem.argument}` of `{node.op.op_name}` here"))
    if len(node.origin) > 1:
        notes += [Label(place, "used here") for place in node.origin[1:] if place != span]
    reads = ", ".join(
        f"{times(shapes[source])} from `{'.'.join(source)}`" for source in node.inputs
    )
    details = (f"`{'.'.join(node.id)}` reads {reads}",)
    return Diagnostic(problem.code, problem.message, span, "", tuple(notes), details, problem.help)
