"""Ops that move elements between dimensions and compute nothing."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from netspec import limits
from netspec.ops.arguments import Axis, Fixed, Integer, ListOf
from netspec.ops.axes import index, refuse_axis
from netspec.ops.base import Call, Infix, Input, Op, Problem, Storage, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Keeps, Laid, Strides, viewed
from netspec.ops.reach import SAME, Along, Reads, everything, in_order, one_by_one
from netspec.ops.window import every, times


class Move(Op):
    """Elements change places only."""

    style: ClassVar[str] = "reshape"
    takes: ClassVar[tuple[str | None, ...]] = (None,)
    keeps: ClassVar[Keeps] = Keeps.NOTHING
    is_light: ClassVar[bool] = True


class View(Move):
    """The elements stay where they are in memory; unless an op says more they keep their order."""

    storage: ClassVar[Storage] = Storage.VIEW

    def reach(self, x: Shape) -> Reads | None:
        return one_by_one(len(x)) if self.shape(x) == x else None


@op("identity")
class Identity(View):
    """The input unchanged."""

    module: ClassVar[str] = "nn.Identity"


@op("flatten")
class Flatten(View):
    """Fold dimensions `start_dim` to `end_dim` into one; as in PyTorch, 0 is the batch."""

    module: ClassVar[str] = "nn.Flatten"
    positional: ClassVar[int] = 2

    start_dim: Axis = Field(1, description="the first dimension to fold; 0 is the batch")
    end_dim: Axis = Field(-1, description="the last dimension to fold; -1 is the last one there is")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        x = inputs[0]
        problems = [*refuse_axis("start_dim", self.start_dim, x)]
        problems += refuse_axis("end_dim", self.end_dim, x)
        yield from problems
        if not problems and index(self.start_dim, x) > index(self.end_dim, x):
            yield Problem("start_dim", f"{self.start_dim} lies behind `end_dim` {self.end_dim}")

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return viewed(inputs[0], sizes)

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        first, last = index(self.start_dim, x), index(self.end_dim, x)
        return (*x[:first], product(x[first : last + 1]), *x[last + 1 :])


@op("reshape")
class Reshape(View):
    """Give the elements of each image another shape; one size may be -1, which is what remains."""

    module: ClassVar[str] = "torch.reshape"
    is_module: ClassVar[bool] = False

    size: Annotated[tuple[int, ...], ListOf(Integer(also=(-1,)))] = Field(
        description="the new shape, without the batch"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if self.size.count(-1) > 1:
            yield Problem("size", "only one size can be -1")
        elif product(self.shape(*inputs)) != product(inputs[0]):
            message = f"{times(inputs[0])} has {product(inputs[0])} elements"
            yield Problem("size", f"{message}, which do not fill {times(self.size)}")

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        if -1 not in self.size:
            return {}
        return {"rest": product(x) // product(tuple(size for size in self.size if size != -1))}

    def shape(self, *inputs: Shape) -> Shape:
        rest = self.inferred(inputs[0]).get("rest", 1)
        return tuple(rest if size == -1 else size for size in self.size)

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return viewed(inputs[0], sizes)

    def torch(self, *inputs: Shape) -> Call | Infix:
        # The one -1 that PyTorch allows is the batch, which keeps its size open for export.
        return Call(self.module, (Input.ONE, (-1, *self.shape(*inputs))))

    def label(self) -> str:
        return f"reshape {times(self.size)}"


@op("expand")
class Expand(View):
    """Repeat the dimensions of size 1 up to a given shape; -1 keeps a size."""

    module: ClassVar[str] = "torch.broadcast_to"
    is_module: ClassVar[bool] = False

    size: Annotated[tuple[int, ...], ListOf(Integer(also=(-1,)))] = Field(
        description="the new shape, without the batch"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        x = inputs[0]
        if len(x) != len(self.size):
            message = f"{times(self.size)} has another number of dimensions than {times(x)}"
            yield Problem("size", message)
        elif any(n not in (-1, m) and m != 1 for m, n in zip(x, self.size, strict=True)):
            message = f"{times(x)} does not repeat up to {times(self.size)}"
            yield Problem("size", message, "only a size of 1 is repeated")

    def shape(self, *inputs: Shape) -> Shape:
        pairs = zip(inputs[0], self.size, strict=True)
        return tuple(old if new == -1 else new for old, new in pairs)

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        places = zip(inputs[0].sizes, sizes, inputs[0].strides, strict=True)
        return tuple(stride if old == new else 0 for old, new, stride in places)

    def reach(self, x: Shape) -> Reads | None:
        y = self.shape(x)
        return in_order(SAME if m == n else everything(1) for m, n in zip(x, y, strict=True))

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (Input.ONE, (-1, *self.size)))

    def label(self) -> str:
        return f"expand {times(self.size)}"


@op("roll")
class Roll(Move):
    """Shift the elements along dimensions; what leaves at one end comes back at the other."""

    module: ClassVar[str] = "torch.roll"
    is_module: ClassVar[bool] = False

    shifts: Annotated[int | tuple[int, ...], ListOf(Integer(-limits.SIZE), single=True)] = Field(
        description="by how many places, one number or one for each of `dims`"
    )
    dims: Annotated[int | tuple[int, ...], Fixed(ListOf(Integer(-limits.SIZE), single=True))] = (
        Field(description="the dimensions; 0 is the batch, 1 the channels")
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        dims, shifts = every(self.dims, 1), every(self.shifts, 1)
        yield from (p for dim in dims for p in refuse_axis("dims", dim, inputs[0]))
        if len(dims) != len(shifts):
            yield Problem("shifts", f"{len(shifts)} shifts for {len(dims)} dimensions")

    def reach(self, x: Shape) -> Reads | None:
        # What returns at the other end is no window, so the places count as unknown.
        return None

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (Input.ONE, self.shifts, self.dims))


@op("permute")
class Permute(View):
    """Put the dimensions in another order; as in PyTorch, 0 is the batch, which must stay first."""

    module: ClassVar[str] = "torch.permute"
    is_module: ClassVar[bool] = False

    dims: Annotated[tuple[int, ...], Fixed(ListOf(Integer(-limits.SIZE)))] = Field(
        description="the dimensions in their new order; 0 is the batch"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        rank = len(inputs[0]) + 1
        if any(not -rank <= dim < rank for dim in self.dims) or sorted(
            dim % rank for dim in self.dims
        ) != list(range(rank)):
            yield Problem("dims", f"expected each of 0 to {rank - 1} once")
        elif self.dims[0] % rank != 0:
            yield Problem("dims", "dimension 0, the batch, must stay first")

    def shape(self, *inputs: Shape) -> Shape:
        return tuple(inputs[0][index(dim, inputs[0])] for dim in self.dims[1:])

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return tuple(inputs[0].strides[dim] for dim in self.dims)

    def reach(self, x: Shape) -> Reads | None:
        return tuple(Along(index(dim, x), SAME) for dim in self.dims[1:])

    def label(self) -> str:
        return f"permute {' '.join(map(str, self.dims))}"
