"""Why a shape is wrong: the layer, and the very argument, that first made a size what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from netspec.diagnostics import Diagnostic, Label, Span
from netspec.graph import Graph, Node, NodeId, Sizes, cause, path
from netspec.ops.axes import index
from netspec.ops.base import Problem
from netspec.ops.merge import Concat
from netspec.ops.window import every, times
from netspec.shapes import Shapes

_MAX_STEPS = 1_000
_CHANNELS = ("out_channels", "out_features", "num_features")
_SPATIAL = ("padding", "kernel_size", "dilation", "stride", "output_padding")
_Number = Callable[[Sizes], object]
"""What of a shape is compared: some of its sizes, or how many there are."""


def explain(problem: Problem, node: Node, graph: Graph, shapes: Shapes) -> Diagnostic:
    """Turn an op's problem into a diagnostic at the place that caused it."""
    if problem.code == "NS053":
        return _explain_join(problem, node, graph, shapes)
    notes: list[Label] = []
    span: Span = node.call.span
    if node.owner != node.id and node.id in graph.uses:
        notes.append(Label(span, "whose weights are shared"))
        span = graph.uses[node.id].layer.span
    argument = node.call.arguments.get(problem.argument or "")
    if argument is not None:
        span, use = cause(argument, node.bindings)
        if use:
            notes.append(Label(use, f"is `{problem.argument}` of `{node.op.op_name}` here"))
    notes += _uses(node, span)
    reads = ", ".join(f"{times(shapes[source])} from `{path(source)}`" for source in node.inputs)
    read = [f"`{path(node.id)}` reads {reads}"] if reads else []
    details = (*read, *_elsewhere(node, graph, span))
    return Diagnostic(problem.code, problem.message, span, "", tuple(notes), details, problem.help)


def _uses(node: Node, span: Span) -> Iterator[Label]:
    """Yield the places of the blocks around a layer, the innermost first."""
    for place in dict.fromkeys(node.origin[1:]):
        if place != span:
            yield Label(place, "used here")


def _elsewhere(node: Node, graph: Graph, span: Span) -> Iterator[str]:
    """Say how often a layer of a block is used, if the mistake stands in the block."""
    if span != node.call.span and not any(a.span == span for a in node.call.arguments.values()):
        return
    count = sum(other.call is node.call for other in graph.nodes.values())
    if count > 1:
        yield f"this line is used at {count} places"


# ------------------------------------------------------------------ joins


def _explain_join(problem: Problem, node: Node, graph: Graph, shapes: Shapes) -> Diagnostic:
    number = _compared(node, shapes)
    ways = _ways(node, graph)
    odd, target = _odd_one(node, ways, number, shapes)
    culprit = _culprit(ways[odd], graph, number, target, shapes)
    joined = Label(node.call.span, "joined here")
    span, label, notes = _accused(culprit, graph, shapes) if culprit else (joined.span, "", [])
    notes += [*_siblings(odd if culprit else None, node, graph, shapes), joined]
    notes += _uses(node, span)
    unique = {note.span: note for note in reversed(notes) if note.span != span}
    ends = ", ".join(f"{times(shapes[end])} from `{path(end)}`" for end in node.inputs)
    details = (f"`{path(node.id)}` joins {ends}", *_elsewhere(culprit or node, graph, span))
    return Diagnostic(
        problem.code,
        problem.message,
        span,
        label,
        tuple(reversed(unique.values())),
        details,
        problem.help,
    )


def _siblings(odd: int | None, join: Node, graph: Graph, shapes: Shapes) -> Iterator[Label]:
    """Yield the places of a join's other inputs, with their sizes."""
    for i, end in enumerate(join.inputs):
        place = _place(i, join, graph)
        if i != odd and place:
            yield Label(place, f"gives {times(shapes[end])}")


def _compared(node: Node, shapes: Shapes) -> _Number:
    """Return what differs between the inputs of a join: some sizes, else how many there are."""
    inputs = [shapes[source] for source in node.inputs]
    if len({len(x) for x in inputs}) > 1:
        return len
    axis = index(node.op.dim, inputs[0]) if isinstance(node.op, Concat) else None
    odd = [i for i, sizes in enumerate(zip(*inputs, strict=True)) if len(set(sizes)) > 1]
    return lambda x: tuple(x[i] for i in odd if i != axis and i < len(x))


def _ways(node: Node, graph: Graph) -> list[list[NodeId]]:
    """Return for each input the nodes from the common fork to the input, without the fork."""
    spines = [list(_spine(source, graph)) for source in node.inputs]
    shared = set(spines[0]).intersection(*spines[1:])
    ways = []
    for spine in spines:
        length = next((i for i, step in enumerate(spine) if step in shared), len(spine))
        ways.append(spine[: length + 1][::-1])
    return ways


def _spine(node: NodeId, graph: Graph) -> Iterator[NodeId]:
    """Yield a node, its first input, the first input of that, and so on."""
    for _ in range(_MAX_STEPS):
        yield node
        if node not in graph.nodes or not graph.nodes[node].inputs:
            return
        node = graph.nodes[node].inputs[0]


def _odd_one(
    node: Node, ways: Sequence[list[NodeId]], number: _Number, shapes: Shapes
) -> tuple[int, object]:
    """Return which input is the odd one, and what the others are.

    Without a majority it is an input whose size is not the fork's.
    """
    found = [number(shapes[source]) for source in node.inputs]
    (target, most), *others = Counter(found).most_common()
    if others and others[0][1] == most:
        forks = {number(shapes[way[0]]) for way in ways}
        target = next((value for value in found if value in forks), target)
    return next(i for i, value in enumerate(found) if value != target), target


def _culprit(
    way: list[NodeId], graph: Graph, number: _Number, target: object, shapes: Shapes
) -> Node | None:
    """Return the first node of a way that leads away from what the other inputs are."""
    sizes = [number(shapes[step]) for step in way]
    right = [i for i, size in enumerate(sizes) if size == target]
    start = right[-1] if right else 0
    changes = [i for i in range(start + 1, len(way)) if sizes[i] != sizes[i - 1]]
    windows = [i for i in range(1, len(way)) if graph.nodes[way[i]].op.window()]
    sources = [0] if way[0] in graph.nodes and not graph.nodes[way[0]].inputs else []
    steps = changes[:1] or windows[-1:] or sources
    return graph.nodes[way[steps[0]]] if steps else None


def _place(i: int, join: Node, graph: Graph) -> Span | None:
    """Return where an input of a join comes from, as the body of the join names it."""
    end, parent = join.inputs[i], join.id[:-1]
    if join.id in graph.uses and i < len(graph.uses[join.id].layer.sources):
        return graph.uses[join.id].layer.sources[i].span
    if end[: len(parent)] != parent:
        return None
    for length in range(len(parent) + 1, len(end) + 1):
        if use := graph.uses.get(end[:length]):
            return use.layer.span
    return None


# ------------------------------------------------------------------ arguments


def _accused(node: Node, graph: Graph, shapes: Shapes) -> tuple[Span, str, list[Label]]:
    """Return the argument that made a node's size: its place, words about it, and where else."""
    before, after = before_and_after(node, shapes)
    label = made(before, after)
    blamed = suspects(node, before, after)
    if not blamed:
        return node.call.span, f"{label} here", []
    (first, use), *others = blamed
    notes = [Label(use, "which counts here")] if use else []
    window = node.op.window()
    if window and max(window.stride) > 1 and "stride" not in node.call.arguments:
        label += "; its stride, unless written, is the kernel's size"
    return first, label, [*notes, *(Label(span, "or this") for span, _ in others)]


def before_and_after(node: Node, shapes: Shapes) -> tuple[Sizes, Sizes]:
    """Return the shapes of a node's first input, if it has one, and of its output."""
    return shapes[node.inputs[0]] if node.inputs else (), shapes[node.id]


def made(before: Sizes, after: Sizes) -> str:
    """Say what a layer made of what it read."""
    return f"makes {times(after)}" + (f" from {times(before)}" if before else "")


def suspects(node: Node, before: Sizes, after: Sizes) -> list[tuple[Span, Span | None]]:
    """Return the written arguments that can have made a size, the likeliest first."""
    if before == after:
        return []
    keys: Sequence[str] = list(node.call.arguments)
    window = node.op.window()
    if len(before) == len(after) and before[1:] == after[1:]:
        keys = _CHANNELS
    elif window and len(before) == len(after):
        by_stride = max(window.stride) > 1 and not _shrinks_oddly(node, before, after)
        wide = "stride" if "stride" in keys else "kernel_size"
        keys = (wide,) if by_stride else _SPATIAL
    found = [node.call.arguments[key] for key in dict.fromkeys(keys) if key in node.call.arguments]
    causes = dict(cause(argument, node.bindings) for argument in reversed(found))
    return list(causes.items())[::-1]


def _shrinks_oddly(node: Node, before: Sizes, after: Sizes) -> bool:
    """Tell whether a window's output is not its input divided by the stride."""
    window = node.op.window()
    assert window is not None
    strides = every(window.stride, len(before) - 1)
    expected = tuple(-(-size // step) for size, step in zip(before[1:], strides, strict=True))
    return after[1:] != expected
