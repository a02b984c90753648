"""Less detail where a page is too small: equal blocks in a row drawn once, light ops taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import replace

from netspec.costs import total
from netspec.emit.figure.tree import Group, Item, Leaf, build, link, walk
from netspec.network import Network


def details(network: Network, depth: int | None) -> Iterator[Group]:
    """Yield the network with ever less detail, its blocks below `depth` levels closed."""
    full = build(network, depth)
    yield full
    fewer = collapse(full)
    yield fewer
    yield absorb(fewer)
    deepest = max((_level(item) for item in walk(full) if isinstance(item, Group)), default=0)
    for level in range(deepest, 0, -1):
        yield collapse(absorb(build(network, level)))


def _level(group: Group) -> int:
    inner = [_level(child) for child in group.children if isinstance(child, Group)]
    return 1 + max(inner, default=0)


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
