"""Shapes → memory: what parameters, training and inference need, in bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from netspec.analysis.alive import peak
from netspec.analysis.costs import Costs
from netspec.analysis.frames import holding
from netspec.analysis.held import held_for_backward
from netspec.analysis.layouts import ONE_IMAGE, WIDTHS, Feed
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, NodeId
from netspec.ops.base import INTEGER, product

OPTIMIZERS: Mapping[str, int] = {"SGD": 0, "SGD+momentum": 1, "Adam": 2}
"""How many numbers an optimizer keeps for each parameter."""

RULE = (
    "Bytes of PyTorch's tensors on a CPU. Held for backward: what operators save, each storage "
    "once, with indices, masks and statistics. Left out: gradients of activations, workspaces, "
    "what an allocator rounds up or cannot use, a CUDA context."
)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: of the parameters, of what training holds for backward, and of inference at its peak.

    `params` and `buffers` leave the training-only heads out, which `train_params` and
    `train_buffers` have. `held` is what each layer, or input, adds to what is held for backward,
    `activations` their sum. `peak` are the activations that inference has at once, the inputs
    included; `peak_at` is the first layer that needs so many. A layer is the names of its path,
    ("inception_3a", "conv3x3", "conv").
    """

    params: int
    train_params: int
    buffers: int
    train_buffers: int
    held: Mapping[NodeId, int] = field(repr=False)
    activations: int
    peak: int
    peak_at: NodeId

    @property
    def inference(self) -> int:
        """The bytes that inference needs at its peak: parameters, buffers, activations."""
        return self.params + self.buffers + self.peak

    def training(self, optimizer: str) -> int:
        """Return the bytes that training holds when backward begins.

        They are those of parameters, their gradients, the optimizer's state, buffers and
        activations. `optimizer` is "SGD", "SGD+momentum" or "Adam". Raises ValueError for another.
        """
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer {optimizer!r}: expected one of {', '.join(OPTIMIZERS)}")
        copies = 2 + OPTIMIZERS[optimizer]
        return copies * self.train_params + self.train_buffers + self.activations


def weigh(graph: Graph, shapes: Shapes, costs: Costs, feed: Feed = ONE_IMAGE) -> Memory:
    """Return the memory for a batch of images whose elements have one type."""
    width = WIDTHS[feed.params]
    held = held_for_backward(graph, shapes, feed)
    most, place = peak(graph, shapes, feed)
    params, buffers = Counter[bool](), Counter[bool]()
    for node in graph.nodes.values():
        params[node.train_only] += width * costs[node.id].params
        buffers[node.train_only] += _buffers(node, shapes, width)
    return Memory(
        params=params[False],
        train_params=params.total(),
        buffers=buffers[False],
        train_buffers=buffers.total(),
        held=held,
        activations=sum(held.values()),
        peak=most,
        peak_at=place,
    )


def _buffers(node: Node, shapes: Shapes, width: int) -> int:
    """Return the bytes of the tensors that are not learnt; shared ones count where they belong."""
    op = node.op
    if node.owner != node.id:
        return 0
    if not node.inputs:
        each = WIDTHS[INTEGER] if op.gives() == INTEGER else width
        return 0 if op.weights() else each * int(product(shapes[node.id]))
    sizes = op.buffers(*(shapes[source] for source in node.inputs)).values()
    # A number without dimensions counts batches.
    return sum(width * int(product(size)) if size else WIDTHS[INTEGER] for size in sizes)


def largest_batches(
    graph: Graph, shapes: Shapes, memory: Memory, feed: Feed, space: int
) -> Mapping[str, int | None]:
    """Return the largest batch that fits into so many bytes, by optimizer; "" is inference.

    0 where one image does not fit, None where any batch does. `memory` is that of some batch.
    """

    ends = holding(graph)

    @cache
    def held(batch: int) -> int:
        return sum(held_for_backward(graph, shapes, feed._replace(batch=batch)).values())

    @cache
    def alive(batch: int) -> int:
        return peak(graph, shapes, feed._replace(batch=batch), ends)[0]

    found = {
        name: _largest(held, space - memory.training(name) + memory.activations)
        for name in OPTIMIZERS
    }
    return found | {"": _largest(alive, space - memory.params - memory.buffers)}


def _largest(needs: Callable[[int], int], space: int) -> int | None:
    """Return the largest batch that does not need more, which rises with the batch if at all."""
    low, high = 0, max(space, 0) + 1
    if needs(high) <= space:
        return None  # an image that takes a byte would take more
    if needs(1) <= space:
        low = 1
    # Bytes are all but proportional to the batch: a straight line mostly finds the place at once.
    while low and high - low > 1:
        below, above = needs(low), needs(high)
        guess = low + (space - below) * (high - low) // (above - below)
        for batch in (guess, guess + 1, (low + high) // 2):
            if low < batch < high:
                low, high = (batch, high) if needs(batch) <= space else (low, batch)
    return low
