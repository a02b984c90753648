"""What names stand for inside one class, and what the sizes of its inputs are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.emit.torch.naming import unique
from netspec.emit.torch.plan import Extras
from netspec.graph.bind import compare
from netspec.graph.model import NodeId
from netspec.language.terms import Condition
from netspec.ops.dim import Dim, Expr, Shape, equal, name, names, real, substitute, unknown

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
        if any(True for _ in names((left, right))):
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
    found = [(a, b, _one_for_both(a, b, condition)) for a, b in zip(one, two, strict=True)]
    return tuple(unknown(a, b, *map(name, read)) if size is None else size for a, b, size in found)


def _one_for_both(a: Dim, b: Dim, condition: Condition) -> Dim | None:
    """Return what is `a` where a condition holds and `b` elsewhere, if that can be written so.

    Where `t` is 1, `width * t` is `width`: with `t != 1` for a condition it is the size of both.
    """
    side, value = condition.left, condition.right
    if equal(a, b):
        return a
    if not isinstance(side, Expr) or side.op != "name" or type(value) is not int:
        return None
    sizes = {"!=": (a, b), "==": (b, a)}.get(condition.operator)
    if sizes is None or not equal(substitute(sizes[0], {str(side.args[0]): value}), sizes[1]):
        return None
    return sizes[0]


def symbol(text: str, is_real: bool) -> Expr:
    """Return the expression that is a name in the code."""
    return real(text) if is_real else name(text)


def symbols(inputs: Sequence[str], ranks: Sequence[int]) -> tuple[Shape, ...]:
    """Name the sizes of a class's inputs: the channels by a word, the image's by "@"."""
    shapes = []
    for index, (text, rank) in enumerate(zip(inputs, ranks, strict=True)):
        word = "features" if rank == 1 else "channels"
        channels = name(f"in_{word}" if len(ranks) == 1 else f"{text}_{word}")
        shapes.append((channels, *(name(f"@{index}.{axis}") for axis in range(1, rank))))
    return tuple(shapes)
