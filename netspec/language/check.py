"""The graph's structure: cycles, layers that nobody reads, training-only layers that leak.

References stay inside a chain, so each chain is a graph of its own and a mistake inside a block is
found once, not once for each use.
"""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

from netspec.language.model import (
    INPUT,
    Block,
    BlockCall,
    Body,
    Chain,
    Layer,
    Output,
    Parallel,
    Spec,
    chains,
    walk,
)
from netspec.language.order import execution_order
from netspec.language.terms import Ref
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span

MAX_NESTING = 64


def check(spec: Spec, sink: Sink) -> None:
    """Report every structural mistake. Raises SpecError."""
    _check_recursion(spec, sink)
    for block in spec.blocks.values():
        _check_body(block.body, {ref.name for ref in block.outputs}, sink)
        _check_block_inputs(block, sink)
    graph = spec.model.body
    assert isinstance(graph, Chain)
    for layer in (*graph.layers, *spec.heads):
        if isinstance(layer.call, Chain | Parallel):
            _check_body(layer.call, set(), sink)
    if _check_chain(graph.layers, spec.heads, sink):
        _check_outputs(spec, graph, sink)
    sink.stop()


def _check_body(body: Body, outputs: set[str], sink: Sink) -> None:
    """Check a block's or an inline block's chains; no `outputs`: the last layer is the output."""
    for chain in chains(body):
        _check_chain(chain.layers, (), sink)
        if not chain.layers:
            continue
        last = chain.layers[-1]
        _refuse_unread(chain.layers, chain.layers, outputs or {last.name}, sink)
        if last.train_only:
            message = f"`{last.name}` ends its block but runs only in training"
            sink.error("NS025", message, last.span, help="training-only layers stand in `outputs`")
        for layer in chain.layers:
            if isinstance(layer.call, Chain | Parallel):
                _check_body(layer.call, set(), sink)


def _check_chain(layers: Sequence[Layer], heads: Sequence[Layer], sink: Sink) -> bool:
    """Report cycles and leaks of training-only layers; tell whether there is no cycle."""
    everything = {layer.name: layer for layer in (*layers, *heads)}
    done = {layer.name for layer in execution_order(layers, heads)}
    if len(done) < len(everything):
        _explain_cycles({n: layer for n, layer in everything.items() if n not in done}, sink)
        return False
    for layer in everything.values():
        for ref, source in _leaks(layer, everything):
            notes = (Label(source.span, "runs only in training"),)
            span, (message, help) = ref.span, _explicit_leak(layer, source)
            if span is None:
                span, (message, help) = layer.span, _implicit_leak(layer, source, layers)
            sink.add(Diagnostic("NS025", message, span, notes=notes, help=help))
    return True


def _leaks(layer: Layer, everything: Mapping[str, Layer]) -> list[tuple[Ref, Layer]]:
    """Return what a layer that runs in inference reads of layers that do not."""
    sources = [(ref, everything[ref.name]) for ref in layer.sources if ref.name in everything]
    return [one for one in sources if one[1].train_only and not layer.train_only]


def _explicit_leak(layer: Layer, source: Layer) -> tuple[str, str]:
    """Say what leaks through `from:`, and the cure."""
    message = f"`{layer.name}` runs in inference but reads `{source.name}`, which does not"
    return message, f"give `{layer.name}` `when: train` too, or read another layer"


def _implicit_leak(layer: Layer, source: Layer, layers: Sequence[Layer]) -> tuple[str, str]:
    """Say what leaks because it is the line above, and the cure.

    A line that nobody reads, above one that does not read it, has most likely changed places.
    """
    message = f"`{layer.name}` reads the line above, `{source.name}`, which runs only in training"
    line = [one.name for one in layers].index(layer.name)
    above = [one.name for one in layers[:line] if not one.train_only]
    is_read = any(ref.name == layer.name for one in layers for ref in one.sources)
    below = layers[line + 1].name if line + 1 < len(layers) and not is_read else ""
    cures = [f"move it below `{below}`"] if below else []
    cures += [f"write `from: {above[-1]}`"] if above else []
    cures += [f"move `{source.name}` away"] if not cures else []
    return message, ", or ".join([*cures, "give it `when: train` too"])


def _explain_cycles(waiting: Mapping[str, Layer], sink: Sink) -> None:
    """Report a cycle edge by edge for each knot of layers that wait for each other."""
    import networkx as nx

    graph = nx.DiGraph()
    for layer in waiting.values():
        for ref in layer.sources:
            if ref.name in waiting:
                graph.add_edge(ref.name, layer.name, span=ref.span or layer.span)
    for knot in sorted(map(sorted, nx.strongly_connected_components(graph))):
        if len(knot) > 1:
            edges = nx.find_cycle(graph.subgraph(knot), knot)
            _report_cycle([(a, b, graph.edges[a, b]["span"]) for a, b in edges], "layers", sink)


def _report_cycle(edges: list[tuple[str, str, Span]], what: str, sink: Sink) -> None:
    names = " → ".join([edges[0][0], *(target for _, target, _ in edges)])
    notes = tuple(Label(span, f"`{b}` reads `{a}`") for a, b, span in edges[1:20])
    source, target, span = edges[0]
    label = f"`{target}` reads `{source}`"
    help = "let one of them read a layer outside the cycle"
    sink.add(
        Diagnostic("NS022", f"the {what} form a cycle: {names}", span, label, notes, help=help)
    )


def _refuse_unread(
    candidates: Sequence[Layer], layers: Sequence[Layer], outputs: set[str], sink: Sink
) -> None:
    """Report layers that nobody reads, but for those that stand at the wrong place already."""
    read = {ref.name for layer in layers for ref in layer.sources} | outputs
    everything = {layer.name: layer for layer in layers}
    for layer in candidates:
        is_misplaced = any(ref.span is None for ref, _ in _leaks(layer, everything))
        if layer.name not in read and not is_misplaced:
            help = f"delete it, or let a layer read it with `from: {layer.name}`"
            sink.error("NS023", f"nobody reads the layer `{layer.name}`", layer.span, help=help)


def _check_block_inputs(block: Block, sink: Sink) -> None:
    read = {ref.name for layer in walk(block.body) for ref in layer.sources}
    for name in block.inputs or (INPUT,):
        is_branch = isinstance(block.body, Parallel) and name == (block.inputs or (INPUT,))[0]
        if name not in read and not is_branch:
            message = f"no layer of the block `{block.name}` reads its input `{name}`"
            sink.error("NS023", message, block.span, help=f"read it with `from: {name}`")


def _check_outputs(spec: Spec, graph: Chain, sink: Sink) -> None:
    outputs = {output.ref.name for output in spec.outputs}
    everything = (*graph.layers, *spec.heads)
    _refuse_unread(everything, everything, outputs, sink)
    read = {ref.name for layer in everything for ref in layer.sources} | outputs
    for name, shape in spec.inputs.items():
        if name not in read:
            sink.error("NS023", f"nobody reads the input `{name}`", shape.span, help="delete it")
    if spec.outputs and all(is_train_only(output, graph) for output in spec.outputs):
        message = "every output runs only in training; inference would give nothing"
        sink.error("NS025", message, spec.outputs[0].span, help="drop `when: train` from one")


def is_train_only(output: Output, graph: Chain) -> bool:
    """Tell whether an output exists only in training."""
    if output.head is not None:
        return output.head.train_only
    return any(layer.train_only for layer in graph.layers if layer.name == output.ref.name)


# ------------------------------------------------------------------ blocks that use blocks


def _check_recursion(spec: Spec, sink: Sink) -> None:
    """Report blocks that use themselves, and nesting that is too deep to expand."""
    used = {name: _uses(block.body) for name, block in spec.blocks.items()}
    sorter = graphlib.TopologicalSorter(used)
    try:
        order = list(sorter.static_order())
    except graphlib.CycleError as error:
        _report_recursion(used, error.args[1][::-1], sink)
        sink.stop()
        raise AssertionError from error
    depth: dict[str, int] = {}
    for name in order:
        below = [levels + depth[block] for block, (levels, _) in used[name].items()]
        depth[name] = max(_levels(spec.blocks[name].body), *below, 0)
        if depth[name] > MAX_NESTING:
            message = f"the block `{name}` nests blocks deeper than {MAX_NESTING}"
            sink.error("NS001", message, spec.blocks[name].span)
            sink.stop()


_Uses = dict[str, tuple[int, BlockCall]]


def _report_recursion(used: dict[str, _Uses], cycle: list[str], sink: Sink) -> None:
    edges = [(a, b, used[a][b][1].span) for a, b in pairwise(cycle)]
    notes = tuple(Label(span, f"`{a}` uses `{b}`") for a, b, span in edges[1:20])
    label = f"`{edges[0][0]}` uses `{edges[0][1]}`"
    message = f"the blocks form a cycle: {' → '.join(cycle)}"
    help = "a block cannot contain itself; `repeat: n` stacks copies"
    sink.add(Diagnostic("NS022", message, edges[0][2], label, notes, help=help))


def _levels(body: Body) -> int:
    """Return how deep inline blocks nest in a body."""
    inner = [
        _levels(x.call)
        for c in chains(body)
        for x in c.layers
        if isinstance(x.call, Chain | Parallel)
    ]
    return 1 + max(inner, default=0)


def _uses(body: Body, level: int = 1) -> _Uses:
    """Return the blocks that a body uses: at which inline level, and by which call."""
    found: _Uses = {}
    for layer in (layer for chain in chains(body) for layer in chain.layers):
        if isinstance(layer.call, BlockCall):
            if level >= found.get(layer.call.block, (0, None))[0]:
                found[layer.call.block] = level, layer.call
        elif isinstance(layer.call, Chain | Parallel):
            for name, use in _uses(layer.call, level + 1).items():
                if use[0] >= found.get(name, (0, None))[0]:
                    found[name] = use
    return found
