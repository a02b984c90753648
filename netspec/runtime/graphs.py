"""Weights that find their place by what the layers of two networks read and are read by."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.graph.model import Node, NodeId, key, path
from netspec.ops.base import Join
from netspec.ops.dim import Shape
from netspec.runtime.match import Match, MatchError
from netspec.runtime.module import difference, instantiate, listed

if TYPE_CHECKING:
    from torch import Tensor, nn

_ROUNDING = 1e-5
"""The largest difference of outputs, as a share of the largest, that is rounding."""


def match_graphs(ours: Network, theirs: Network) -> Match:
    """Match the tensors of two networks that are the same graph of layers with weights.

    What a layer is is decided by its tensors, by all that it depends on, and by all that depends on
    it; layers that are alike in all of this may change places in the network. Raises MatchError if
    a layer of `ours` that inference runs has no counterpart.
    """
    left, right = _places(ours), _places(theirs)
    keys: dict[str, str] = {}
    by_order: list[list[tuple[str, str]]] = []
    for place, nodes in left.items():
        others = right.get(place, [])
        if len(nodes) == len(others):
            pairs = list(zip(nodes, others, strict=True))
            by_order += [[(path(a.owner), path(b.owner)) for a, b in pairs]] * (len(pairs) > 1)
            keys.update((key(a, x), key(b, x)) for a, b in pairs for x in ours.tensors_of(a))
        elif not all(node.train_only for node in nodes):
            names = ", ".join(f"`{path(node.id)}`" for node in nodes[:4])
            raise MatchError(f"the graphs differ: {len(others)} layers are like {names}")
    return Match(keys, by_order)


def refuse_differing(
    network: Network, model: nn.Module, found: Match, inputs: Sequence[Tensor]
) -> None:
    """Raise MatchError if a network with a module's weights does not compute what that does."""
    import torch

    ours = instantiate(network).eval()
    state = model.state_dict()
    ours.load_state_dict({key: state[other] for key, other in found.keys.items()}, strict=False)
    with torch.no_grad():
        wanted, given = (listed(module(*inputs)) for module in (model.eval(), ours))
    apart = difference(wanted, given) if len(wanted) == len(given) else float("inf")
    if apart > _ROUNDING:
        raise MatchError(
            f"all layers have a place, but the outputs differ by {apart:.1e} of the largest"
        )


def _places(network: Network) -> dict[Hashable, list[Node]]:
    """Return the layers with weights by what stands before and behind each of them."""
    forms = {node.id: network.tensors_of(node) for node in network.graph.nodes.values()}
    above = _above(network, forms)
    below = _below(network, forms, above)
    found: dict[Hashable, list[Node]] = {}
    owners = set()
    for node in network.graph.nodes.values():
        if forms[node.id] and node.owner not in owners:
            owners.add(node.owner)
            found.setdefault((above[node.id], below[node.id]), []).append(node)
    return found


Forms = Mapping[NodeId, Mapping[str, Shape]]


def _above(network: Network, forms: Forms) -> dict[NodeId, int]:
    """Return for each node what its value is made of; what has one input and no weights passes."""
    found: dict[NodeId, int] = {
        name: hash(("input", i)) for i, name in enumerate(network.graph.inputs)
    }
    for node in network.graph.nodes.values():
        inputs = [found[source] for source in node.inputs]
        if _commutes(node):
            inputs.sort()
        is_plain = len(inputs) == 1 and not forms[node.id]
        found[node.id] = inputs[0] if is_plain else hash((_kind(node, forms), *inputs))
    return found


def _kind(node: Node, forms: Forms) -> Hashable:
    shapes = sorted((name, tuple(form)) for name, form in forms[node.id].items())
    return (node.op.op_name, *shapes)


def _below(network: Network, forms: Forms, above: Mapping[NodeId, int]) -> dict[NodeId, int]:
    """Return for each node what is made of its value, and as which input; heads do not count."""
    uses: dict[NodeId, list[int]] = {id: [] for id in (*network.graph.inputs, *network.graph.nodes)}
    for output in network.graph.outputs:
        uses[output.node].append(hash("output"))
    found = {}
    for node in reversed([*network.graph.nodes.values()]):
        reads = uses[node.id]
        found[node.id] = hash((_kind(node, forms), above[node.id], *sorted(reads)))
        is_plain = len(node.inputs) == 1 and not forms[node.id]
        for place, source in enumerate(node.inputs):
            if node.train_only and not _is_head(network, source):
                continue
            at = 0 if _commutes(node) else place
            uses[source] += reads if is_plain else [hash((found[node.id], at))]
    return found


def _is_head(network: Network, source: NodeId) -> bool:
    return source in network.graph.nodes and network.graph.nodes[source].train_only


def _commutes(node: Node) -> bool:
    return isinstance(node.op, Join) and node.op.commutes
