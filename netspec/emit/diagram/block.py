"""One block as a network of its own, for pictures: a use of it, or the block as it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

from netspec.analysis.costs import sum_up
from netspec.analysis.network import Network
from netspec.emit.diagram.symbols import symbolic
from netspec.emit.look import LookError
from netspec.graph.model import Graph, GraphOutput, Instance, Node, NodeId, Use, path
from netspec.language.model import INPUT
from netspec.text.diagnostics import suggest

_Placed = TypeVar("_Placed", Node, Use, Instance)


class _Place(NamedTuple):
    """What stands below a path of the flat network, and how it calls what it reads.

    Inside of it paths go without their first `level` names.
    """

    id: NodeId
    level: int
    inputs: tuple[NodeId, ...]
    names: tuple[str, ...]
    output: NodeId


def block_network(network: Network, name: str) -> Network:
    """Return what a name stands for as a network, whose inputs and outputs are the block's.

    The path of a use gives that one. The name of a block gives its largest use, with widths and
    other arguments as they are written, and without costs. Raises LookError.
    """
    graph, block = network.graph, network.spec.blocks.get(name)
    places = _places(graph)
    if block is None:
        return _cut(network, _named(network, places, name), name)
    uses = [places[use.id] for use in graph.instances.get(block.body, ())]
    if not uses:
        raise LookError(f"nothing uses the block `{name}`, so what it reads is unknown")
    sizes = Counter(id[:end] for id in graph.nodes for end in range(1, len(id)))
    return symbolic(_cut(network, max(uses, key=lambda use: sizes[use.id]), name), block)


def _places(graph: Graph) -> dict[NodeId, _Place]:
    """Return all uses of blocks, inline ones too, and all copies of a layer together."""
    found = {
        use.id: _Place(use.id, len(use.id), use.inputs, graph.bodies[body].inputs, use.output)
        for body, uses in graph.instances.items()
        for use in uses
        if use.id
    }
    for id, use in graph.uses.items():
        if id not in found and id not in graph.nodes and use.layer.said.repeat is not None:
            found[id] = _Place(id, len(id) - 1, use.inputs, (INPUT,), use.output)
    return found


def _named(network: Network, places: Mapping[NodeId, _Place], name: str) -> _Place:
    """Return the place of a path."""
    graph, id = network.graph, tuple(name.split("."))
    if id in places:
        return places[id]
    if id in graph.nodes:
        raise LookError(f"`{name}` is one op, and no use of a block")
    known = [*network.spec.blocks, *map(path, places)]
    hint = suggest(name, known) or (f"for example `{known[0]}`" if known else "it has no block")
    raise LookError(f"{graph.name} has no block, and no use of one, called `{name[:80]}`; {hint}")


def _cut(network: Network, place: _Place, name: str) -> Network:
    """Return a part of a network as a network."""
    graph, level = network.graph, place.level
    nodes = [node for node in graph.nodes.values() if _is_inside(node.id, place)]
    inputs = _inputs(place)
    moved = {**inputs, **{node.id: node.id[level:] for node in nodes}}

    def below(found: Iterable[_Placed]) -> list[_Placed]:
        inner = [x for x in found if _is_inside(x.id, place)]
        return [
            x._replace(id=x.id[level:], inputs=tuple(moved[id] for id in x.inputs)) for x in inner
        ]

    is_head = all(node.train_only for node in nodes)
    shapes = {new: network.shapes[old] for old, new in moved.items()}
    costs = {moved[node.id]: network.costs[node.id] for node in nodes}
    part = replace(
        graph, name=name, inputs={id: shapes[id] for id in inputs.values()}, integers=(),
        nodes={
            x.id: x._replace(owner=x.owner[level:], train_only=x.train_only and not is_head)
            for x in below(nodes)
        },
        uses={x.id: x._replace(output=moved[x.output]) for x in below(graph.uses.values())},
        instances={
            body: [x._replace(output=moved[x.output], use=x.use[level:]) for x in below(uses)]
            for body, uses in graph.instances.items()
        },
        outputs=tuple(_outputs(graph, place, moved)),
    )  # fmt: skip
    return replace(network, graph=part, shapes=shapes, costs=costs, totals=sum_up(part, costs))


def _is_inside(id: NodeId, place: _Place) -> bool:
    return id[: len(place.id)] == place.id


def _inputs(place: _Place) -> dict[NodeId, NodeId]:
    """Return what each thing that a part reads is called in it; read twice it has two names."""
    names: dict[NodeId, list[str]] = {}
    for id, name in zip(place.inputs, place.names, strict=False):
        names.setdefault(id, []).append(name)
    return {id: (", ".join(known),) for id, known in names.items()}


def _outputs(graph: Graph, place: _Place, moved: Mapping[NodeId, NodeId]) -> Iterable[GraphOutput]:
    """Yield what a part gives: all that others read, and what is read where nobody says which."""
    outside = (x for node in graph.nodes.values() if node.id not in moved for x in node.inputs)
    read = {place.output, *outside, *(output.node for output in graph.outputs)}
    given = [id for id in moved if id in read and _is_inside(id, place)] or [place.output]
    for id in given:
        name = "output" if len(given) == 1 else path(moved[id])
        yield GraphOutput(name, moved[id], False, 1.0)
