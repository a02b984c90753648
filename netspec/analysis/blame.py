"""Why a shape is wrong: the layer, and the very argument, that first made a size what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from netspec import limits
from netspec.analysis.repair.fix import Fix
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId, Sizes, cause, path
from netspec.language.model import INPUT
from netspec.ops.base import Join, Problem
from netspec.ops.window import every, shortest, times
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Span

_SPATIAL = ("padding", "kernel_size", "dilation", "stride", "output_padding")
_Number = Callable[[Sizes], object]
"""What of a shape is compared: some of its sizes, or how many there are."""


def explain(
    problem: Problem, node: Node, graph: Graph, shapes: Shapes, fixes: Sequence[Fix] = ()
) -> Diagnostic:
    """Turn an op's problem into a diagnostic at the place that caused it.

    `fixes` are the changes with which the layer would be accepted.
    """
    if problem.code == Code.INPUTS_DIFFER:
        return _explain_join(problem, node, graph, shapes, fixes)
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


def _explain_join(
    problem: Problem, node: Node, graph: Graph, shapes: Shapes, fixes: Sequence[Fix]
) -> Diagnostic:
    """Explain inputs that differ: by what would make them fit, else by what made them differ."""
    number = _compared(node, shapes)
    ways = _ways(node, graph)
    odd, target = _oddshortest(node, ways, number, shapes)
    culprit = _culprit(ways[odd], graph, number, target, shapes)
    joined = Label(node.call.span, "joined here")
    fixes = [fix for fix in fixes if fix.strangeness <= 0]
    if fixes:
        span, label, notes = _mended(fixes, node, graph, shapes)
    elif culprit:
        span, label, notes = _accused(culprit, graph, shapes)
    else:
        span, label, notes = joined.span, "", []
    notes += [*_siblings(odd if culprit else None, node, ways, graph, shapes), joined]
    notes += _uses(node, span)
    unique = {note.span: note for note in reversed(notes) if note.span != span}
    ends = ", ".join(f"{times(shapes[end])} from `{path(end)}`" for end in node.inputs)
    details = (f"`{path(node.id)}` joins {ends}", *_elsewhere(culprit or node, graph, span))
    help = _cure(fixes, _projection(node, ways, graph, shapes)) or problem.help
    found = tuple(reversed(unique.values()))
    return Diagnostic(problem.code, problem.message, span, label, found, details, help)


def _mended(
    fixes: Sequence[Fix], join: Node, graph: Graph, shapes: Shapes
) -> tuple[Span, str, list[Label]]:
    """Return the likeliest place to change, what the layer does now, and the other places."""
    first, *others = fixes
    label = f"with {first.wording} here, the inputs fit"
    for id in reversed(first.nodes):
        node = graph.nodes[id]
        before, after = before_and_after(node, shapes) if id in shapes else ((), ())
        if after and before != after:
            label = _with_default_stride(node, made(node, before, after))
            window = node.op.window()
            if window and before[1:] == after[1:] and _differ_in_size(join, shapes):
                label = f"keeps {times(after[1:])} with stride {shortest(window.stride)}"
            break
    return first.span, label, [Label(fix.span, f"or {fix.wording} here") for fix in others[:2]]


def _cure(fixes: Sequence[Fix], projection: str) -> str:
    cures = [*(fix.cure for fix in fixes[:1]), *([projection] if projection else [])]
    return ", or ".join(cures)


def _projection(join: Node, ways: Sequence[list[NodeId]], graph: Graph, shapes: Shapes) -> str:
    """Say how a shortcut that passes its input on could change the channels, and the size."""
    direct = [i for i, way in enumerate(ways) if len(way) == 1]
    inputs = [shapes[end] for end in join.inputs]
    use = graph.uses.get(join.id)
    is_sum = isinstance(join.op, Join) and join.op.operator == "+"
    if len(inputs) != 2 or len(direct) != 1 or not is_sum or not use:
        return ""
    skip, other = inputs[direct[0]], inputs[1 - direct[0]]
    if {len(skip), len(other)} != {3} or skip[0] == other[0] or direct[0] >= len(use.layer.sources):
        return ""
    name = use.layer.sources[direct[0]].name
    if name != INPUT and (*join.id[:-1], name) not in graph.uses:
        return ""
    steps = {a // b if a % b == 0 else 0 for a, b in zip(skip[1:], other[1:], strict=True)}
    if len(steps) != 1 or steps == {0}:
        return ""
    step = steps.pop()
    stride = f", stride: {step}" if step > 1 else ""
    return f"project the shortcut: `{{conv2d: [{other[0]}, 1]{stride}, from: {name}}}`"


def _siblings(
    odd: int | None, join: Node, ways: Sequence[list[NodeId]], graph: Graph, shapes: Shapes
) -> Iterator[Label]:
    """Yield the places of a join's other inputs, and what their way does to the size."""
    for i, end in enumerate(join.inputs):
        place = _place(i, join, graph)
        if i != odd and place:
            before, after = shapes.get(ways[i][0], ()), shapes[end]
            does = _resizes(before, after) if _differ_in_size(join, shapes) else ""
            yield Label(place, does or f"gives {times(after)}")


def _resizes(before: Sizes, after: Sizes) -> str:
    """Say that height and width are kept or halved; nothing if neither."""
    if before[1:] == after[1:]:
        return f"keeps {times(after[1:])}"
    is_half = len(before) == len(after) and all(
        -(-old // 2) == new for old, new in zip(before[1:], after[1:], strict=True)
    )
    return f"halves {times(before[1:])} to {times(after[1:])}" if is_half else ""


def _differ_in_size(join: Node, shapes: Shapes) -> bool:
    """Tell whether the inputs of a join differ in height or width, and not in channels."""
    return _compared(join, shapes) is not len and 0 not in _odd_axes(join, shapes)


def _odd_axes(join: Node, shapes: Shapes) -> list[int]:
    assert isinstance(join.op, Join)
    return join.op.differing(*(shapes[source] for source in join.inputs))


def _compared(node: Node, shapes: Shapes) -> _Number:
    """Return what differs between the inputs of a join: some sizes, else how many there are."""
    inputs = [shapes[source] for source in node.inputs]
    if len({len(x) for x in inputs}) > 1:
        return len
    odd = _odd_axes(node, shapes)
    return lambda x: tuple(x[i] for i in odd if i < len(x))


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
    for _ in range(limits.STEPS_BACK):
        yield node
        if node not in graph.nodes or not graph.nodes[node].inputs:
            return
        node = graph.nodes[node].inputs[0]


def _oddshortest(
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
    label = made(node, before, after)
    blamed = suspects(node, before, after)
    if not blamed:
        return node.call.span, f"{label} here", []
    (first, use), *others = blamed
    notes = [Label(use, "which counts here")] if use else []
    label = _with_default_stride(node, label)
    return first, label, [*notes, *(Label(span, "or this") for span, _ in others)]


def _with_default_stride(node: Node, label: str) -> str:
    window = node.op.window()
    if window and max(window.stride) > 1 and "stride" not in node.call.arguments:
        return f"{label}; its stride, unless written, is the kernel's size"
    return label


def before_and_after(node: Node, shapes: Shapes) -> tuple[Sizes, Sizes]:
    """Return the shapes of a node's first input, if it has one, and of its output."""
    return shapes[node.inputs[0]] if node.inputs else (), shapes[node.id]


def made(node: Node, before: Sizes, after: Sizes) -> str:
    """Say what a layer made of what it read, and how."""
    window = node.op.window()
    if not before:
        return f"makes {times(after)}"
    if window is None or len(before) != len(after) or before[1:] == after[1:]:
        return f"makes {times(after)} from {times(before)}"
    sizes = f"{times(before[1:])} to {times(after[1:])}"
    stride = max(window.stride)
    if stride > 1 and not _shrinks_oddly(node, before, after):
        return f"{'halves' if stride == 2 else 'divides'} {sizes} by stride {stride}"
    verb = "shrinks" if after[1:] < before[1:] else "enlarges"
    by = f", stride {shortest(window.stride)}" if stride > 1 else ""
    spread = f", dilation {shortest(window.dilation)}" if max(window.dilation) > 1 else ""
    padding = shortest(window.padding) if any(window.padding) else "no"
    return f"{verb} {sizes}: kernel {shortest(window.kernel)}{spread}{by}, {padding} padding"


def suspects(node: Node, before: Sizes, after: Sizes) -> list[tuple[Span, Span | None]]:
    """Return the written arguments that can have made a size, the likeliest first."""
    if before == after:
        return []
    keys: Sequence[str] = list(node.call.arguments)
    window = node.op.window()
    if len(before) == len(after) and before[1:] == after[1:]:
        keys = node.op.channels
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
