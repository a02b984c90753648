"""Shapes → memory: what parameters, training and inference need, in bytes.

Every layer writes a tensor of its own, except that an activation overwrites its input where nobody
else reads it, and views (flatten, chunk, dropout in inference) share their input's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import NamedTuple

from netspec.analysis.costs import Costs
from netspec.analysis.shapes import Shapes
from netspec.analysis.types import held_by
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import INTEGER, Storage

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
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


class _Step(NamedTuple):
    """A node, the number of the tensor that it writes, and the numbers of those that it reads."""

    node: Node
    target: int
    sources: tuple[int, ...]


def weigh(
    graph: Graph, shapes: Shapes, costs: Costs, batch: int = 1, dtype: str = "float32"
) -> Memory:
    """Return the memory for a batch of images whose elements have a type of BYTES."""
    width = BYTES[dtype]
    # Tensors are numbered once: looking up an id costs as much as the rest of a step.
    numbers = {id: i for i, id in enumerate((*graph.inputs, *graph.nodes))}
    elements = {shape: batch * prod(shape) for shape in set(shapes.values())}
    integers = {id for id, type in held_by(graph).items() if type == INTEGER}
    sizes = [elements[shapes[id]] * (8 if id in integers else width) for id in numbers]
    inputs = range(len(graph.inputs))
    steps = [
        _Step(node, i, tuple([numbers[source] for source in node.inputs]))
        for i, node in enumerate(graph.nodes.values(), len(inputs))
    ]
    results = [numbers[output.node] for output in graph.outputs]
    owners = _owners(steps, results, len(sizes), training=True)
    held = {s.node.id: sizes[s.target] if owners[s.target] == s.target else 0 for s in steps}
    inference = [step for step in steps if not step.node.train_only]
    kept = {numbers[output.node] for output in graph.outputs if not output.train_only}
    owners = _owners(inference, results, len(sizes), training=False)
    peak, place = _peak(inference, inputs, sizes, owners, {owners[number] for number in kept})
    return Memory(
        params=width * sum(costs[step.node.id].params for step in inference),
        train_params=width * sum(costs[step.node.id].params for step in steps),
        held=held,
        activations=sum(held.values()) + sum(sizes[number] for number in inputs),
        peak=peak,
        peak_at=place.id if place else next(iter(graph.inputs)),
    )


def _owners(
    steps: Sequence[_Step], results: Sequence[int], count: int, training: bool
) -> list[int]:
    """Return for each of `count` tensors the one in whose memory it stands."""
    readers = Counter(chain.from_iterable(step.sources for step in steps))
    readers.update(results)
    owners = list(range(count))
    writable = [False] * count
    for node, target, sources in steps:
        if not sources:
            continue
        source, storage = sources[0], node.op.storage
        shares = (
            storage is Storage.VIEW
            or (storage is Storage.IDLE and not training)
            or (storage is Storage.OVERWRITES and writable[source])
        )
        if shares:
            owners[target] = owners[source]
        writable[target] = readers[target] == 1 and (not shares or writable[source])
    return owners


def _peak(
    steps: Sequence[_Step],
    inputs: Sequence[int],
    sizes: Sequence[int],
    owners: Sequence[int],
    kept: set[int],
) -> tuple[int, Node | None]:
    """Return the most bytes alive at once, and the first node that needs them, if one does."""
    last = {owners[source]: i for i, step in enumerate(steps) for source in step.sources}
    dying = Counter[int]()
    for owner, i in last.items():
        if owner not in kept:
            dying[i] += sizes[owner]
    alive = sum(sizes[source] for source in inputs if source in last or source in kept)
    peak, place = alive, None
    for i, (node, target, _) in enumerate(steps):
        if owners[target] == target:
            alive += sizes[target]
            if alive > peak:
                peak, place = alive, node
        alive -= dying[i]
    return peak, place
