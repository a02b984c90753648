"""Modules of PyTorch that are one op of netspec and many calls: attention by several heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.flat import Path
from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.torch_alias import name_of
from netspec.importer.torch_lift import Lifter, Weight
from netspec.importer.torch_trace import Scope, scopes

if TYPE_CHECKING:
    from torch.fx import Node

_KIND = "MultiheadAttention"


class Region(NamedTuple):
    """All calls of one module that becomes one op."""

    scope: Scope
    nodes: list[Node]


def regions(nodes: Iterable[Node]) -> dict[Node, Region]:
    """Return the region of each node that is in one."""
    found: dict[tuple[Path, str], Region] = {}
    homes: dict[Node, Region] = {}
    for node in nodes:
        for scope in scopes(node):
            if scope.classes and scope.classes[-1] == _KIND:
                key = (scope.path, scope.call)
                homes[node] = found.setdefault(key, Region(scope, []))
                homes[node].nodes.append(node)
                break
    return homes


def lift(lifter: Lifter, region: Region, last: Node) -> None:
    """Lift a region as one step. Raises NoCounterpart."""
    inside = {*region.nodes}
    reads: dict[int, Held] = {}
    for node in region.nodes:
        for source in node.all_input_nodes:
            value = None if source in inside else lifter.value_or_none(source)
            if isinstance(value, Held):
                reads.setdefault(id(source), value)
    ends = [
        node
        for node in region.nodes
        if node not in lifter.held and any(user not in inside for user in node.users)
    ]
    inputs = [*reads.values()]
    if len(ends) != 1 or not 1 <= len(inputs) <= 3 or any(x.shift for x in inputs):
        raise NoCounterpart("multihead_attention, with the batch first and without weights")
    inputs += inputs[-1:] if len(inputs) == 2 else []
    arguments, tensors = _arguments(lifter, region), _tensors(lifter, region)
    held = lifter.emit(last, "multihead_attention", arguments, inputs, tensors)
    lifter.place(held, region.scope)
    lifter.held[ends[0]] = held._replace(shift=0)


def _arguments(lifter: Lifter, region: Region) -> dict[str, Any]:
    for node in region.nodes:
        if name_of(node) == "scaled_dot_product_attention":
            query: Any = node.args[0]
            masks = len(node.args) > 3 and node.args[3] is not None
            if masks or node.kwargs.get("is_causal") or node.kwargs.get("attn_mask") is not None:
                raise NoCounterpart("multihead_attention without a mask")
            return {
                "num_heads": query.meta["val"].shape[1],
                "dropout": float(lifter.argument(node, 4, "dropout_p", 0.0)),
                "bias": ".".join((*region.scope.path, "in_proj_bias")) in lifter.shapes,
            }
    raise NoCounterpart("multihead_attention with `need_weights=False`")


def _tensors(lifter: Lifter, region: Region) -> Mapping[str, Weight]:
    front = ".".join(region.scope.path) + "."
    return {
        key.removeprefix(front): Weight(key, sizes, True)
        for key, sizes in lifter.shapes.items()
        if key.startswith(front)
    }
