"""What a constructor makes, as data: calls, stacks of them, copies, and choices between two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from netspec.language.model import Layer
from netspec.language.terms import NUMBERS, Condition, Series
from netspec.ops.base import Call
from netspec.ops.collect import collected
from netspec.ops.dim import Dim, Expr, Shape, equal, is_known, name, names, substitute

INDEX = "@i"
"""The name of a loop's index."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """An nn.Sequential of constructor calls."""

    items: tuple[Construct | Repeated, ...]


@dataclass(frozen=True, slots=True)
class Copies:
    """An nn.Sequential of `count` copies; the last of the items stands for all behind it.

    All are traced, not one `count` times: the first may read other channels than those behind it.
    """

    items: tuple[Construct, ...]
    count: Dim
    names: Series = NUMBERS

    @property
    def is_named(self) -> bool:
        """Whether they are called otherwise than in a sequence without names."""
        return self.names != NUMBERS


@dataclass(frozen=True, slots=True)
class Chosen:
    """A constructor call if a condition over the arguments holds, else nn.Identity() or nothing."""

    made: Construct
    condition: Condition
    is_left_out: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A call of a constructor argument, which makes a module."""

    param: str


Construct = Call | Sequential | Copies | Chosen | Given


@dataclass(frozen=True, slots=True)
class Repeated:
    """A constructor call for each number of a range; arguments may use its name, INDEX."""

    made: Construct
    start: int
    stop: Dim


def within(
    construct: Construct | Repeated,
) -> Iterator[Call | Copies | Given | Repeated | Chosen]:
    """Yield a construct and those inside of it, the outer ones first; a stack is its items."""
    match construct:
        case Sequential():
            for item in construct.items:
                yield from within(item)
        case Copies(items, count):
            yield construct
            parts = items[:count] if isinstance(count, int) else folded(construct)
            for part in parts:
                yield from within(part)
        case Call() | Given():
            yield construct
        case Chosen() | Repeated():
            yield construct
            yield from within(construct.made)


def used_names(construct: Construct | Repeated) -> Iterator[str]:
    """Yield the names in a constructor call, but for those of conditions."""
    for part in within(construct):
        if isinstance(part, Repeated):
            yield from names(part.stop)
        elif isinstance(part, Given):
            yield part.param
        elif isinstance(part, Call):
            for value in (*part.args, *part.kwargs.values()):
                yield from names(value.args if isinstance(value, Call) else value)


def compared_names(construct: Construct | Repeated) -> Iterator[str]:
    """Yield the names in the conditions of a constructor call."""
    for part in within(construct):
        if isinstance(part, Chosen):
            yield from names((part.condition.left, part.condition.right))


def folded(copies: Copies) -> list[Construct | Repeated]:
    """Return few constructor calls for all copies: alike ones, or growing ones, are written once.

    A count that is a constructor argument says nothing about how many differ. So the first three
    speak for all: all alike, or growing by equal steps, or alike behind the first, whose input may
    have other channels.
    """
    items, count = [*copies.items], copies.count
    if isinstance(count, int):
        return _grouped([*items, *items[-1:] * (count - len(items))][:count])
    if items[0] == items[1]:
        return [Repeated(items[0], 0, count)]
    if growing := progression(items[:3]):
        return [Repeated(growing, 0, count)]
    return [at(items[0], 0), Repeated(items[1], 1, count)]


def _grouped(items: list[Construct]) -> list[Construct | Repeated]:
    """Fold runs of equal constructor calls, or a whole arithmetic progression of them."""
    # By their text: a call has a dict of keywords, and so no hash.
    if len(items) > 2 and len(set(map(repr, items))) > 2:
        growing = progression(items)
        return [Repeated(growing, 0, len(items))] if growing else [*_each(items)]
    groups: list[tuple[Construct, int]] = []
    for index, item in enumerate(items):
        if not groups or groups[-1][0] != item:
            groups.append((item, index))
    stops = [*(start for _, start in groups[1:]), len(items)]
    return [
        at(item, start) if stop == start + 1 else Repeated(item, start, stop)
        for (item, start), stop in zip(groups, stops, strict=True)
    ]


def _each(items: Sequence[Construct]) -> Iterator[Construct]:
    return (at(item, index) for index, item in enumerate(items))


def listed(
    pairs: Sequence[tuple[Layer, Construct]], is_folded: bool
) -> Iterator[tuple[str, Construct | Repeated]]:
    """Yield what stands in a list, by its number; copies that `splice:` makes may be folded."""
    # A copy opens a group unless it follows the one before it.
    starts = [place for place, (layer, _) in enumerate(pairs) if not (place and layer.index)]
    for start, stop in pairwise([*starts, len(pairs)]):
        copies = [child for _, child in pairs[start:stop]]
        parts = _grouped(copies) if is_folded else [*_each(copies)]
        for index, part in placed(parts):
            yield pairs[start + index][0].name, part


def placed(
    parts: Iterable[Construct | Repeated],
) -> Iterator[tuple[int, Construct | Repeated]]:
    """Yield each part with the number of its first copy."""
    index = 0
    for part in parts:
        yield index, part
        stop = part.stop if isinstance(part, Repeated) else index + 1
        index = stop if isinstance(stop, int) else index  # a name ends the copies


def at(made: Construct, index: int) -> Construct:
    """Return one copy of those that a constructor call over INDEX stands for."""

    def value(given: object) -> object:
        return at(given, index) if isinstance(given, Call) else _numbered(given, index)

    if INDEX not in set(used_names(made)):
        return made
    match made:
        case Call():
            kwargs = {key: value(given) for key, given in made.kwargs.items()}
            return replace(made, args=tuple(map(value, made.args)), kwargs=kwargs)
        case Chosen():
            return replace(made, made=at(made.made, index))
    return made


def _numbered(value: object, index: int) -> object:
    """Return a value in one copy; what comes to a fraction of many digits stays arithmetic."""
    found = substitute(value, {INDEX: index})
    if isinstance(value, Expr) and isinstance(found, float) and len(repr(found)) > _DIGITS:
        args = tuple([_numbered(arg, index) for arg in value.args])
        return replace(value, args=args)  # type: ignore[arg-type]  # of the same kinds
    return found


_DIGITS = len("0.12345")
"""The most characters of a fraction that somebody would write."""


def progression(items: Sequence[Construct]) -> Call | None:
    """Return one call over INDEX that gives each of three or more, if arguments grow evenly."""
    made = [item for item in items if isinstance(item, Call)]
    if len(items) < 3 or len(made) < len(items):
        return None
    first = made[0]
    if any(len(m.args) != len(first.args) or m.kwargs != first.kwargs for m in made):
        return None
    args = [_step([m.args[k] for m in made]) for k in range(len(first.args))]
    return None if None in args else replace(first, args=tuple(args), note="")


def is_uneven(items: Sequence[Construct]) -> bool:
    """Tell whether the first three copies are neither alike behind the first nor grow evenly."""
    few = items[:3]
    return few[0] != few[1] and progression(few) is None and few[-1] != few[-2]


def is_changing(shapes: Sequence[Shape]) -> bool:
    """Tell whether copies give other sizes than the first: the last then depends on `$i`."""
    pairs = [pair for x in shapes[1:] for pair in zip(shapes[0], x, strict=True)]
    return any(not equal(a, b) for a, b in pairs if is_known(a) and is_known(b))


def shape_behind(items: Sequence[Construct], shapes: Sequence[Shape], count: Dim) -> Shape:
    """Return the shape behind `count` copies; `shapes` are those before and behind each."""
    if isinstance(count, int):
        return shapes[min(count, len(items))]
    if items[0] != items[1] and progression(items[:3]) is not None:
        pairs = zip(shapes[0], shapes[1], strict=True)
        return tuple(a + collected(b - a) * count for a, b in pairs)
    return shapes[:4][-1]


def _step(values: Sequence[object]) -> object | None:
    """Return one value that does not change, or one over INDEX that grows by equal steps."""
    first = values[0]
    if all(value == first for value in values):
        return first
    sizes = [value for value in values if isinstance(value, int | Expr)]
    if len(sizes) < len(values):
        return None
    start, difference = sizes[0], collected(sizes[1] - sizes[0])
    if all(equal(size, start + difference * i) for i, size in enumerate(sizes)):
        return start + difference * name(INDEX)
    return None


def made_of(construct: Construct | Repeated) -> set[str]:
    """Return the classes that a constructor call makes instances of."""
    return {part.function for part in within(construct) if isinstance(part, Call)}
