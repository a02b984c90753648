"""The graph's structure: cycles, layers that no output needs, training-only layers that leak.

References stay inside a body, so each body is a graph of its own and a mistake inside a block is
found once, not once for each use.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from netspec import limits
from netspec.language.lower import END, Bodies, Lowered, walk
from netspec.language.model import BlockCall, Chain, Layer, Output, Spec
from netspec.language.terms import Ref
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span
from netspec.text.fixes import cure, either, entry_at, keyed, without

if TYPE_CHECKING:
    import networkx

MAX_NOTES = 20


def check(spec: Spec, bodies: Bodies, sink: Sink) -> None:
    """Report every structural mistake. Raises SpecError."""
    _check_nesting(spec, bodies, sink)  # first, because what uses itself cannot be expanded
    for body, lowered in bodies.items():
        is_sound = _check_body(lowered, sink)
        if body is not spec.model.body:
            _refuse_training_end(lowered, sink)
        elif is_sound:
            _check_network(spec, lowered, sink)
    for block in spec.blocks.values():
        lowered = bodies[block.body]
        for name in lowered.inputs:
            if not lowered.graph[name]:
                message = f"no layer of the block `{block.name}` reads its input `{name}`"
                sink.error(Code.UNREAD, message, block.span, help=f"read it with `from: {name}`")
    sink.stop()


def _check_body(body: Lowered, sink: Sink) -> bool:
    """Report cycles, or else leaks of training-only layers and what no output needs."""
    import networkx as nx

    if body.is_cyclic:
        _explain_cycles(body, sink)
        return False
    layers = {step.layer.name: step.layer for step in body.steps}
    in_training = {name for name, layer in layers.items() if layer.train_only}
    in_inference = layers.keys() - in_training
    misplaced = set()
    # Sorted, because the boundary of a set comes in the order of a set.
    for source, reader in sorted(nx.edge_boundary(body.graph, in_training, in_inference)):
        for ref in layers[reader].sources:
            if ref.name == source:
                _report_leak(ref, layers[reader], layers[source], body, sink)
                misplaced |= {reader} if ref.span is None else set()
    _refuse_unneeded(body, misplaced, sink)
    return True


# ------------------------------------------------------------------ training-only layers


def _report_leak(ref: Ref, layer: Layer, source: Layer, body: Lowered, sink: Sink) -> None:
    """Report what a layer that runs in inference reads of one that does not."""
    notes = (Label(source.span, "runs only in training"),)
    if ref.span is not None:
        message = f"`{layer.name}` runs in inference but reads `{source.name}`, which does not"
        help = f"give `{layer.name}` `when: train` too, or read another layer"
    else:
        message = f"`{layer.name}` reads the line above, `{source.name}`, "
        message += "which runs only in training"
        help = _cures(layer, source, body)
    sink.add(Diagnostic(Code.LEAK, message, ref.span or layer.span, notes=notes, help=help))


def _cures(layer: Layer, source: Layer, body: Lowered) -> str:
    """Say how not to read the line above.

    A line that nobody reads, above one that does not read it, has most likely changed places.
    """
    lines = sorted(body.steps, key=lambda step: step.line)
    branch = next(step.branch for step in lines if step.layer is layer)
    layers = [step.layer for step in lines if step.branch == branch]
    line = layers.index(layer)
    above = [one.name for one in layers[:line] if not one.train_only]
    is_read = any(reader != END for reader in body.graph[layer.name])
    below = layers[line + 1].name if layer.name not in body.ends and not is_read else ""
    cures = [f"move it below `{below}`"] if below else []
    cures += [f"write `from: {above[-1]}`"] if above else []
    cures += [f"move `{source.name}` away"] if not cures else []
    return ", or ".join([*cures, "give it `when: train` too"])


def _refuse_training_end(body: Lowered, sink: Sink) -> None:
    """Report a chain of a block whose last layer is not there in inference."""
    ends = {*body.ends}
    for step in body.steps:
        if step.layer.train_only and step.layer.name in ends:
            message = f"`{step.layer.name}` ends its block but runs only in training"
            help = "training-only layers stand in `outputs`"
            sink.error(Code.LEAK, message, step.layer.span, help=help)


def is_train_only(output: Output, graph: Chain) -> bool:
    """Tell whether an output exists only in training."""
    if output.head is not None:
        return output.head.train_only
    return any(layer.train_only for layer in graph.layers if layer.name == output.ref.name)


# ------------------------------------------------------------------ what no output needs


def _refuse_unneeded(body: Lowered, misplaced: set[str], sink: Sink) -> None:
    """Report what no output needs, a branch at its end; a misplaced layer is reported already."""
    import networkx as nx

    needed = nx.ancestors(body.graph, END)
    dead = [step.layer for step in body.steps if step.layer.name not in needed]
    ends: dict[str, str] = {}
    branches: dict[str, list[Layer]] = {}
    for layer in reversed(dead):  # what reads a layer runs behind it, so its end is known
        reader = next(iter(body.graph[layer.name]), "")
        ends[layer.name] = ends[reader] if reader else layer.name
        branches.setdefault(ends[layer.name], []).append(layer)
    for name, (end, *others) in branches.items():
        if name not in misplaced:
            _report_branch(end, others[::-1], sink)


def _report_branch(end: Layer, others: list[Layer], sink: Sink) -> None:
    """Report a layer that nobody reads, and those that lead only to it."""
    message = f"nobody reads the layer `{end.name}`"
    delete, it = "delete it", "it"
    if others:
        message += f", the end of a branch of {len(others) + 1} layers"
        delete, it = "delete all of them", "the end"
    entries = [entry_at(layer.span) for layer in (end, *others)]
    edits = [without(entry) for entry in entries if entry]
    deleted = cure(delete, *edits) if len(edits) == len(entries) else delete
    help = either(deleted, f"let a layer read {it} with `from: {end.name}`")
    notes = tuple(Label(layer.span, "no output needs it") for layer in others[:MAX_NOTES])
    sink.add(Diagnostic(Code.UNREAD, message, end.span, notes=notes, help=help))


def _check_network(spec: Spec, body: Lowered, sink: Sink) -> None:
    for name, shape in spec.inputs.items():
        if not body.graph[name]:
            message = f"nobody reads the input `{name}`"
            sink.error(Code.UNREAD, message, shape.span, help=keyed(shape.span, name))
    assert isinstance(spec.model.body, Chain)
    if spec.outputs and all(is_train_only(output, spec.model.body) for output in spec.outputs):
        message = "every output runs only in training; inference would give nothing"
        sink.error(Code.LEAK, message, spec.outputs[0].span, help="drop `when: train` from one")


# ------------------------------------------------------------------ cycles


def _explain_cycles(body: Lowered, sink: Sink) -> None:
    """Report a cycle edge by edge for each knot of layers that wait for each other."""
    layers = {step.layer.name: step.layer for step in body.steps}
    help = "let one of them read a layer outside the cycle"
    for cycle in _cycles(body.graph):
        places = [_place(layers[reader], source) for source, reader in cycle]
        edges = [(f"`{b}` reads `{a}`", span) for (a, b), span in zip(cycle, places, strict=True)]
        _report_cycle("layers", cycle, edges, help, sink)


def _place(layer: Layer, source: str) -> Span:
    """Return where a layer says what it reads, the layer's own place where it does not."""
    return next((r.span for r in layer.sources if r.name == source and r.span), layer.span)


def _cycles(graph: networkx.DiGraph) -> Iterator[list[tuple[str, str]]]:
    """Yield a cycle as its edges for each knot of nodes, in the order of their names."""
    import networkx as nx

    for knot in sorted(map(sorted, nx.strongly_connected_components(graph))):
        if len(knot) > 1 or knot[0] in graph[knot[0]]:
            # A view of the graph would be walked in the order of a set.
            members = {*knot}
            inside = nx.DiGraph((a, b) for a in knot for b in graph[a] if b in members)
            yield nx.find_cycle(inside, knot)


def _report_cycle(
    what: str, cycle: list[tuple[str, str]], edges: list[tuple[str, Span]], help: str, sink: Sink
) -> None:
    names = " → ".join([cycle[0][0], *(target for _, target in cycle)])
    (label, span), *others = edges
    notes = tuple(Label(place, text) for text, place in others[:MAX_NOTES])
    message = f"the {what} form a cycle: {names}"
    sink.add(Diagnostic(Code.CYCLE, message, span, label, notes, help=help))


# ------------------------------------------------------------------ blocks that use blocks


def _check_nesting(spec: Spec, bodies: Bodies, sink: Sink) -> None:
    """Report blocks that use themselves, and nesting that is too deep to expand."""
    import networkx as nx

    graph = nx.DiGraph()
    for name, block in spec.blocks.items():
        graph.add_edge(name, END, weight=1)
        for level, layer in walk(bodies[block.body], bodies):
            for inner in _used(layer, spec):
                known = graph.get_edge_data(name, inner)
                if known is None or level >= known["weight"]:
                    graph.add_edge(name, inner, weight=level, span=layer.call.span)
        for param in block.params.values():
            if param.default in spec.blocks:
                graph.add_edge(name, param.default, weight=1, span=param.span)
    help = "a block cannot contain itself; `repeat: n` stacks copies"
    for cycle in _cycles(graph):
        edges = [(f"`{a}` uses `{b}`", graph.edges[a, b]["span"]) for a, b in cycle]
        _report_cycle("blocks", cycle, edges, help, sink)
    sink.stop()
    _refuse_deep(spec, graph, sink)


def _used(layer: Layer, spec: Spec) -> Iterator[str]:
    """Yield the blocks that a layer uses, and END."""
    yield END
    if isinstance(layer.call, BlockCall):
        yield layer.call.block
        given = (*layer.call.arguments.values(), *layer.said.first.values())
        values = (argument.value for argument in given)
        yield from (value for value in values if isinstance(value, str) and value in spec.blocks)


def _refuse_deep(spec: Spec, graph: networkx.DiGraph, sink: Sink) -> None:
    """Report the innermost block that is nested too deep; edges weigh the levels between blocks."""
    import networkx as nx

    depth = 0
    for outer, inner in reversed([*pairwise(nx.dag_longest_path(graph))]):
        depth += graph.edges[outer, inner]["weight"]
        if depth > limits.NESTING:
            message = f"the block `{outer}` nests blocks deeper than {limits.NESTING}"
            sink.error(Code.LIMIT, message, spec.blocks[outer].span)
            sink.stop()
