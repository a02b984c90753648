"""Shapes → memory: what parameters, training and inference need, in bytes.

Every layer writes a tensor of its own, except that an activation overwrites its input where nobody
else reads it, and views (flatten, chunk, dropout in inference) share their input's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from netspec.analysis.costs import Costs
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import Storage

BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int8": 1,
}
"""How many bytes an element of each type takes."""

RULE = "Bytes: activations overwrite their input, views take none; no workspace and masks counted."


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: of the parameters, of what training holds, and of inference at its peak.

    `params` leaves the training-only heads out. `held` is what each layer's output adds to what
    training holds; `activations` is their sum and the inputs. `peak_at` is the first layer that
    needs the peak.
    """

    params: int
    train_params: int
    held: Mapping[NodeId, int]
    activations: int
    peak: int
    peak_at: NodeId


def weigh(
    graph: Graph, shapes: Shapes, costs: Costs, batch: int = 1, dtype: str = "float32"
) -> Memory:
    """Return the memory for a batch of images whose elements have a type of BYTES."""
    width = BYTES[dtype]
    sizes = {key: batch * width * prod(shape) for key, shape in shapes.items()}
    nodes = list(graph.nodes.values())
    owners = _owners(graph, nodes, training=True)
    held = {node.id: sizes[node.id] if owners[node.id] == node.id else 0 for node in nodes}
    peak, place = _peak(graph, sizes)
    return Memory(
        params=width * sum(costs[node.id].params for node in graph.inference()),
        train_params=width * sum(costs[node.id].params for node in nodes),
        held=held,
        activations=sum(held.values()) + sum(sizes[source] for source in graph.inputs),
        peak=peak,
        peak_at=place,
    )


def _owners(graph: Graph, nodes: list[Node], training: bool) -> dict[NodeId, NodeId]:
    """Return for each tensor the one in whose memory it stands."""
    readers = Counter(source for node in nodes for source in node.inputs)
    readers.update(output.node for output in graph.outputs)
    owners = {source: source for source in graph.inputs}
    writable: dict[NodeId, bool] = dict.fromkeys(graph.inputs, False)
    for node in nodes:
        if not node.inputs:
            owners[node.id], writable[node.id] = node.id, False
            continue
        source = node.inputs[0]
        storage = node.op.storage
        shares = (
            storage is Storage.VIEW
            or (storage is Storage.IDLE and not training)
            or (storage is Storage.OVERWRITES and writable[source])
        )
        owners[node.id] = owners[source] if shares else node.id
        writable[node.id] = readers[node.id] == 1 and (not shares or writable[source])
    return owners


def _peak(graph: Graph, sizes: Mapping[NodeId, int]) -> tuple[int, NodeId]:
    """Return the most bytes alive at once in inference, and the first layer that needs them."""
    nodes = list(graph.inference())
    owners = _owners(graph, nodes, training=False)
    last = {owners[source]: i for i, node in enumerate(nodes) for source in node.inputs}
    kept = {owners[output.node] for output in graph.outputs if not output.train_only}
    dying: dict[int, list[NodeId]] = {}
    for owner, i in last.items():
        if owner not in kept:
            dying.setdefault(i, []).append(owner)
    alive = sum(sizes[source] for source in graph.inputs if source in last or source in kept)
    peak, place = alive, next(iter(graph.inputs))
    for i, node in enumerate(nodes):
        alive += sizes[node.id] if owners[node.id] == node.id else 0
        if alive > peak:
            peak, place = alive, node.id
        alive -= sum(sizes[owner] for owner in dying.get(i, ()))
    return peak, place
