"""Less detail where a page is too small: equal blocks in a row drawn once, light ops taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce

from netspec import limits
from netspec.analysis.costs import total
from netspec.analysis.network import Network
from netspec.emit.diagram import openings
from netspec.emit.diagram.parts import FEW
from netspec.emit.diagram.tree import (
    JOINER,
    Cluster,
    Item,
    Leaf,
    Outline,
    View,
    leaves,
    link,
    title,
    walk,
)  # fmt: skip
from netspec.graph.model import NodeId

_Change = Callable[[Cluster], Cluster]
_DEEPEST = 128
_SHORTER = 500, 200, 100, 50, 25
FEW_ROWS = 2
"""A first copy and the others, which are often alike, are no stack."""


class Details:
    """A network in pictures of ever less detail, each of which is built when it is looked at.

    What a reader misses least goes first: copies, then norms and activations, then blocks as
    `closings` says. What `opened` names stays open, other blocks below `depth` levels are closed.
    Raises LookError.
    """

    def __init__(
        self, network: Network, depth: int | None = None, opened: Sequence[str] = ()
    ) -> None:
        outline = Outline(network)
        view = View(depth, (), openings.opened(outline, opened) if opened else ())
        views = [view, *openings.closings(outline, view)]
        few = [x for x in views if outline.boxes(x, limits.BUILT_BOXES) <= limits.BUILT_BOXES]
        all_open = (alike,), (alike, collapse), (collapse, absorb)
        least = absorb, collapse, stacked
        self._outline = outline
        self._steps: list[tuple[View, tuple[_Change, ...]]] = [
            *[(x, changes) for x in few if x is view for changes in all_open],
            *[(x, least) for x in few if x is not view],
            *[(views[-1], (*least, partial(shorten, most=most))) for most in _SHORTER],
        ]

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, step: int) -> Cluster:
        view, changes = self._steps[step]
        return reduce(lambda root, change: change(root), changes, self._outline.at(view))

    def __iter__(self) -> Iterator[Cluster]:
        return (self[step] for step in range(len(self)))


def readable(outline: Outline, depth: int | None, most: int) -> View:
    """Return the greatest depth, at least 1, at which at most so many boxes are shown."""
    if outline.boxes(View(depth), most) <= most:
        return View(depth)
    low, high = 1, depth or _DEEPEST
    while low < high:
        middle = (low + high + 1) // 2
        is_few = outline.boxes(View(middle), most) <= most
        low, high = (middle, high) if is_few else (low, middle - 1)
    return View(low)


def size(cluster: Cluster) -> int:
    """Return how many boxes the open clusters show."""
    return sum(1 for _ in walk(cluster))


def unframed(whole: Cluster) -> Cluster:
    """Return the network without the frame of an inline body that is all of it but for a head."""
    for child in whole.children:
        if isinstance(child, Cluster) and not child.block and 2 * size(child) > size(whole):
            return inlined(whole, child)
    return whole


def inlined(whole: Cluster, block: Cluster) -> Cluster:
    """Return the network with the items of a block beside its own."""
    i = whole.children.index(block)
    children = (*whole.children[:i], *block.children, *whole.children[i + 1 :])
    exit = children.index(whole.children[whole.exit])
    return replace(whole, children=children, links=link(children, ()), exit=exit)


def shorten(cluster: Cluster, most: int) -> Cluster:
    """Return a cluster in which stretches of items that only follow each other are closed boxes."""
    longest = -(-len(cluster.children) // most)

    def goes_on(stretch: list[Item], item: Item) -> bool:
        return len(stretch) < longest and "input" not in (stretch[-1].kind, item.kind)

    return _joined(cluster, cluster.children, goes_on, _close)


def collapse(cluster: Cluster) -> Cluster:
    """Return a cluster in which a row of equal items is one item with a count."""
    children = [collapse(x) if isinstance(x, Cluster) else x for x in cluster.children]
    signatures = {child.id: _signature(child) for child in children}

    def goes_on(stretch: list[Item], item: Item) -> bool:
        return signatures[item.id] == signatures[stretch[0].id]

    return _joined(cluster, children, goes_on, partial(reduce, _counted))


def stacked(cluster: Cluster) -> Cluster:
    """Return a cluster in which the closed copies of a layer are one box, unless few differ."""
    children = [stacked(x) if isinstance(x, Cluster) else x for x in cluster.children]
    rows = Counter(child.stack for child in children)

    def goes_on(stretch: list[Item], item: Item) -> bool:
        both = stretch[-1], item
        is_one = item.stack == stretch[-1].stack and rows[item.stack] > FEW_ROWS
        return is_one and bool(item.stack) and all(isinstance(x, Leaf) for x in both)

    return _joined(cluster, children, goes_on, _close)


def alike(whole: Cluster) -> Cluster:
    """Return the network in which an op has no box where others of its words stand in a box."""
    words = {word for leaf in leaves(whole) for word in leaf.around[1]}
    return absorb(whole, words) if words else whole


def absorb(cluster: Cluster, words: Collection[str] | None = None) -> Cluster:
    """Return a cluster in which norms and activations stand in the box of the op before them.

    With `words` only those that these words name.
    """
    children = [absorb(x, words) if isinstance(x, Cluster) else x for x in cluster.children]

    def goes_on(stretch: list[Item], item: Item) -> bool:
        is_light = item.kind in ("norm", "activation", "dropout")
        is_meant = words is None or item.label in words
        is_op = isinstance(stretch[0], Leaf) and bool(stretch[0].words)
        is_one = stretch[0].count == item.count == 1
        has_room = len(stretch[0].nodes) + len(stretch) <= FEW
        return all((is_light, is_meant, is_op, is_one, has_room, stretch[0].kind != "join"))

    return _joined(cluster, children, goes_on, partial(reduce, _merge))


def _joined(
    cluster: Cluster,
    children: Sequence[Item],
    goes_on: Callable[[list[Item], Item], bool],
    join: Callable[[list[Item]], Item],
) -> Cluster:
    """Return a cluster in which stretches of items become one item each.

    Only what follows the item before it goes on with a stretch, and only if `goes_on` says so.
    """
    # What is read outside of the cluster has a box of its own, too.
    readers = Counter([*(link.node for link in cluster.links), *cluster.exits])
    stretches: list[list[Item]] = []
    for child in children:
        last = stretches[-1] if stretches else []
        if last and _follows(child, last[-1], readers) and goes_on(last, child):
            last.append(child)
        else:
            stretches.append([child])
    kept = tuple(map(join, stretches))
    exit = next(i for i, x in enumerate(stretches) if children[cluster.exit] in x)
    return replace(cluster, children=kept, links=link(kept, cluster.reads), exit=exit)


def _close(stretch: list[Item]) -> Item:
    """Return one closed box for several items."""
    first, last = stretch[0], stretch[-1]
    if len(stretch) == 1:
        return first
    nodes = tuple([node for item in stretch[:FEW] for node in item.nodes][:FEW])
    exits = tuple([node for item in stretch for node in item.exits])
    label = f"{title(first.id)} … {title(last.id)}"
    if first.stack == last.stack != ():
        label = f"{title(first.stack)} ×{sum(item.count for item in stretch)}"
    costs = (item.cost.times(item.count) for item in stretch)
    return Leaf(
        first.id, label, "block", nodes, exits, first.reads, last.output, last.shape, total(costs),
        first.train_only,
    )  # fmt: skip


def _merge(first: Item, second: Item) -> Item:
    """Return the first box with the second op in it."""
    assert isinstance(first, Leaf)
    assert isinstance(second, Leaf)
    nodes, exits = _both(first, second)
    words = first.words + second.words
    return replace(
        first, label=JOINER.join(words), words=words, nodes=nodes, exits=exits,
        output=second.output, shape=second.shape, cost=total([first.cost, second.cost]),
    )  # fmt: skip


def _signature(item: Item) -> Hashable:
    """Return what two items must share to be drawn as one."""
    label = "" if item.kind == "block" else item.label
    # Parameters and MACs are what a picture says of costs.
    costs = item.cost.params, item.cost.macs
    own = (item.block, item.shape, costs, item.train_only, item.count, item.kind, label)
    if isinstance(item, Leaf):
        return own
    links = tuple((x.source, x.target) for x in item.links)
    return (*own, links, tuple(_signature(child) for child in item.children))


def _follows(item: Item, before: Item, readers: Counter[tuple[str, ...]]) -> bool:
    """Tell whether an item is the only reader of the one before it, and reads nothing else."""
    output = before.output
    return output is not None and item.reads == (output,) and readers[output] == 1


def _counted(first: Item, last: Item) -> Item:
    """Return the first of a run with the last added to it."""
    name = first.label.split("–")[0]
    label = f"{name}–{last.id[-1]}" if first.kind == "block" else first.label
    nodes, exits = _both(first, last)
    count = first.count + 1
    mean = first.cost.seconds + (last.cost.seconds - first.cost.seconds) / count
    return replace(
        first, label=label, nodes=nodes, exits=exits, output=last.output, count=count,
        cost=first.cost._replace(seconds=mean),
    )  # fmt: skip


def _both(first: Item, last: Item) -> tuple[tuple[NodeId, ...], tuple[NodeId, ...]]:
    """Return the nodes and the exits of two items, of which only the second reads the first."""
    # The copies of a long run come here one by one: what they leave behind must not grow.
    exits = [node for node in first.exits if node != first.output]
    return (*first.nodes, *last.nodes)[:FEW], (*exits, *last.exits)
