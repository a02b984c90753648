"""A block that is most of a network, with its items in the network's own series.

What is a part of a series stays in one column; these items may go on in the next one, and each
column has a frame around its share of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from netspec.emit.diagram.flow import Fan, Series, within
from netspec.emit.diagram.runs import size
from netspec.emit.diagram.tree import Cluster, Item, link
from netspec.graph.model import NodeId


class Stretch(NamedTuple):
    """A block whose items are the parts `first` to `last` of a series."""

    block: Cluster
    first: int
    last: int


def spread(whole: Cluster) -> tuple[Cluster, tuple[Cluster, ...]]:
    """Return the network with the items of its largest blocks beside their own, and the blocks.

    Outer ones come first. A block that stands for several has items of only one.
    """
    blocks: list[Cluster] = []
    while True:
        large = [x for x in whole.children if isinstance(x, Cluster) and 3 * size(x) > size(whole)]
        if not large or large[0].count > 1:
            return whole, tuple(blocks)
        blocks.append(large[0])
        whole = _inlined(whole, large[0])


def stretches(series: Series, whole: Cluster, blocks: tuple[Cluster, ...]) -> list[Stretch] | None:
    """Return which parts of the main series are of which block; None if one is not in a piece.

    It is in a piece if nothing enters it but from the part above its first one.
    """
    parts = [{part} if isinstance(part, int) else within(part) for part in series.parts]
    found = []
    for block in blocks:
        inside = {i for i, x in enumerate(whole.children) if _is_below(x, block.id)}
        places = [i for i, members in enumerate(parts) if members & inside]
        if not places or set().union(*parts[places[0] : places[-1] + 1]) != inside:
            return None
        first = places[0]
        if any(skip.start < first <= skip.end for skip in series.skips) or (
            first > 0 and isinstance(series.parts[first - 1], Fan)
        ):
            return None
        found.append(Stretch(block, first, places[-1]))
    return found


def _is_below(item: Item, id: NodeId) -> bool:
    return item.id[: len(id)] == id


def _inlined(whole: Cluster, block: Cluster) -> Cluster:
    i = whole.children.index(block)
    children = (*whole.children[:i], *block.children, *whole.children[i + 1 :])
    exit = children.index(whole.children[whole.exit])
    return replace(whole, children=children, links=link(children, ()), exit=exit)
