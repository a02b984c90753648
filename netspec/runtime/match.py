"""Weights that find their place by structure: the tree of prefixes, the order, and the shapes.

Two networks that are the same have the same tree of tensors up to names, and up to prefixes that
only one of them has. Groups are matched before what is in them: a group that has no equal on the
other side is dissolved into its parts, the largest first. Where several are alike, their order
decides if it is the same on both sides beside all that is certain; otherwise nothing does, and the
match is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Form = tuple[int, ...]
Shapes = Mapping[str, Form]
"""The tensors of a state_dict: key → shape."""
COUNTER = "num_batches_tracked"
"""Old files lack this buffer of a batch norm, so it says nothing about structure."""
ABSENT = "not in the file"
_SHOWN = 4


class MatchError(ValueError):
    """Two sets of tensors that have no one matching."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which tensor of a file is each of a model: key → key.

    `by_order` are the prefixes (the model's, the file's) that are alike and that only order tells
    apart, a tuple for each lot of them.
    """

    keys: Mapping[str, str]
    by_order: Sequence[Sequence[tuple[str, str]]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The tensors under a prefix: those of one layer, or parts in the order of their keys."""

    prefix: str
    place: int
    tensors: Shapes
    parts: tuple[Group, ...]
    signature: tuple[object, ...]
    """Equal for groups of the same layers, in whatever order and however they are nested."""

    @property
    def inner(self) -> tuple[Group, ...]:
        """The groups that it is made of, itself where it is one layer."""
        return self.parts or (self,)


def tree(shapes: Shapes) -> Group:
    """Return the tree of the tensors of a state_dict: key → shape."""
    nested: dict[str, dict[str, Form]] = {}
    for key, shape in shapes.items():
        prefix, _, name = key.rpartition(".")
        nested.setdefault(prefix, {})[name] = shape
    layers = [
        Group(prefix, place, tensors, (), (_kind(tensors),))
        for place, (prefix, tensors) in enumerate(nested.items())
    ]
    return _grouped("", layers, 0)


def _kind(tensors: Shapes) -> tuple[object, ...]:
    return tuple(sorted((name, form) for name, form in tensors.items() if name != COUNTER))


def _grouped(prefix: str, layers: Sequence[Group], level: int) -> Group:
    """Return layers as one group; `level` is how many names all of their prefixes share."""
    below: dict[str, list[Group]] = {}
    for layer in layers:
        names = re.split("[./]", layer.prefix) if layer.prefix else []
        below.setdefault(names[level] if level < len(names) else "", []).append(layer)
    parts = tuple(
        inner[0] if len(inner) == 1 else _grouped(f"{prefix}.{name}".lstrip("."), inner, level + 1)
        for name, inner in below.items()
    )
    if len(parts) == 1:
        return parts[0]
    kinds = tuple(sorted((kind for part in parts for kind in part.signature), key=repr))
    return Group(prefix, min((part.place for part in parts), default=0), {}, parts, kinds)


def match(ours: Shapes, theirs: Shapes, is_ordered: bool = True) -> Match:
    """Match the tensors of a model with those of a file by structure.

    `is_ordered` tells whether the order of the file's keys means something. Raises MatchError if
    nothing tells two tensors apart, or if more than the shapes of layers of one name differ.
    """
    matching = _Matching(is_ordered)
    matching.run(tree(ours).inner, tree(theirs).inner)
    keys = {key: matching.keys[key] for key in ours if key in matching.keys}
    # What keeps its key and changes its shape was replaced on purpose.
    used = set(keys.values())
    same = {key: key for key in ours if key in theirs and key not in keys and key not in used}
    _refuse_strange(
        [key for key in ours if key not in keys and key not in same],
        [key for key in theirs if key not in used and key not in same],
        is_empty=not keys,
    )
    return Match({**keys, **same}, tuple(matching.by_order))


def _refuse_strange(ours: Sequence[str], theirs: Sequence[str], is_empty: bool) -> None:
    """Refuse keys that fit neither side: a part of one network is no part of another."""
    left, right = (
        [key for key in side if key.rpartition(".")[2] != COUNTER] for side in (ours, theirs)
    )
    if is_empty or (left and right):
        raise MatchError(
            f"the structures differ: nothing matches {_listed(left)} of the model, "
            f"nor {_listed(right)} of the file"
        )


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(f"`{key}`" for key in keys[:_SHOWN]) + more


Pair = tuple[Group, Group]


@dataclass(slots=True)
class _Matching:
    is_ordered: bool
    keys: dict[str, str] = field(default_factory=dict)
    by_order: list[Sequence[tuple[str, str]]] = field(default_factory=list)

    def run(self, left: Sequence[Group], right: Sequence[Group]) -> None:
        """Match groups that stand side by side, then what is in those that match."""
        pools = [*left], [*right]
        # What both sides have side by side is matched at once. After that one side may have shown
        # more of its layers than the other, and only what is nowhere else is safe.
        lots = _taken(pools, frozenset())
        while all(pools) and _dissolve(*pools):
            while found := _taken(pools, {*_hidden(pools)}):
                lots += found
        _refuse_alike(*pools)
        certain = [lot[0] for lot in lots if len(lot) == 1]
        for lot in lots:
            if len(lot) > 1:
                self._order(lot, certain)
            for pair in lot:
                self._enter(*pair)

    def _order(self, lot: Sequence[Pair], certain: Sequence[Pair]) -> None:
        """Take layers that are alike in order, if nothing beside them speaks against it."""
        if self.is_ordered:
            agrees = all(_before(pair, certain, 0) == _before(pair, certain, 1) for pair in lot)
        else:
            agrees = len({re.sub(r"\d+", "0", theirs.prefix) for _, theirs in lot}) == 1
        if not agrees:
            ours, theirs = ([pair[side].prefix for pair in lot] for side in (0, 1))
            raise MatchError(
                f"{_listed(theirs)} of the file are alike, and nothing tells which is which of "
                f"{_listed(ours)}"
            )
        self.by_order.append([(ours.prefix, theirs.prefix) for ours, theirs in lot])

    def _enter(self, ours: Group, theirs: Group) -> None:
        if ours.parts or theirs.parts:
            self.run(ours.inner, theirs.inner)
            return
        for name in ours.tensors.keys() & theirs.tensors.keys():
            mine, other = (f"{group.prefix}.{name}".lstrip(".") for group in (ours, theirs))
            self.keys[mine] = other


def _taken(pools: tuple[list[Group], list[Group]], hidden: Collection[object]) -> list[list[Pair]]:
    """Take the groups out of both pools of which both have as many; none that is hidden too."""
    found = [lot for lot in _equal(*pools) if lot[0][0].signature not in hidden]
    for side, pool in enumerate(pools):
        taken = {id(pair[side]) for lot in found for pair in lot}
        pool[:] = [group for group in pool if id(group) not in taken]
    return found


def _hidden(pools: Iterable[Iterable[Group]]) -> Iterator[object]:
    """Yield the signatures of what is in the groups of pools."""
    inner = [part for pool in pools for group in pool for part in group.parts]
    yield from (part.signature for part in inner)
    if inner:
        yield from _hidden([inner])


def _equal(left: Sequence[Group], right: Sequence[Group]) -> Iterator[list[Pair]]:
    """Yield the groups of each signature of which both sides have as many."""
    sides: list[dict[object, list[Group]]] = [{}, {}]
    for found, groups in zip(sides, (left, right), strict=True):
        for group in groups:
            found.setdefault(group.signature, []).append(group)
    for signature, ours in sides[0].items():
        theirs = sides[1].get(signature, [])
        if len(ours) == len(theirs):
            yield list(zip(_in_order(ours), _in_order(theirs), strict=True))


def _in_order(groups: Sequence[Group]) -> Sequence[Group]:
    return sorted(groups, key=lambda group: group.place)


def _dissolve(left: list[Group], right: list[Group]) -> bool:
    """Put the parts of the largest group in its place; tell whether there was one."""
    nested = [group for group in (*left, *right) if group.parts]
    if not nested:
        return False
    size = max(len(group.signature) for group in nested)
    for pool in (left, right):
        pool[:] = [
            part
            for group in pool
            for part in (group.inner if len(group.signature) == size else (group,))
        ]
    return True


def _before(pair: Pair, certain: Sequence[Pair], side: int) -> list[bool]:
    return [other[side].place < pair[side].place for other in certain]


def _refuse_alike(left: Sequence[Group], right: Sequence[Group]) -> None:
    """Refuse layers of which the sides have different numbers: any of them could be meant."""
    kinds = {group.signature: group for group in right}
    for group in left:
        if group.signature in kinds:
            ours, theirs = (
                [x.prefix for x in side if x.signature == group.signature] for side in (left, right)
            )
            raise MatchError(
                f"the file has {_listed(theirs)}, the model as alike {_listed(ours)}: "
                "nothing tells which are meant"
            )
