"""Spec → its bodies, each lowered once: named layers in execution order, with nothing left unsaid.

What stands behind this stage walks no chain, branch or `share:` itself. It reads a body's `steps`,
in each of which the sources stand by name (`step.layer.sources`), then its `join`, if it has one:

    values = dict(zip(body.inputs, inputs))
    for step in body.steps:
        values[step.layer.name] = ...  # of step.actor.call, on values of step.layer.sources
    if body.join:
        ...  # on values of body.join.sources
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netspec.language.model import INPUT, Body, Chain, Layer, Parallel, ShareCall, Spec
from netspec.language.terms import Ref

if TYPE_CHECKING:
    import networkx

END = ""
"""The node that reads what a body gives."""


class Step(NamedTuple):
    """A layer of a body.

    `actor` is the layer whose op and weights it uses: itself, or the one that `share:` names.
    `line` is its place among the layers as written, heads last. `branch` counts the branches of a
    parallel body; a branch without names is one step, `is_branch`: an inline chain that is called
    by its number, and no layer that somebody wrote.
    """

    layer: Layer
    actor: Layer
    line: int
    branch: int = 0
    is_branch: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A body with its layers in execution order.

    `end` is the last layer as written, or the join; `outputs` is what a block's `outputs:` names.
    The nodes of `graph` are the names of inputs and layers, and END; edges run as the data does.
    If it `is_cyclic`, which `check` refuses, the layers without an order come last.
    """

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    end: str
    join: Layer | None
    outputs: tuple[Ref, ...]
    graph: networkx.DiGraph
    is_cyclic: bool

    @property
    def ends(self) -> list[str]:
        """The last layer, or input, of each branch; a chain is one."""
        return [ref.name for ref in self.join.sources] if self.join else [self.end]

    @property
    def given(self) -> tuple[Ref, ...]:
        """What the body gives, or what its join reads."""
        return self.join.sources if self.join else self.outputs or (Ref(self.end),)


Bodies = Mapping[Body, Lowered]


def walk(body: Lowered, bodies: Bodies, level: int = 1) -> Iterator[tuple[int, Layer]]:
    """Yield every layer of a body, those of inline bodies included, and how deep those nest."""
    for step in body.steps:
        if not step.is_branch:
            yield level, step.layer
        if isinstance(step.layer.call, Chain | Parallel):
            yield from walk(bodies[step.layer.call], bodies, level + (not step.is_branch))


def lower(spec: Spec) -> Bodies:
    """Lower every body of a spec: the network's, the blocks' and the inline ones."""
    bodies: dict[Body, Lowered] = {}
    for block in spec.blocks.values():
        _lower(bodies, block.body, block.inputs or (INPUT,), block.outputs)
    read = tuple(output.ref for output in spec.outputs)
    _lower(bodies, spec.model.body, tuple(spec.inputs), read, spec.heads)
    return bodies


def _lower(
    bodies: dict[Body, Lowered],
    body: Body,
    inputs: tuple[str, ...],
    outputs: tuple[Ref, ...] = (),
    heads: Sequence[Layer] = (),
) -> None:
    """Lower a body, and the inline ones that stand in it, which come before it."""
    steps = _steps(body, inputs, heads)
    for step in steps:
        if isinstance(step.layer.call, Chain | Parallel):
            names = tuple(ref.name for ref in step.layer.sources)
            _lower(bodies, step.layer.call, names if step.is_branch else (INPUT,))
    layers = [step.layer for step in steps]
    join = _join(body, steps, inputs) if isinstance(body, Parallel) else None
    end = join.name if join else layers[-len(heads) - 1].name
    given = join.sources if join else outputs or (Ref(end),)
    graph = dataflow(layers, inputs, [ref.name for ref in given])
    order = ordered(graph, layers[: len(layers) - len(heads)], heads)
    rest = {step.layer.name: step for step in steps}
    found = (*[rest.pop(name) for name in order if name in rest], *rest.values())
    bodies[body] = Lowered(inputs, found, end, join, outputs, graph, is_cyclic=bool(rest))


def _steps(body: Body, inputs: tuple[str, ...], heads: Sequence[Layer]) -> list[Step]:
    """Return the layers of a body as written."""
    if isinstance(body, Chain):
        found = [(0, layer, False) for layer in (*body.layers, *heads)]
    else:
        found = [
            (index, layer, not branch.named)
            for index, branch in enumerate(body.branches)
            for layer in (branch.layers if branch.named else _alone(index, branch, inputs))
        ]
    peers = {layer.name: layer for _, layer, _ in found}
    steps = []
    for line, (index, layer, is_branch) in enumerate(found):
        actor = peers[layer.call.target.name] if isinstance(layer.call, ShareCall) else layer
        steps.append(Step(layer, actor, line, index, is_branch))
    return steps


def _alone(index: int, branch: Chain, inputs: tuple[str, ...]) -> Iterable[Layer]:
    """Return a branch without names as one layer, an empty one as none."""
    if not branch.layers:
        return ()
    read = {ref.name for layer in branch.layers for ref in layer.sources}
    sources = tuple(Ref(name) for name in inputs if name in read) or (Ref(inputs[0]),)
    return (Layer(str(index), branch.span, branch, sources),)


def _join(body: Parallel, steps: Sequence[Step], inputs: tuple[str, ...]) -> Layer:
    """Return the layer that joins the branches' ends, with a name that no other layer has."""
    ends = dict.fromkeys(range(len(body.branches)), inputs[0])
    ends |= {step.branch: step.layer.name for step in steps}
    names = {step.layer.name for step in steps}
    name = body.join.op.op_name
    while name in names:
        name += "_"
    return Layer(name, body.join.span, body.join, tuple(map(Ref, ends.values())))


# ------------------------------------------------------------------ the order in which layers run


def dataflow(
    layers: Sequence[Layer], inputs: Iterable[str] = (), outputs: Iterable[str] = ()
) -> networkx.DiGraph:
    """Return the graph of what layers read: nodes are names, and END, which reads the outputs."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(inputs)
    graph.add_nodes_from(layer.name for layer in layers)
    graph.add_edges_from((ref.name, layer.name) for layer in layers for ref in layer.sources)
    graph.add_edges_from((name, END) for name in outputs)
    return graph


def ordered(graph: networkx.DiGraph, layers: Sequence[Layer], heads: Sequence[Layer]) -> list[str]:
    """Return names so that each follows what it reads, in the file's order where that is free.

    A head runs right behind what it reads. What is on a cycle, or behind one, is left out.
    """
    import networkx as nx

    line = {layer.name: float(i) for i, layer in enumerate(layers)}
    rank = dict.fromkeys(graph, -1.0) | line
    for head in heads:  # half a line behind what it reads: before the next layer of the graph
        rank[head.name] = max((line.get(ref.name, -1) for ref in head.sources), default=-1) + 0.5
    order = []
    try:
        for name in nx.lexicographical_topological_sort(graph, rank.__getitem__):
            order.append(name)
    except nx.NetworkXUnfeasible:
        pass  # a cycle, which `check` explains
    return order
