"""Classes for modules whose names are known and whose classes are not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from netspec.importer.flat import Flat, Path
from netspec.importer.labels import class_name
from netspec.importer.tree import Group, tree_of


def with_kinds(flat: Flat) -> Flat:
    """Return a network in which modules of equal names or equal parts are of one class."""
    groups = [group for group in tree_of(flat).groups() if group.path]
    kinds = _kinds(groups)
    steps = []
    for step in flat.steps:
        outer = range(1, len(step.path))
        steps.append(replace(step, classes=tuple(kinds.get(step.path[:i], "") for i in outer)))
    return replace(flat, steps=tuple(steps))


def _kinds(groups: Sequence[Group]) -> dict[Path, str]:
    """Return a class for each module that is no mere list of others."""
    import networkx as nx

    numbers: dict[Hashable, int] = {}
    parts: dict[Path, int] = {}
    same: nx.Graph[Path | int | str] = nx.Graph()
    for group in groups:  # innermost first
        path = group.path
        parts[path] = numbers.setdefault(_parts(group, parts), len(numbers))
        is_list = all(name.isdecimal() for name in group.parts)
        is_outer = any(isinstance(part, Group) for part in group.parts.values())
        # `block1` of `block1-0` and `block1-1` is a list too, whatever they are called.
        is_named_list = all(re.match(f"{path[-1]}[^A-Za-z]", name) for name in group.parts)
        if (is_list and (is_outer or len(group.parts) < 2)) or is_named_list:
            continue
        same.add_edge(path, parts[path])
        if not is_list:
            same.add_edge(path, _stem(path))
    found: dict[Path, str] = {}
    for equal in nx.connected_components(same):
        paths = [path for path in equal if isinstance(path, tuple)]
        stems = Counter(_stem(path) for path in sorted(paths))
        name, _ = stems.most_common(1)[0]
        times = sum(other.rstrip("0123456789") == name for other in {*found.values()})
        found |= dict.fromkeys(paths, f"{name}{times + 1}" if times else name)
    return found


def _parts(group: Group, parts: dict[Path, int]) -> Hashable:
    """Return what a module has in common with others of its class: its parts and their names."""
    return tuple(
        (name, parts[part.path] if isinstance(part, Group) else part.op)
        for name, part in group.parts.items()
    )


def _stem(path: Path) -> str:
    """Return what modules called so are: of numbered ones what their list is called."""
    words = [word for word in path if not word.isdecimal()]
    return class_name(words[-1]) or "Part" if words else "Part"
