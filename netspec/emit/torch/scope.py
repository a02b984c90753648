"""What names stand for inside one class, and what the sizes of its inputs are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from netspec.emit.torch.naming import unique
from netspec.emit.torch.plan import Extras
from netspec.graph.bind import compare
from netspec.graph.model import NodeId
from netspec.language.terms import Condition
from netspec.ops.dim import (
    Dim,
    Expr,
    Shape,
    equal,
    has_names,
    name,
    names,
    real,
    substitute,
    unknown,
)

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ClassScope:
    """The names that the layers of one class see, and what each is here: a number or a name."""

    values: Values
    symbols: tuple[Shape, ...]
    """What the sizes of the class's inputs are called."""
    places: dict[NodeId, str] = field(default_factory=dict)
    """What the constructor arguments are called that only numbers can give, by what needs them."""

    def decide(self, condition: Condition) -> bool | Condition:
        """Return whether a condition holds, or over which arguments it is one."""
        left = substitute(condition.left, self.values)
        right = substitute(condition.right, self.values)
        if has_names((left, right)):
            return replace(condition, left=left, right=right)  # type: ignore[arg-type]  # Values
        return compare(left, condition.operator, right)

    def constants(
        self, found: Mapping[NodeId, Mapping[NodeId, int]]
    ) -> tuple[dict[NodeId, Dim], Extras]:
        """Return by place the number that all instances have, else a new argument's name.

        What follows from the image's size is no expression over arguments. As long as all
        instances agree it is a number; else whoever makes an instance has to say it.
        """
        values: dict[NodeId, Dim] = {}
        extras: dict[str, Mapping[NodeId, int]] = {}
        for place, table in found.items():
            values[place] = next(iter(table.values()), 1)  # 1: no use of the block has this layer
            if len(set(table.values())) > 1:
                if place not in self.places:
                    taken = {*self.values, *names(self.symbols), *self.places.values()}
                    self.places[place] = unique("_".join(place), taken)
                values[place] = name(self.places[place])
                extras[self.places[place]] = table
        return values, extras


def either(one: Shape, two: Shape, condition: Condition) -> Shape:
    """Return the shape behind a layer that gives the first, and is there under a condition."""
    read = sorted(set(names((condition.left, condition.right))))
    return tuple(
        _one_for_both(a, b, condition) or unknown(a, b, *map(name, read))
        for a, b in zip(one, two, strict=True)
    )


def _one_for_both(one: Dim, two: Dim, condition: Condition) -> Dim | None:
    """Return an expression that is the first size where a condition holds, else the second.

    Where `$e != 1` does not hold, `e` is 1, so that `$width * $e` is `$width`.
    """
    if equal(one, two):
        return one
    usual, other = (one, two) if condition.operator == "!=" else (two, one)
    if condition.operator not in ("==", "!=") or not isinstance(condition.left, Expr):
        return None
    if condition.left.op != "name" or isinstance(condition.right, bool):
        return None
    there = {str(condition.left.args[0]): condition.right}
    same = equal(cast("Dim", substitute(usual, there)), cast("Dim", substitute(other, there)))
    return usual if same else None


def symbol(text: str, is_real: bool) -> Expr:
    """Return the expression that is a name in the code."""
    return real(text) if is_real else name(text)


def symbols(
    inputs: Sequence[str], ranks: Sequence[int], read: Collection[str], taken: set[str]
) -> tuple[Shape, ...]:
    """Name the sizes of a class's inputs: the channels by a word, the image's by "@".

    The last size has its own word where that is among those that are `read`.
    """
    shapes = []
    for index, (text, rank) in enumerate(zip(inputs, ranks, strict=True)):
        front = "in" if len(ranks) == 1 else text
        words = [f"@{index}.{axis}" for axis in range(rank)]
        words[0] = f"{front}_channels"
        if rank == 1 or f"{front}_features" in read:
            words[-1] = f"{front}_features"
        shapes.append(tuple(name(x if x[0] == "@" else unique(x, taken)) for x in words))
    return tuple(shapes)
