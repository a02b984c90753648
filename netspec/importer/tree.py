"""Steps → bodies within bodies: each module's own lines, and what they read by local names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from netspec.importer.flat import Flat, Path, Read, Step


class Interleaved(Exception):
    """A module whose parts run between those of another one, which no spec can say."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(slots=True)
class Group:
    """A module: its parts by name in the order in which they can run, and what crosses its border.

    `reads` are the steps outside that it reads, `gives` those inside that are read from outside.
    """

    path: Path
    kind: str
    parts: dict[str, Step | Group] = field(default_factory=dict)
    reads: dict[Read, None] = field(default_factory=dict)
    gives: dict[Read, None] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether its parts are numbered as those of a list are, each reading the one before."""
        return all(name.isdecimal() for name in self.parts)

    def groups(self) -> Iterator[Group]:
        """Yield the modules within, innermost first, and itself."""
        for part in self.parts.values():
            if isinstance(part, Group):
                yield from part.groups()
        yield self


def tree_of(flat: Flat) -> Group:
    """Return the modules of a network. Raises Interleaved."""
    root = Group((), flat.name)
    for step in flat.steps:
        _put(root, step)
    inner = {step.path for step in flat.steps}
    for step in flat.steps:
        for read in step.reads:
            _cross(root, step.path, read, read.path in inner)
    for result in flat.outputs.values():
        _cross(root, ("",), result.read, result.read.path in inner)
    order = {key: i for i, key in enumerate(flat.keys)}
    for group in root.groups():
        _sort(group, order)
    return root


def _put(root: Group, step: Step) -> None:
    group = root
    for depth, name in enumerate(step.path[:-1]):
        kind = step.classes[depth] if depth < len(step.classes) else ""
        part = group.parts.setdefault(name, Group(step.path[: depth + 1], kind))
        if isinstance(part, Step):
            raise Interleaved(part.path, "an op has parts")
        group = part
    assert step.path[-1] not in group.parts, f"two steps are called {step.path}"
    group.parts[step.path[-1]] = step


def _cross(root: Group, reader: Path, read: Read, is_step: bool) -> None:
    """Note at each module's border what is read across it."""
    source = read.path if is_step else ("",)
    common = 0
    while common < min(len(source), len(reader)) - 1 and source[common] == reader[common]:
        common += 1
    group = root
    for depth, name in enumerate(reader[:-1]):
        part = group.parts[name]
        assert isinstance(part, Group)
        group = part
        if depth >= common:
            group.reads.setdefault(read)
    group = root
    for depth, name in enumerate(source[:-1]):
        part = group.parts[name]
        assert isinstance(part, Group)
        group = part
        if depth >= common:
            group.gives.setdefault(read)


def _sort(group: Group, order: Mapping[str, int]) -> None:
    """Put parts in the order of their weights, else behind what they read."""
    import networkx as nx

    depth = len(group.path)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(group.parts)
    for name, part in group.parts.items():
        for read in part.reads:
            source = read.path[depth] if read.path[:depth] == group.path else ""
            if source != name and source in group.parts and len(read.path) > depth:
                graph.add_edge(source, name)
    if not nx.is_directed_acyclic_graph(graph):
        raise Interleaved(group.path, "its parts run between one another's")
    first = {name: min(_keys(part, order), default=-1) for name, part in group.parts.items()}
    keyed = sorted((name for name in first if first[name] >= 0), key=first.__getitem__)
    for one, two in pairwise(keyed):
        if not nx.has_path(graph, two, one):
            graph.add_edge(one, two)
    turn = {name: i for i, name in enumerate(group.parts)}
    names = [*nx.lexicographical_topological_sort(graph, key=turn.__getitem__)]
    if not all(name.isdecimal() for name in names):
        # A layer may stand above one that it reads: the file's order is that of the weights.
        left = iter(keyed)
        names = [next(left) if first[name] >= 0 else name for name in names]
    group.parts = {name: group.parts[name] for name in names}


def _keys(part: Step | Group, order: Mapping[str, int]) -> Iterator[int]:
    if isinstance(part, Step):
        yield from (order[key] for key in part.tensors.values() if key in order)
    else:
        for inner in part.parts.values():
            yield from _keys(inner, order)
