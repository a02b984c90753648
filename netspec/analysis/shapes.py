"""Graph → {NodeId: shape}: every op checks and transforms its inputs' shapes.

A node whose input is unknown is skipped, so one mistake gives one error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec import limits
from netspec.graph.model import Graph, Node, NodeId, Sizes, path
from netspec.ops.axes import NAMES
from netspec.ops.base import REGISTRY, Op, Problem
from netspec.ops.window import times
from netspec.text.codes import Code

Shapes = Mapping[NodeId, Sizes]
Problems = Mapping[NodeId, tuple[Problem, ...]]


def infer(graph: Graph) -> tuple[Shapes, Problems]:
    """Return the output shape of every node and input, without the batch; and what is refused."""
    shapes: dict[NodeId, Sizes] = dict(graph.inputs)
    problems: dict[NodeId, tuple[Problem, ...]] = {}
    seen: dict[tuple[object, ...], tuple[Sizes, tuple[Problem, ...]]] = {}
    for node in graph.nodes.values():
        inputs = tuple([shapes[source] for source in node.inputs if source in shapes])
        if len(inputs) < len(node.inputs):
            continue
        key = (id(node.op), *inputs)
        if key not in seen:
            seen[key] = apply(node.op, inputs)
        shape, refused = seen[key]
        if node.owner is not node.id and not refused:
            refused = _refuse_sharing(node, graph, shapes)
        if refused:
            problems[node.id] = refused
        else:
            shapes[node.id] = shape
    return shapes, problems


def _refuse_sharing(node: Node, graph: Graph, shapes: Shapes) -> tuple[Problem, ...]:
    """Return a problem if a layer shares weights that would have other shapes here."""
    owner = graph.nodes.get(node.owner)
    if owner is None or owner is node or node.owner not in shapes:
        return ()
    ours, theirs = (
        at.op.weights(*(shapes[source] for source in at.inputs)) for at in (node, owner)
    )
    changed = [key for key in theirs if ours[key] != theirs[key]]
    if not changed:
        return ()
    here, there = (times(table[changed[0]]) for table in (ours, theirs))
    message = f"the shared `{changed[0]}` of `{path(owner.id)}` is {there}, here it would be {here}"
    return (Problem(None, message, "give both calls as many channels", Code.OTHER_WEIGHTS),)


def smallest(graph: Graph) -> int:
    """Return the least height and width of all image inputs that every shape rule accepts.

    Raises ValueError if no input has a height and a width.
    """
    images = [id for id, shape in graph.inputs.items() if len(shape) == 3]
    if not images:
        raise ValueError(f"{graph.name} has no input with a height and a width")
    most = max(max(graph.inputs[id][1:]) for id in images)
    for size in range(1, most):
        resized = {id: (graph.inputs[id][0], size, size) for id in images}
        if not infer(replace(graph, inputs={**graph.inputs, **resized}))[1]:
            return size
    return most


def apply(op: Op, inputs: tuple[Sizes, ...]) -> tuple[Sizes, tuple[Problem, ...]]:
    """Return the output shape, or what is wrong."""
    if op.rank is not None and any(len(x) != op.rank for x in inputs):
        found = next(x for x in inputs if len(x) != op.rank)
        layout = f"({', '.join(NAMES[op.rank])})"
        message = f"`{op.op_name}` reads {layout}, found {times(found) or 'nothing'}"
        return (), (Problem(None, message, _rank_meant(op, found), Code.WRONG_RANK),)
    problems = tuple(op.check(*inputs))
    if problems:
        return (), problems
    shape = op.shape(*inputs)
    if any(not isinstance(size, int) or size > limits.SIZE for size in shape):
        return (), (Problem(None, f"the output {times(shape)} is too large", code=Code.RANGE),)
    return shape, ()  # type: ignore[return-value]  # integers, as checked


def _rank_meant(op: Op, found: Sizes) -> str:
    """Return the cure of an input with another number of dimensions."""
    rank = op.rank or 0
    sibling = f"{op.op_name[:-2]}{len(found) - 1}d"
    if sibling in REGISTRY and op.op_name.endswith("d") and (rank, len(found)) != (3, 4):
        return f"`{sibling}` reads ({', '.join(NAMES[len(found)])})"
    if len(found) == rank + 1:
        return "shapes leave out the batch"
    return "put a `flatten` before it" if rank == 1 and len(found) > 1 else ""
