"""Less detail where a page is too small: equal blocks in a row drawn once, light ops taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import replace

from netspec.costs import total
from netspec.emit.figure.tree import Group, Item, Leaf, build, link, title, walk
from netspec.network import Network

_MOST_BOXES = 500
"""More than any page could show; laying them out would only take time."""


def details(network: Network, depth: int | None) -> Iterator[Group]:
    """Yield the network with ever less detail, its blocks below `depth` levels closed."""
    full = build(network, depth)
    fewer = collapse(full)
    yield from (x for x in (full, fewer, absorb(fewer)) if _size(x) <= _MOST_BOXES)
    deepest = max((_level(item) for item in walk(full) if isinstance(item, Group)), default=0)
    least = full
    for level in range(deepest, 0, -1):
        least = collapse(absorb(build(network, level)))
        if _size(least) <= _MOST_BOXES:
            yield least
    least = collapse(absorb(full)) if deepest == 0 else least
    for most in (200, 100, 50, 25):
        if len(least.children) > most:
            yield shorten(least, most)


def _size(group: Group) -> int:
    """Return how many boxes the open groups show."""
    return sum(1 for _ in walk(group))


def _level(group: Group) -> int:
    inner = [_level(child) for child in group.children if isinstance(child, Group)]
    return 1 + max(inner, default=0)


def shorten(group: Group, most: int) -> Group:
    """Return a group in which stretches of items that only follow each other are closed boxes."""
    longest = -(-len(group.children) // most)
    readers = Counter(link.node for link in group.links)
    stretches: list[list[Item]] = []
    for child in group.children:
        last = stretches[-1] if stretches else []
        can_grow = 0 < len(last) < longest and _is_inner(child) and _is_inner(last[-1])
        if can_grow and _follows(child, last[-1], readers):
            last.append(child)
        else:
            stretches.append([child])
    kept = [_close(stretch) for stretch in stretches]
    ends = [i for i, x in enumerate(stretches) if group.children[group.exit] in x]
    links, _ = link(kept, group.reads, None)
    return replace(group, children=tuple(kept), links=links, exit=ends[0])


def _is_inner(item: Item) -> bool:
    return not isinstance(item, Leaf) or item.kind != "input"


def _close(stretch: list[Item]) -> Item:
    """Return one closed box for several items."""
    first, last = stretch[0], stretch[-1]
    if len(stretch) == 1:
        return first
    nodes = tuple(node for item in stretch for node in item.nodes)
    label = f"{title(first.id)} … {title(last.id)}"
    costs = [part for item in stretch for part in [item.cost] * item.count]
    return Leaf(
        first.id, label, "block", nodes, first.reads, last.output, last.shape, total(costs),
        first.train_only,
    )  # fmt: skip


def collapse(group: Group) -> Group:
    """Return a group in which equal items that only follow each other are one item with a count."""
    children = [collapse(x) if isinstance(x, Group) else x for x in group.children]
    readers = Counter(link.node for link in group.links)
    kept: list[Item] = []
    signatures: list[Hashable] = []
    exit = group.exit
    for i, child in enumerate(children):
        signature = _signature(child)
        if kept and signature == signatures[-1] and _follows(child, kept[-1], readers):
            kept[-1] = _join(kept[-1], child)
        else:
            kept.append(child)
            signatures.append(signature)
        if i == group.exit:
            exit = len(kept) - 1
    links, _ = link(kept, group.reads, None)
    return replace(group, children=tuple(kept), links=links, exit=exit)


def absorb(group: Group) -> Group:
    """Return a group in which norms and activations stand in the box of the op before them."""
    readers = Counter(link.node for link in group.links)
    kept: list[Item] = []
    for child in group.children:
        item = absorb(child) if isinstance(child, Group) else child
        if kept and _is_light(item) and _is_op(kept[-1]) and _follows(item, kept[-1], readers):
            kept[-1] = _merge(kept[-1], item)
        else:
            kept.append(item)
    links, exit = link(kept, group.reads, group.children[group.exit].output)
    return replace(group, children=tuple(kept), links=links, exit=exit)


def _is_light(item: Item) -> bool:
    return isinstance(item, Leaf) and item.kind in ("norm", "activation", "dropout")


def _is_op(item: Item) -> bool:
    return isinstance(item, Leaf) and item.kind not in ("input", "block", "join")


def _merge(first: Item, second: Item) -> Item:
    """Return the first box with the second op in it."""
    assert isinstance(first, Leaf) and isinstance(second, Leaf)
    cost = total([first.cost, second.cost])
    nodes = (*first.nodes, *second.nodes)
    label = f"{first.label} + {second.label}"
    return replace(
        first, label=label, nodes=nodes, output=second.output, cost=cost, shape=second.shape
    )


def _signature(item: Item) -> Hashable:
    """Return what two items must share to be drawn as one."""
    own = (item.block, item.shape, item.cost, item.train_only, item.count)
    if isinstance(item, Leaf):
        return (*own, item.kind, "" if item.kind == "block" else item.label)
    links = tuple((x.source, x.target) for x in item.links)
    return (*own, links, tuple(_signature(child) for child in item.children))


def _follows(item: Item, before: Item, readers: Counter[tuple[str, ...]]) -> bool:
    """Tell whether an item is the only reader of the one before it, and reads nothing else."""
    output = before.output
    return output is not None and item.reads == (output,) and readers[output] == 1


def _join(first: Item, last: Item) -> Item:
    """Return the first of a run with the last added to it."""
    stem, _, number = last.id[-1].rpartition(".")
    name = first.label.split("–")[0]
    end = number if last.id[-1].isdigit() and not stem else last.id[-1]
    is_named = isinstance(first, Group) or first.kind == "block"
    label = f"{name}–{end}" if is_named else first.label
    nodes, count = (*first.nodes, *last.nodes), first.count + 1
    return replace(first, label=label, nodes=nodes, output=last.output, count=count)
