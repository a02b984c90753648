"""Blocks of a network that names no modules: regions with one entry, one exit and equal structure.

A region is what lies between a join and its immediate dominator, the fork that all ways to it come
through, if the join post-dominates all of it: nothing in between is read from elsewhere. Heads that
run in training only would read there, so they are taken off first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec import limits
from netspec.importer.flat import Flat, Path, Step
from netspec.ops.base import REGISTRY

if TYPE_CHECKING:
    import networkx

Kind = tuple[str, ...]
_START, _END = -1, -2
"""What stands for all inputs, and for all that reads an output."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Steps that are one node here: a convolution with what follows it alone, or one step.

    A tensor that reads nothing goes with what reads it.
    """

    number: int
    steps: tuple[Step, ...]
    reads: tuple[tuple[int, str], ...]
    """Numbers of the items that it reads, and which of their outputs."""
    is_unit: bool = False

    @property
    def kind(self) -> Kind:
        return tuple(step.op for step in self.steps)

    @property
    def name(self) -> str:
        """The name of what gives the unit its name, or of the step that others read."""
        return self.steps[0 if self.is_unit else -1].path[-1]

    @property
    def is_training(self) -> bool:
        return self.steps[-1].is_training


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Items, by their numbers in order, that are one use of a block."""

    members: tuple[int, ...]
    is_head: bool = False


def worth(uses: int, lines: int) -> bool:
    """Tell whether a block makes a text shorter: its own lines, and one in place of several."""
    return uses * (lines - 1) > lines + 4


# ------------------------------------------------------------------ units


def items(flat: Flat) -> list[Item]:
    """Return the nodes among which regions are looked for."""
    readers: dict[Path, list[Step]] = {}
    for step in flat.steps:
        for read in step.reads:
            readers.setdefault(read.path, []).append(step)
    shown = {result.read.path for result in flat.outputs.values()}
    follows = {
        path: found[0] for path, found in readers.items() if len(found) == 1 and path not in shown
    }
    chains = {step.path: _chain(step, follows) for step in flat.steps}
    counts = Counter(kind for chain in chains.values() for kind in _kinds(chain))
    units = {path: _unit(chain, counts) for path, chain in chains.items()}
    inside = {step.path for unit in units.values() for step in unit[1:]}
    alone = {step.path: follows.get(step.path) for step in flat.steps if not step.reads}
    tensors: dict[Path, list[Step]] = {}
    for step in flat.steps:
        if reader := alone.get(step.path):
            tensors.setdefault(reader.path, []).append(step)
    found = [
        (*tensors.get(step.path, ()), *(units[step.path] or (step,)))
        for step in flat.steps
        if step.path not in inside and not alone.get(step.path)
    ]
    return _numbered(found, {path for path, unit in units.items() if unit})


def _chain(step: Step, follows: Mapping[Path, Step]) -> tuple[Step, ...]:
    """Return a layer that counts as one in papers, with its normalisation and its activation."""
    found = [step] if REGISTRY[step.op].has_depth else []
    for style in ("norm", "activation") if found else ():
        after = follows.get(found[-1].path)
        if after and REGISTRY[after.op].style == style and _is_plain(after, found[-1]):
            found.append(after)
    return tuple(found)


def _is_plain(step: Step, before: Step) -> bool:
    """Tell whether a step reads only the one before it, and neighbours of other kinds nothing."""
    is_local = step.op != "local_response_norm" and step.op not in ("softmax", "log_softmax")
    return is_local and len(step.reads) == 1 and step.is_training == before.is_training


def _kinds(chain: tuple[Step, ...]) -> Iterator[Kind]:
    for length in range(2, len(chain) + 1):
        yield tuple(step.op for step in chain[:length])


def _unit(chain: tuple[Step, ...], counts: Mapping[Kind, int]) -> tuple[Step, ...]:
    """Return as much of a chain as many others have too."""
    for length in range(len(chain), 1, -1):
        if worth(counts[tuple(step.op for step in chain[:length])], length):
            return chain[:length]
    return ()


def _numbered(found: Sequence[tuple[Step, ...]], units: set[Path]) -> list[Item]:
    home = {step.path: number for number, steps in enumerate(found) for step in steps}
    return [
        Item(
            number,
            steps,
            tuple(
                (home.get(read.path, _START), read.port)
                for step in steps
                for read in step.reads
                if home.get(read.path) != number
            ),
            steps[0].path in units,
        )
        for number, steps in enumerate(found)
    ]


# ------------------------------------------------------------------ regions


def groups(flat: Flat, nodes: Sequence[Item]) -> list[Group]:
    """Return the uses of blocks, none of which share an item."""
    heads = _repeated(_heads(nodes), nodes)
    taken = {number for group in heads for number in group.members}
    regions = sorted(_regions(flat, nodes), key=len, reverse=True)
    found = _repeated((Group(region) for region in regions), nodes, taken)
    return [*heads, *_extended(found, nodes)]


def _heads(nodes: Sequence[Item]) -> Iterator[Group]:
    """Yield what is connected among the items that run in training only."""
    import networkx as nx

    inside = {item.number for item in nodes if item.is_training}
    graph = nx.Graph()
    graph.add_nodes_from(sorted(inside))
    edges = ((a, item.number) for item in nodes for a, _ in item.reads)
    graph.add_edges_from((a, b) for a, b in edges if a in inside and b in inside)
    for head in nx.connected_components(graph):
        read = {a for number in head for a, _ in nodes[number].reads} - head
        if len(read) == 1:
            yield Group(tuple(sorted(head)), is_head=True)


def _regions(flat: Flat, nodes: Sequence[Item]) -> Iterator[tuple[int, ...]]:
    """Yield the regions between a fork and a join, by the numbers of their items."""
    import networkx as nx

    if len(nodes) > limits.REGION_ITEMS:
        return
    graph = _graph(flat, nodes)
    above = nx.immediate_dominators(graph, _START)
    for join in sorted(graph):
        if join >= 0 and graph.in_degree(join) > 1 and join in above:
            region = _between(graph, above[join], join)
            inner = (reader for number in region - {join} for reader in graph[number])
            if len(region) <= limits.REGION_SIZE and region.issuperset(inner):
                yield tuple(sorted(region))


def _graph(flat: Flat, nodes: Sequence[Item]) -> networkx.DiGraph:
    """Return what runs in inference, between one start and one end."""
    import networkx as nx

    graph = nx.DiGraph()
    kept = [item for item in nodes if not item.is_training]
    graph.add_nodes_from([_START, _END])
    graph.add_edges_from((a, item.number) for item in kept for a, _ in item.reads)
    home = {step.path: item.number for item in kept for step in item.steps}
    shown = (home.get(result.read.path) for result in flat.outputs.values())
    graph.add_edges_from((number, _END) for number in shown if number is not None)
    return graph


def _between(graph: networkx.DiGraph, fork: int, join: int) -> set[int]:
    """Return what lies behind a fork up to its join, no more than a block and a bit."""
    found, waiting = {join}, [join]
    while waiting and len(found) <= limits.REGION_SIZE:
        for number in graph.pred[waiting.pop()]:
            if number != fork and number not in found:
                found.add(number)
                waiting.append(number)
    return found


# ------------------------------------------------------------------ equal structure


def signature(group: Group, nodes: Sequence[Item]) -> tuple[object, ...]:
    """Return what is the same for two groups of equal structure: ops, and what reads what."""
    place = {number: index for index, number in enumerate(group.members)}
    return tuple(
        (nodes[number].kind, tuple((place.get(a, _START), port) for a, port in nodes[number].reads))
        for number in group.members
    )


def _repeated(
    found: Iterable[Group], nodes: Sequence[Item], taken: Iterable[int] = ()
) -> list[Group]:
    """Return the groups whose structure stands at several places, larger ones first."""
    used = set(taken)
    same: dict[tuple[object, ...], list[Group]] = {}
    for group in found:
        same.setdefault(signature(group, nodes), []).append(group)
    kept = []
    for equal in same.values():
        free = [group for group in equal if used.isdisjoint(group.members)]
        if worth(len(free), len(equal[0].members)):
            kept += free
            used.update(number for group in free for number in group.members)
    return kept


def _extended(found: Sequence[Group], nodes: Sequence[Item]) -> list[Group]:
    """Return groups with what stands alike before or behind each of equal ones."""
    same: dict[tuple[object, ...], list[Group]] = {}
    for group in found:
        same.setdefault(signature(group, nodes), []).append(group)
    taken = {number for group in found for number in group.members}
    readers: dict[int, list[int]] = {}
    for item in nodes:
        for number in sorted({a for a, _ in item.reads}):
            readers.setdefault(number, []).append(item.number)
    done = []
    for equal in same.values():
        for side in (_behind, _before):
            while more := side(equal, nodes, readers, taken):
                taken.update(more)
                pairs = zip(equal, more, strict=True)
                equal = [Group(tuple(sorted((*group.members, x)))) for group, x in pairs]
        done += equal
    return done


def _behind(
    equal: Sequence[Group], nodes: Sequence[Item], readers: Mapping[int, list[int]], taken: set[int]
) -> list[int]:
    """Return for each group the item that alone reads its end."""
    ends = [group.members[-1] for group in equal]
    after = [readers.get(end, []) for end in ends]
    if any(len(read) != 1 for read in after):
        return []
    found = [read[0] for read in after]
    is_plain = all(
        {a for a, _ in nodes[x].reads} == {end} for x, end in zip(found, ends, strict=True)
    )
    return found if is_plain and _alike(equal, found, nodes, taken) else []


def _before(
    equal: Sequence[Group], nodes: Sequence[Item], readers: Mapping[int, list[int]], taken: set[int]
) -> list[int]:
    """Return for each group the item that it alone reads."""
    found = []
    for group in equal:
        inside = {*group.members}
        read = {a for number in inside for a, _ in nodes[number].reads} - inside
        fork = read.pop()
        if read or fork < 0 or not inside.issuperset(readers[fork]):
            return []
        found.append(fork)
    return found if _alike(equal, found, nodes, taken) else []


def _alike(
    equal: Sequence[Group], found: Sequence[int], nodes: Sequence[Item], taken: set[int]
) -> bool:
    """Tell whether items can join equal groups: all alike, free, and named as the group is."""
    kinds = {(nodes[number].kind, nodes[number].is_training) for number in found}
    starts = [prefix(names_of(group, nodes)) for group in equal]
    named = all(
        nodes[number].name.startswith(start) for number, start in zip(found, starts, strict=True)
    )
    return len(kinds) == 1 and named and len({*found}) == len(found) and taken.isdisjoint(found)


# ------------------------------------------------------------------ names


def names_of(group: Group, nodes: Sequence[Item]) -> list[str]:
    """Return the names of a group's items."""
    return [nodes[number].name for number in group.members]


def prefix(names: Sequence[str]) -> str:
    """Return the words with which all names begin."""
    low, high = min(names), max(names)
    same = (i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    start = low[: next(same, min(len(low), len(high)))]
    if all(name == start or not name[len(start)].isalnum() for name in names):
        return start
    return re.sub(r"[A-Za-z0-9]*$", "", start)
