"""Equal blocks in a row, drawn once: layer3.1–35 ×35."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import replace

from netspec.emit.figure.tree import Group, Item, Leaf, link


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
