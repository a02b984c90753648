"""A block that is most of a network, with its items in the network's own series.

What is a part of a series stays in one column; these items may go on in the next one, and each
column has a frame around its share of them.
"""

from __future__ import annotations

from typing import NamedTuple

from netspec.emit.diagram.flow import Fan, Series, flow, within
from netspec.emit.diagram.runs import inlined, size
from netspec.emit.diagram.tree import Cluster


class Stretch(NamedTuple):
    """A block whose items are the parts `first` to `last` of a series."""

    block: Cluster
    first: int
    last: int


def spread(whole: Cluster) -> tuple[Cluster, tuple[Stretch, ...]]:
    """Return the network with the items of its largest blocks beside its own; outer ones first."""
    found: tuple[Stretch, ...] = ()
    while (block := _largest(whole)) is not None:
        wider = inlined(whole, block)
        series, blocks = flow(wider).main, [*(stretch.block for stretch in found), block]
        stretches = [_stretch(series, wider, x) for x in blocks]
        if None in stretches:
            break
        whole, found = wider, tuple(filter(None, stretches))
    return whole, found


def _largest(whole: Cluster) -> Cluster | None:
    """Return a block that has a third of the boxes; what stands for several has those of one."""
    limit = size(whole) / 3
    return next(
        (x for x in whole.children if isinstance(x, Cluster) and x.count == 1 and size(x) > limit),
        None,
    )


def _stretch(series: Series, whole: Cluster, block: Cluster) -> Stretch | None:
    """Return which parts of the main series are a block's, if it is in one piece.

    Then nothing enters it but from the single part above its first one.
    """
    inside = {i for i, x in enumerate(whole.children) if x.id[: len(block.id)] == block.id}
    parts = [{part} if isinstance(part, int) else within(part) for part in series.parts]
    places = [i for i, members in enumerate(parts) if members & inside]
    if not places or set().union(*parts[places[0] : places[-1] + 1]) != inside:
        return None
    first = places[0]
    is_entered_aside = any(skip.start < first <= skip.end for skip in series.skips)
    is_below_fan = first > 0 and isinstance(series.parts[first - 1], Fan)
    return None if is_entered_aside or is_below_fan else Stretch(block, first, places[-1])
