"""Why a shape is wrong: the layer, and the very argument, that first made a size what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from netspec import limits
from netspec.analysis.case import others
from netspec.analysis.repair.change import Change
from netspec.analysis.shapes import Shapes, named
from netspec.graph.model import Graph, Node, NodeId, Sizes, cause, path
from netspec.language.model import INPUT
from netspec.ops.base import Join, Problem
from netspec.ops.window import every, shortest, times
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Span
from netspec.text.fixes import either

_SPATIAL = ("padding", "kernel_size", "dilation", "stride", "output_padding")


def explain(
    problem: Problem, node: Node, graph: Graph, shapes: Shapes, fixes: Sequence[Change] = ()
) -> Diagnostic:
    """Turn an op's problem into a diagnostic at the place that caused it.

    `fixes` are the changes with which the layer would be accepted.
    """
    if problem.code == Code.INPUTS_DIFFER and isinstance(node.op, Join):
        return _explain_join(problem, _Joined(node, graph, shapes), fixes)
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
    read = [f"`{path(node.id)}` reads {named(node.inputs, shapes)}"] if node.inputs else []
    details = (*read, *_elsewhere(node, graph, span))
    return Diagnostic(problem.code, problem.message, span, "", tuple(notes), details, problem.help)


def _uses(node: Node, span: Span) -> Iterator[Label]:
    """Yield the places of the blocks around a layer, the innermost first."""
    for place in dict.fromkeys(node.origin[1:]):
        if place != span:
            yield Label(place, "used here")


def _elsewhere(node: Node, graph: Graph, span: Span) -> Iterator[str]:
    """Say how many lines use the block of a layer, if the mistake stands in the block."""
    if span != node.call.span and not any(a.span == span for a in node.call.arguments.values()):
        return
    # Copies and pieces come from one line: they are no further places.
    same = (other for other in graph.nodes.values() if other.call is node.call)
    count = len({place for other in same for place in other.origin[1:2]})
    if count > 1:
        yield f"this line is used at {count} places"


# ------------------------------------------------------------------ joins


def _explain_join(problem: Problem, joined: _Joined, fixes: Sequence[Change]) -> Diagnostic:
    """Explain inputs that differ: by what would make them fit, else by what made them differ."""
    node, graph, shapes = joined.node, joined.graph, joined.shapes
    odd, target = joined.odd_one()
    culprit = joined.culprit(odd, target)
    fixes = [fix for fix in fixes if fix.strangeness <= 0]
    if fixes:
        span, label, notes = joined.mended(fixes)
    elif culprit:
        span, label, notes = joined.accused(culprit)
    else:
        span, label, notes = node.call.span, "", []
    notes += [*joined.siblings(odd if culprit else None), Label(node.call.span, "joined here")]
    notes += _uses(node, span)
    # Of several notes about one place the first says most.
    unique = {note.span: note for note in reversed(notes) if note.span != span}
    details = (
        f"`{path(node.id)}` joins {named(node.inputs, shapes)}",
        *_elsewhere(culprit or node, graph, span),
    )
    cures = [*(fix.cure for fix in fixes[:1]), joined.projection()]
    help = either(*cures) or problem.help
    found = tuple(reversed(unique.values()))
    return Diagnostic(problem.code, problem.message, span, label, found, details, help)


@dataclass(frozen=True, eq=False)
class _Joined:
    """A join whose inputs differ."""

    node: Node
    graph: Graph
    shapes: Shapes

    @cached_property
    def inputs(self) -> list[Sizes]:
        return [self.shapes[source] for source in self.node.inputs]

    @cached_property
    def axes(self) -> list[int] | None:
        """The dimensions in which the inputs differ, or None if these differ in number."""
        if len({len(x) for x in self.inputs}) > 1:
            return None
        assert isinstance(self.node.op, Join)
        return self.node.op.differing(*self.inputs)

    def number(self, id: NodeId) -> object:
        """Return what is compared of a shape: some of its sizes, or how many there are."""
        x = self.shapes[id]
        return len(x) if self.axes is None else tuple(x[i] for i in self.axes if i < len(x))

    @property
    def differ_in_size(self) -> bool:
        """Whether the inputs differ in height or width, and not in channels."""
        return self.axes is not None and 0 not in self.axes

    @cached_property
    def ways(self) -> list[list[NodeId]]:
        """For each input the nodes from the common fork to the input."""
        spines = [list(_spine(source, self.graph)) for source in self.node.inputs]
        shared = set(spines[0]).intersection(*spines[1:])
        ways = []
        for spine in spines:
            length = next((i for i, step in enumerate(spine) if step in shared), len(spine))
            ways.append(spine[: length + 1][::-1])
        return ways

    def mended(self, fixes: Sequence[Change]) -> tuple[Span, str, list[Label]]:
        """Return the likeliest place to change, what the layer does now, and the other places."""
        first = fixes[0]
        label = f"with {first.wording} here, the inputs fit"
        for id in reversed(first.nodes):
            node = self.graph.nodes[id]
            before, after = before_and_after(node, self.shapes) if id in self.shapes else ((), ())
            if after and before != after:
                label = self._made(node, before, after)
                window = node.op.window()
                if window and before[1:] == after[1:] and self.differ_in_size:
                    label = f"keeps {times(after[1:])} with stride {shortest(window.stride)}"
                break
        return first.span, label, others(fixes)

    def accused(self, node: Node) -> tuple[Span, str, list[Label]]:
        """Return the argument that made a node's size: its place, words about it, where else."""
        before, after = before_and_after(node, self.shapes)
        # Another number of channels is not what a kernel or a stride makes.
        since = as_far(before, after, [0]) if self.axes == [0] else before
        blamed = suspects(node, since, after)
        if not blamed:
            return node.call.span, f"{made(node, before, after)} here", []
        (first, use), *others = blamed
        notes = [Label(use, "which counts here")] if use else []
        notes += [Label(span, "or this") for span, _ in others]
        return first, self._made(node, before, after), notes

    def _made(self, node: Node, before: Sizes, after: Sizes) -> str:
        """Say what a layer made of what it read: how, where that is what differs."""
        if self.axes == [0] and before:
            return f"makes {times(after)} from {times(before)}"
        return _with_default_stride(node, made(node, before, after))

    def projection(self) -> str:
        """Say how a shortcut that passes its input on could change the channels, and the size."""
        join = self.node
        direct = [i for i, way in enumerate(self.ways) if len(way) == 1]
        use = self.graph.uses.get(join.id)
        is_sum = isinstance(join.op, Join) and join.op.operator == "+"
        if len(self.inputs) != 2 or len(direct) != 1 or not is_sum or not use:
            return ""
        skip, other = self.inputs[direct[0]], self.inputs[1 - direct[0]]
        sources = use.layer.sources
        if {len(skip), len(other)} != {3} or skip[0] == other[0] or direct[0] >= len(sources):
            return ""
        name = sources[direct[0]].name
        if name != INPUT and (*join.id[:-1], name) not in self.graph.uses:
            return ""
        steps = {a // b if a % b == 0 else 0 for a, b in zip(skip[1:], other[1:], strict=True)}
        if len(steps) != 1 or steps == {0}:
            return ""
        step = steps.pop()
        stride = f", stride: {step}" if step > 1 else ""
        return f"project the shortcut: `{{conv2d: [{other[0]}, 1]{stride}, from: {name}}}`"

    def siblings(self, odd: int | None) -> Iterator[Label]:
        """Yield the places of the other inputs, and what their way does to the size."""
        for i, after in enumerate(self.inputs):
            place = self._place(i)
            if i != odd and place:
                before = self.shapes.get(self.ways[i][0], ())
                does = _resizes(before, after) if self.differ_in_size else ""
                yield Label(place, does or f"gives {times(after)}")

    def odd_one(self) -> tuple[int, object]:
        """Return which input is the odd one, and what the others are.

        Without a majority it is an input whose size is not the fork's.
        """
        found = [self.number(source) for source in self.node.inputs]
        (target, most), *others = Counter(found).most_common()
        if others and others[0][1] == most:
            forks = {self.number(way[0]) for way in self.ways}
            target = next((value for value in found if value in forks), target)
        return next(i for i, value in enumerate(found) if value != target), target

    def culprit(self, odd: int, target: object) -> Node | None:
        """Return the first node of a way that leads away from what the other inputs are."""
        nodes, way = self.graph.nodes, self.ways[odd]
        sizes = [self.number(step) for step in way]
        right = [i for i, size in enumerate(sizes) if size == target]
        start = right[-1] if right else 0
        changes = [i for i in range(start + 1, len(way)) if sizes[i] != sizes[i - 1]]
        windows = [i for i in range(1, len(way)) if nodes[way[i]].op.window()]
        sources = [0] if way[0] in nodes and not nodes[way[0]].inputs else []
        # A way of one size is at fault for keeping it: its last window could change it.
        steps = changes[:1] or windows[-1:] or sources
        return nodes[way[steps[0]]] if steps else None

    def _place(self, i: int) -> Span | None:
        """Return where an input comes from, as the body of the join names it."""
        end, id, uses = self.node.inputs[i], self.node.id, self.graph.uses
        if id in uses and i < len(uses[id].layer.sources):
            return uses[id].layer.sources[i].span
        if end[: len(id) - 1] != id[:-1]:
            return None
        found = (uses[end[:n]].layer.span for n in range(len(id), len(end) + 1) if end[:n] in uses)
        return next(found, None)


def _resizes(before: Sizes, after: Sizes) -> str:
    """Say that height and width are kept or halved; nothing if neither."""
    if before[1:] == after[1:]:
        return f"keeps {times(after[1:])}"
    is_half = len(before) == len(after) and all(
        -(-old // 2) == new for old, new in zip(before[1:], after[1:], strict=True)
    )
    return f"halves {times(before[1:])} to {times(after[1:])}" if is_half else ""


def _spine(node: NodeId, graph: Graph) -> Iterator[NodeId]:
    """Yield a node, its first input, the first input of that, and so on."""
    for _ in range(limits.STEPS_BACK):
        yield node
        if node not in graph.nodes or not graph.nodes[node].inputs:
            return
        node = graph.nodes[node].inputs[0]


# ------------------------------------------------------------------ arguments


def _with_default_stride(node: Node, label: str) -> str:
    window = node.op.window()
    if window and max(window.stride) > 1 and "stride" not in node.call.arguments:
        return f"{label}; its stride, unless written, is the kernel's size"
    return label


def before_and_after(node: Node, shapes: Shapes) -> tuple[Sizes, Sizes]:
    """Return the shapes of a node's first input, if it has one, and of its output."""
    return shapes[node.inputs[0]] if node.inputs else (), shapes[node.id]


def as_far(before: Sizes, after: Sizes, wrong: Sequence[int]) -> Sizes:
    """Return a shape as if only the wrong dimensions had changed since."""
    if len(before) != len(after) or not wrong:
        return before
    return tuple(before[i] if i in wrong else size for i, size in enumerate(after))


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
    steps = zip(before[1:], every(window.stride, len(before) - 1), strict=True)
    return after[1:] != tuple(-(-size // step) for size, step in steps)
