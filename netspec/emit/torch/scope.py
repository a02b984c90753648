"""What names stand for inside one class, and what an op makes of them.

Everything is known twice: with the spec's parameters as numbers, and as names ("$width"). What
follows from an input is written with the numbers, for a shape rule is right about every number but
can only guess about names (which of two is the 1 that broadcasts?). The names say which parameters
are held fixed by that; what the spec itself writes stays a name where nothing else follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.emit.torch.constructs import Comparison
from netspec.emit.torch.naming import unique
from netspec.emit.torch.plan import Extras, Given, Tensor
from netspec.graph.bind import compare
from netspec.graph.model import NodeId
from netspec.language.terms import Condition
from netspec.ops.base import Op
from netspec.ops.dim import Dim, Expr, Shape, equal, name, names, real, substitute, unknown
from netspec.ops.split import Cut

GLOBAL = "$"
"""Stands before the name of a parameter of the spec: a block's own may have the same name."""
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ClassScope:
    """The names that the layers of one class see, as numbers where they can be, and as names."""

    numbers: Values
    named: Values
    symbols: tuple[Shape, ...]
    """What the sizes of the class's inputs are called."""
    places: dict[NodeId, str] = field(default_factory=dict)
    """What the constructor arguments are called that only numbers can give, by what needs them."""

    def bind(self, op: Op) -> tuple[Op, Op]:
        """Return an op with its arguments as numbers where they can be, and as names."""
        named = op.bind(self.named)
        if named is op:
            return op, op
        read = {text for key in op.model_fields_set for text in names(getattr(op, key))}
        is_same = all(self.named[text] is self.numbers[text] for text in read)
        return named if is_same else op.bind(self.numbers), named

    def decide(self, condition: Condition) -> tuple[bool | Comparison, bool | Comparison]:
        """Return whether a condition holds, or the comparison that says so: numbers, and names."""
        return _decided(condition, self.numbers), _decided(condition, self.named)

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
                    taken = {*self.named, *names(self.symbols), *self.places.values()}
                    self.places[place] = unique("_".join(place), taken)
                values[place] = name(self.places[place])
                extras[self.places[place]] = table
        return values, extras


def _decided(condition: Condition, values: Values) -> bool | Comparison:
    left, right = substitute(condition.left, values), substitute(condition.right, values)
    if any(True for _ in names((left, right))):
        return Comparison(left, condition.operator, right)
    return compare(left, condition.operator, right)


def first(given: Given) -> Tensor:
    """Return the only output, or the first one."""
    return next(iter(given.values()))


def apply(op: Op, named: Op, inputs: Sequence[Tensor]) -> Given:
    """Return what an op, as numbers and as names, makes of its inputs."""
    shapes = _shapes(op, [x.sizes for x in inputs])
    if op is named and all(x.sizes is x.named for x in inputs):
        return {port: Tensor(shape, shape) for port, shape in shapes.items()}
    others = _shapes(named, [x.named for x in inputs])
    return {port: Tensor(shape, others[port]) for port, shape in shapes.items()}


def _shapes(op: Op, inputs: Sequence[Shape]) -> dict[str, Shape]:
    if isinstance(op, Cut):
        return {str(i): op.piece(i, inputs[0]) for i in range(op.count())}
    return {"": op.shape(*inputs)}


def either(one: Shape, two: Shape, condition: bool | Comparison) -> Shape:
    """Return the shape behind a layer that gives the first, and is there under a condition."""
    if not isinstance(condition, Comparison):
        return one
    read = sorted(set(names((condition.left, condition.right))))
    return tuple(
        a if equal(a, b) else unknown(a, b, *map(name, read)) for a, b in zip(one, two, strict=True)
    )


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
