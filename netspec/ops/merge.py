"""Ops over several inputs."""

from collections.abc import Iterator
from typing import ClassVar

from netspec.ops.arguments import Dimension
from netspec.ops.axes import called, index, refuse_axis
from netspec.ops.base import Call, Cost, Infix, Input, Join, Problem, op, product
from netspec.ops.dim import Dim, Expr, Shape
from netspec.ops.window import times
from netspec.text.codes import Code


def _refuse_ranks(inputs: tuple[Shape, ...]) -> Iterator[Problem]:
    if len({len(x) for x in inputs}) > 1:
        ranks = ", ".join(times(x) for x in inputs)
        yield Problem(
            None,
            f"the inputs differ in their number of dimensions: {ranks}",
            code=Code.INPUTS_DIFFER,
        )


def _refuse_sizes(join: Join, inputs: tuple[Shape, ...]) -> Iterator[Problem]:
    if odd := join.differing(*inputs):
        sizes = ", ".join(times(x) for x in inputs)
        message = f"the inputs differ in {called(odd, len(inputs[0]))}: {sizes}"
        yield Problem(None, message, code=Code.INPUTS_DIFFER)


@op("concat")
class Concat(Join):
    """Put the inputs one behind the other along `dim` (1 is the channels, as in PyTorch)."""

    module: ClassVar[str] = "torch.cat"
    dim: Dimension = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = [*_refuse_ranks(inputs), *refuse_axis("dim", self.dim, inputs[0])]
        yield from problems[:1]
        if not problems:
            yield from _refuse_sizes(self, inputs)

    def differing(self, *inputs: Shape) -> list[int]:
        along = index(self.dim, inputs[0])
        return [axis for axis in super().differing(*inputs) if axis != along]

    def shape(self, *inputs: Shape) -> Shape:
        axis = index(self.dim, inputs[0])
        total: Dim = inputs[0][axis]
        for x in inputs[1:]:
            total = total + x[axis]
        return (*inputs[0][:axis], total, *inputs[0][axis + 1 :])

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.cat", (Input.ALL,), {"dim": self.dim})

    def label(self) -> str:
        return "concat"


class Elementwise(Join):
    """Combine the inputs element by element; a size of 1 is repeated, as in PyTorch."""

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = list(_refuse_ranks(inputs))
        yield from problems or _refuse_sizes(self, inputs)

    def differing(self, *inputs: Shape) -> list[int]:
        odd = super().differing(*inputs)
        return [axis for axis in odd if len({x[axis] for x in inputs} - {1}) > 1]

    def shape(self, *inputs: Shape) -> Shape:
        return tuple(_broadcast(sizes) for sizes in zip(*inputs, strict=True))

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(self.shape(*inputs)) * (len(inputs) - 1))

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Infix(self.operator)


def _broadcast(sizes: tuple[Dim, ...]) -> Dim:
    """Return the common size; among names the first one that is not 1 speaks for all."""
    others = [size for size in sizes if size != 1]
    known = [size for size in others if not isinstance(size, Expr)]
    return (known or others or [1])[0]


@op("add")
class Add(Elementwise):
    """Sum of the inputs."""

    operator: ClassVar[str] = "+"
    module: ClassVar[str] = "torch.add"


@op("mul")
class Mul(Elementwise):
    """Product of the inputs."""

    operator: ClassVar[str] = "*"
    module: ClassVar[str] = "torch.mul"
