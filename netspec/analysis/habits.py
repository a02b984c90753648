"""What is legal but hardly meant, and habits of other frameworks behind a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from netspec import limits
from netspec.analysis import shapes
from netspec.analysis.case import Case
from netspec.analysis.claims import sound
from netspec.graph.model import Graph, Node, NodeId, Sizes, path
from netspec.language.calls import inferred
from netspec.language.model import OpCall, Spec, walk
from netspec.language.names import widths
from netspec.ops.apply import apply
from netspec.ops.base import Join, Layout, Op
from netspec.ops.dim import names
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Label, Sink
from netspec.text.fixes import cure, without, writing

_MAX_TRIALS = 16


# ------------------------------------------------------------------ legal but hardly meant


def warn(spec: Spec, graph: Graph, sizes: shapes.Shapes, sink: Sink) -> None:
    """Add a warning for each place that PyTorch accepts and that is hardly meant."""
    odd: dict[object, Diagnostic] = {}
    for name in _channels_last(graph.inputs):
        shape = times(graph.inputs[name])
        message = f"the input `{path(name)}` of {shape} has {graph.inputs[name][0]} channels"
        span, help = spec.inputs[name[0]].span, _channels_first(spec, name)
        odd[name] = Diagnostic(Code.CHANNELS_LAST, message, span, help=help)
    meant = {*_of_features(spec)}
    for node in graph.nodes.values():
        is_new = node.call not in odd and node.call not in meant
        if is_new and (found := _odd(node, graph, sizes)):
            odd[node.call] = found
    for found in odd.values():
        sink.add(replace(found, severity="warning"))


def _of_features(spec: Spec) -> Iterator[OpCall]:
    """Yield the calls on a last dimension that name it, whatever it is."""
    for block in spec.blocks.values():
        last = {name for name, width in widths(block.inputs).items() if width.axis == -1}
        for layer in walk(block.body):
            if isinstance(call := layer.call, OpCall) and call.op.layout is Layout.LAST:
                said = {name for item in call.arguments.values() for name in names(item.value)}
                yield from () if said.isdisjoint(last) else (call,)


def _channels_last(inputs: Mapping[NodeId, Sizes]) -> list[NodeId]:
    """Return the inputs whose channels seem to stand last."""
    images = [(name, shape) for name, shape in inputs.items() if len(shape) == 3]
    return [name for name, shape in images if shape[2] in (1, 3) and shape[0] not in (1, 3)]


def _channels_first(spec: Spec, name: NodeId, safe: bool = False) -> Cure:
    place = spec.inputs[name[0]].span
    *rest, last = re.sub(r"[\[\]]", "", place.text).split(",")
    text = f"[{', '.join(text.strip() for text in (last, *rest))}]"
    return writing(place, text, f"channels first: write {text}", safe)


def _odd(node: Node, graph: Graph, sizes: shapes.Shapes) -> Diagnostic | None:
    op = node.op
    if op.layout is Layout.LAST and _reads_a_map(node, graph, sizes):
        shape = sizes[node.inputs[0]]
        message = f"`{path(node.id)}` multiplies the last dimension of {times(shape)}"
        details = (f"the channels are the first: {shape[0]}",)
        help = "put `flatten` or `global_avg_pool` and `flatten` before it, "
        help += "or `permute` channels last"
        return Diagnostic(Code.LINEAR_ON_MAP, message, node.call.span, details=details, help=help)
    eps = node.call.arguments.get("eps")
    if eps and node.call.positional and (getattr(op, "eps", 0) or 0) >= 1:
        message = f"`eps` of `{op.op_name}` is {getattr(op, 'eps', 0)}"
        help = "what follows from the input is never written: leave it out"
        return Diagnostic(Code.WIDTH_FROM_HABIT, message, eps.span, help=help)
    if isinstance(op, Join) and op.operator == "+":
        return _repeated(node, graph, sizes)
    return None


def _repeated(node: Node, graph: Graph, sizes: shapes.Shapes) -> Diagnostic | None:
    """Return what is odd about a sum of which one input is repeated over the others."""
    given = sizes[node.id]
    small = [source for source in node.inputs if sizes[source] != given]
    if not any(_sees_an_input(source, graph) for source in small):
        return None
    read = " and ".join(f"{times(sizes[source])} from `{path(source)}`" for source in node.inputs)
    message = f"`{path(node.id)}` adds {read}: what is smaller is repeated"
    help = "give the inputs one shape; `mul` scales channels, and `interpolate` enlarges a map"
    return Diagnostic(Code.REPEATED, message, node.call.span, help=help)


def _sees_an_input(id: NodeId, graph: Graph) -> bool:
    """Tell whether a node depends on an input, and not on parameters and constants alone."""
    waiting, seen = [id], {id}
    while waiting:
        node = graph.nodes.get(waiting.pop())
        if node is None:
            return True
        waiting += [source for source in node.inputs if source not in seen]
        seen.update(node.inputs)
    return False


def _reads_a_map(node: Node, graph: Graph, sizes: shapes.Shapes) -> bool:
    """Tell whether a layer reads channels first, as a convolution or an image gives them."""
    source = node.inputs[0]
    if len(sizes[source]) < 2:
        return False
    while source in graph.nodes and graph.nodes[source].op.layout is Layout.KEPT:
        source = graph.nodes[source].inputs[0]
    if source not in graph.nodes:
        return len(sizes[source]) > 2
    return graph.nodes[source].op.layout is Layout.FIRST


# ------------------------------------------------------------------ habits behind a mistake


def advise(case: Case) -> None:
    """Name a habit as the cause of a network's mistakes, if all is well without it."""
    if not case.sink.failed or len(case.graph.nodes) > limits.HABITS_NODES:
        return
    first = next(item for item in case.sink.items if item.severity == "error")
    others = [item for item in case.sink.items if item.severity != "error"]
    notes = (Label(first.span, first.label or "found here"),) if first.span else ()
    if found := next(_cures(case, first), None):
        # All errors go: that all is well without the habit proves that they follow from it.
        case.sink.items[:] = [*others, replace(found, notes=notes)]


def _cures(case: Case, first: Diagnostic) -> Iterator[Diagnostic]:
    """Yield what a mistake is in truth, where all is well without it."""
    graph = case.graph
    if last := _channels_last(graph.inputs):
        turned = {name: (graph.inputs[name][2], *graph.inputs[name][:2]) for name in last}
        if sound(replace(graph, inputs={**graph.inputs, **turned})):
            span = case.spec.inputs[last[0][0]].span
            label = f"{graph.inputs[last[0]][0]} channels"
            help = _channels_first(case.spec, last[0], safe=len(last) == 1)
            yield replace(first, span=span, label=label, help=help)
    for name, shape in graph.inputs.items():
        rest = {**graph.inputs, name: shape[1:]}
        if len(shape) > 2 and shape[0] == 1 and sound(replace(graph, inputs=rest)):
            place = case.spec.inputs[name[0]].span
            text = "[" + place.text.partition(",")[2].strip()
            help = writing(place, text, f"shapes leave out the batch: write {text}", safe=True)
            yield replace(first, span=place, label="", help=help)
    for shorter in _shorter(graph):
        nodes = {i: n._replace(op=shorter.get(n.call, n.op)) for i, n in graph.nodes.items()}
        if shorter and sound(replace(graph, nodes=nodes)):
            yield _inferred([*shorter], first)


def _shorter(graph: Graph) -> Iterator[dict[OpCall, Op]]:
    """Yield calls without their first number, which PyTorch wants: all at once, then each."""
    sizes: dict[NodeId, Sizes] = dict(graph.inputs)
    together: dict[OpCall, Op] = {}
    for node in graph.nodes.values():
        inputs = tuple(sizes[source] for source in node.inputs if source in sizes)
        if len(inputs) < len(node.inputs):
            continue  # behind what is refused
        op = together.get(node.call) or _without_first(node, inputs) or node.op
        if op is not node.op:
            together[node.call] = op
        if shape := apply(op, inputs)[0]:
            sizes[node.id] = shape
    yield together
    for call, op in list(together.items())[:_MAX_TRIALS]:
        yield {call: op}


def _without_first(node: Node, inputs: tuple[Sizes, ...]) -> Op | None:
    """Return a layer's op without its first number, if that is what follows from the input."""
    call, keys = node.call, list(node.call.arguments)
    leading, rest = keys[: call.positional], keys[call.positional :]
    if len(leading) < 2 or not inputs or not call.op.is_module:
        return None
    inferred = list(node.op.inferred(inputs[0]).values()) if inputs[0] else []
    values = [call.arguments[key].value for key in leading]
    # Only a number that could have been inferred was written from habit.
    if values[0] not in inferred:
        return None
    given = dict(zip(type(call.op).model_fields, values[1:], strict=False))
    given |= {key: call.arguments[key].value for key in rest}
    try:
        return type(call.op).model_validate(given)
    except ValidationError:
        return None


def _inferred(calls: Sequence[OpCall], first: Diagnostic) -> Diagnostic:
    """Say of the first of some calls what is wrong with all of them."""
    call = calls[0]
    argument, *others = list(call.arguments.values())[: call.positional]
    texts = ", ".join(item.span.text for item in others)
    field = next(iter(type(call.op).model_fields))
    label = f"is `{field}` here; `{inferred(call.op.op_name)[0]}` is inferred from the input"
    words = f"leave it out: `{{{call.op.op_name}: [{texts}]}}`"
    leading = (next(iter(call.arguments.values())).span for call in calls)
    help = cure(words, *map(without, leading), safe=True)
    return replace(first, span=argument.span, label=label, help=help)
