"""Calls that overwrite memory which another tensor shows, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.fx import Node

_VIEWS = frozenset(
    [
        "view",
        "reshape",
        "permute",
        "transpose",
        "slice",
        "select",
        "unsqueeze",
        "squeeze",
        "flatten",
        "expand",
        "contiguous",
        "detach",
        "alias",
        "chunk",
        "split",
        "getitem",
        "unbind",
        "narrow",
    ]
)
"""Calls that may give the memory that they read."""


def name_of(node: Node) -> str:
    """Return the name of what a node calls: `relu` for `aten.relu_.default`."""
    text = str(node.target)
    if text.startswith("aten."):
        return text.split(".")[1].rstrip("_")
    return getattr(node.target, "__name__", text)


def is_in_place(node: Node) -> bool:
    """Tell whether a call overwrites its first argument."""
    text = str(node.target)
    return text.startswith("aten.") and text.split(".")[1].endswith("_")


def clobbering(nodes: Sequence[Node]) -> frozenset[Node]:
    """Return the calls that overwrite what is read again under another name."""
    turn = {node: i for i, node in enumerate(nodes)}
    shown: dict[Node, list[Node]] = {}
    for node in nodes:
        shown.setdefault(_root(node), []).append(node)
    found = set()
    for node in filter(is_in_place, nodes):
        target: Any = node.args[0]
        root = _root(target)
        others = [x for x in (root, *shown.get(root, ())) if x is not target and x is not node]
        if any(turn.get(user, len(turn)) > turn[node] for other in others for user in other.users):
            found.add(node)
    return frozenset(found)


def _root(node: Node) -> Node:
    """Return the node whose memory another one shows."""
    while node.op == "call_function" and name_of(node) in _VIEWS:
        source: Any = node.args[0]
        node = source
    return node
