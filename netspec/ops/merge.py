"""Ops over several inputs."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from netspec.ops.arguments import Axis, Dimension
from netspec.ops.axes import called, index, refuse_axis
from netspec.ops.base import Call, Cost, Infix, Input, Join, Layout, Problem, op, product
from netspec.ops.dim import Dim, Expr, Shape
from netspec.ops.held import Keeps, Kept, Laid, Made, Strides, contiguous, dense, like, widest
from netspec.ops.window import times
from netspec.text.codes import Code


def refuse_ranks(inputs: Sequence[Shape]) -> Iterator[Problem]:
    """Yield a problem where inputs differ in how many dimensions they have."""
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

    takes: ClassVar[tuple[str | None, ...]] = (None,)
    module: ClassVar[str] = "torch.cat"
    keeps: ClassVar[Keeps] = Keeps.NOTHING
    dim: Dimension = 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = [*refuse_ranks(inputs), *refuse_axis("dim", self.dim, inputs[0])]
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

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        found = {like(x, sizes) for x in inputs}
        return contiguous(sizes) if len(found) > 1 else found.pop()

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.cat", (Input.ALL,), {"dim": self.dim})

    def label(self) -> str:
        return "concat"


@op("stack")
class Stack(Join):
    """Put inputs of one shape one behind the other along a new dimension `dim`, 1 by default."""

    takes: ClassVar[tuple[str | None, ...]] = (None,)
    module: ClassVar[str] = "torch.stack"
    keeps: ClassVar[Keeps] = Keeps.NOTHING
    layout: ClassVar[Layout] = Layout.OTHER
    dim: Axis = Field(1, description="the new dimension of the output; 0 is the batch")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = [*refuse_ranks(inputs), *refuse_axis("dim", self.dim, (1, *inputs[0]))]
        yield from problems[:1] or _refuse_sizes(self, inputs)

    def shape(self, *inputs: Shape) -> Shape:
        axis = index(self.dim, (1, *inputs[0]))
        return (*inputs[0][:axis], len(inputs), *inputs[0][axis:])

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.stack", (Input.ALL,), {"dim": self.dim})

    def label(self) -> str:
        return "stack"


class Elementwise(Join):
    """Combine the inputs element by element; a size of 1 is repeated, as in PyTorch."""

    keeps: ClassVar[Keeps] = Keeps.NOTHING

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = list(refuse_ranks(inputs))
        yield from problems or _refuse_sizes(self, inputs)

    def differing(self, *inputs: Shape) -> list[int]:
        odd = super().differing(*inputs)
        return [axis for axis in odd if len({x[axis] for x in inputs} - {1}) > 1]

    def shape(self, *inputs: Shape) -> Shape:
        return tuple(broadcast(sizes) for sizes in zip(*inputs, strict=True))

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(other=product(self.shape(*inputs)) * (len(inputs) - 1))

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        # Of several inputs the result of the last but one is alive beside that of the last.
        partial = inputs[0]
        for x in inputs[1:-1]:
            partial = _joined(partial, x)
        return (Made(partial.elements, partial.type),) if inputs[2:] else ()

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        whole = next((x for x in inputs if x.sizes == sizes), None)
        return super().strides(sizes) if whole is None else dense(whole)

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Infix(self.operator)


def broadcast(sizes: tuple[Dim, ...]) -> Dim:
    """Return the common size; among names the first one that is not 1 speaks for all."""
    others = [size for size in sizes if size != 1]
    known = [size for size in others if not isinstance(size, Expr)]
    return (known or others or [1])[0]


@op("add")
class Add(Elementwise):
    """Sum of the inputs."""

    operator: ClassVar[str] = "+"
    commutes: ClassVar[bool] = True
    module: ClassVar[str] = "torch.add"


@op("mul")
class Mul(Elementwise):
    """Product of the inputs."""

    operator: ClassVar[str] = "*"
    commutes: ClassVar[bool] = True
    module: ClassVar[str] = "torch.mul"

    def kept(self, params: str, *inputs: Laid) -> Kept:
        """Keep each factor where the other has a gradient; of several the products so far too."""
        kept, made, partial = list[int](), list[Made](), inputs[0]
        for i, factor in enumerate(inputs[1:], 1):
            if factor.learns:
                kept += [0] if i == 1 else []
                made += [Made(partial.elements, partial.type)] if i > 1 else []
            kept += [i] if partial.learns else []
            partial = _joined(partial, factor)
        return Kept(kept, made=made)


@op("sub")
class Sub(Elementwise):
    """The first input minus the second."""

    operator: ClassVar[str] = "-"
    module: ClassVar[str] = "torch.sub"
    reads: ClassVar[Sequence[int]] = (2,)


@op("div")
class Div(Elementwise):
    """The first input divided by the second."""

    operator: ClassVar[str] = "/"
    module: ClassVar[str] = "torch.div"
    reads: ClassVar[Sequence[int]] = (2,)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return Kept((0, 1) if inputs[1].learns else (1,))


def _joined(x: Laid, y: Laid) -> Laid:
    """Return the tensor that two inputs give element by element, whatever its strides."""
    sizes = tuple(max(pair) for pair in zip(x.sizes, y.sizes, strict=True))
    return Laid(sizes, x.strides, widest((x.type, y.type)), x.learns or y.learns)
