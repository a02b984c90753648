"""Names for the blocks that were found: each step gets the path of names that leads to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec.importer.flat import Flat, Path, Read, Step
from netspec.importer.naming import Names, legal
from netspec.importer.regions import Group, Item, groups, items, names_of, prefix, signature
from netspec.language.model import INPUT

Place = tuple[Path, tuple[str, ...]]
"""A step's path, and what the modules around it are called as classes."""


def named(flat: Flat) -> Flat:
    """Return a network of steps with one name each as one with blocks, where it has any."""
    nodes = items(flat)
    places = _places(nodes, groups(flat, nodes))

    def moved(read: Read) -> Read:
        return Read(places[read.path][0], read.port) if read.path in places else read

    steps = []
    for step in flat.steps:
        path, classes = places[step.path]
        reads = tuple(map(moved, step.reads))
        shares = places[step.shares][0] if step.shares else ()
        steps.append(replace(step, path=path, classes=classes, reads=reads, shares=shares))
    outputs = {
        name: result._replace(read=moved(result.read)) for name, result in flat.outputs.items()
    }
    return replace(flat, steps=tuple(steps), outputs=outputs)


def _places(nodes: Sequence[Item], found: Sequence[Group]) -> dict[Path, Place]:
    """Return where each step goes, by its old path."""
    inside = {number for group in found for number in group.members}
    taken = Names({INPUT, *(item.name for item in nodes if item.number not in inside)})
    places: dict[Path, Place] = {}
    for item in nodes:
        if item.number not in inside:
            places |= _item(item, item.name, (), ())
    same: dict[tuple[object, ...], list[Group]] = {}
    for group in found:
        same.setdefault((group.is_head, signature(group, nodes)), []).append(group)
    for equal in same.values():
        inner = _inner(equal, nodes)
        for group, names in zip(equal, inner, strict=True):
            start = prefix(names_of(group, nodes)).strip("_")
            name = taken.new(start or f"{nodes[group.members[-1]].name}_block", "block")
            kind = "Head" if group.is_head else class_name(start) or "Block"
            for number, part in zip(group.members, names, strict=True):
                places |= _item(nodes[number], part, (name,), (kind,))
    return places


def _item(item: Item, name: str, above: Path, classes: tuple[str, ...]) -> dict[Path, Place]:
    """Return the places of an item's steps."""
    if item.is_unit:
        kind = "".join(_TITLES.get(part, part.title()) for part in map(_part, item.steps))
        return {step.path: ((*above, name, _part(step)), (*classes, kind)) for step in item.steps}
    last = item.steps[-1].path[-1]
    return {
        step.path: ((*above, step.path[-1].replace(last, name, 1)), classes) for step in item.steps
    }


_TITLES = {"relu": "ReLU", "prelu": "PReLU", "elu": "ELU"}


def _part(step: Step) -> str:
    """Return what a step is called within a unit."""
    return re.sub(r"^batch_|\d+d$", "", step.op)


def _inner(equal: Sequence[Group], nodes: Sequence[Item]) -> list[list[str]]:
    """Return what the items of equal groups are called within them: the same in each."""
    found = [[*_short(group, nodes)] for group in equal]
    if all(names == found[0] for names in found) and len({*found[0]}) == len(found[0]):
        return found
    counts: Counter[str] = Counter()
    plain = []
    for number in equal[0].members:
        part = _part(nodes[number].steps[0 if nodes[number].is_unit else -1])
        counts[part] += 1
        plain.append(f"{part}{counts[part]}")
    return [plain] * len(equal)


def _short(group: Group, nodes: Sequence[Item]) -> Iterator[str]:
    """Yield the names of a group's items without what they have in common."""
    names = names_of(group, nodes)
    start = prefix(names)
    for number, name in zip(group.members, names, strict=True):
        part = _part(nodes[number].steps[0])
        yield legal(name[len(start) :].strip("_") or part, part)


def class_name(text: str) -> str:
    """Return what uses called so are uses of: Inception of inception_3a, Fire of fire2."""
    stem = re.sub(r"_?\d+[a-z]?\d*$", "", text)
    return "".join(word[0].upper() + word[1:] for word in re.findall("[A-Za-z]+", stem))
