"""Ops with several outputs, which are read as `name.0`, `name.1` …"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from netspec import limits
from netspec.ops import axes
from netspec.ops.arguments import Dimension, Fixed, Integer, ListOf, Names, PieceNames, Size
from netspec.ops.base import Call, Infix, Input, Problem, numbers, op
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Laid, Strides
from netspec.ops.reach import SAME, Reads, in_order, sliding
from netspec.ops.reshape import View
from netspec.text.diagnostics import counted

Sections = Annotated[tuple[int, ...], ListOf(Integer())]
Start = Annotated[int, Integer(-limits.SIZE)]
_NAMES = "what the pieces are called, read as `layer.name`"
Pieces = Annotated[int, Fixed(Integer(2, maximum=limits.PIECES))]


def _from(start: int, dim: int, x: Shape) -> Reads:
    """Return what is read where only the elements from a first one on are kept along `dim`."""
    axis = axes.index(dim, x)
    return in_order(sliding(1, 1, -start) if i == axis else SAME for i in range(len(x)))


def _without(dim: int, x: Shape) -> Shape:
    """Return a shape without one dimension."""
    axis = axes.index(dim, x)
    return (*x[:axis], *x[axis + 1 :])


def _stepping_over(dim: int, x: Laid) -> Strides:
    """Return the strides without those of one dimension."""
    axis = dim % len(x.strides)
    return (*x.strides[:axis], *x.strides[axis + 1 :])


class Cut(View):
    """Cuts the input along `dim`; in the flat network each piece is a node of its own."""

    is_module: ClassVar[bool] = False

    if TYPE_CHECKING:
        names: tuple[str, ...] | None
        """Each class declares it as its last argument."""

    @property
    def is_wrapped(self) -> bool:
        return False  # a module of a sequence gives one tensor

    @abstractmethod
    def along(self) -> int:
        """Return `dim`, which each class declares behind its own arguments."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of outputs."""

    @abstractmethod
    def length(self, index: int, size: Dim) -> Dim:
        """Return how long an output is along `dim`."""

    def called(self) -> Sequence[str]:
        """Return what the outputs are called behind the dot."""
        return self.names or [str(i) for i in range(self.count())]

    def first(self, index: int, size: int) -> int:
        """Return the place along `dim` of an output's first element."""
        return sum(numbers(tuple(self.length(i, size) for i in range(index))))

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from axes.refuse_axis("dim", self.along(), inputs[0])
        if self.names and len(self.names) != self.count():
            given = counted(len(self.names), "name")
            yield Problem("names", f"{given} for {self.count()} pieces")

    def piece(self, index: int, x: Shape) -> Shape:
        """Return the shape of one output."""
        axis = axes.index(self.along(), x)
        return (*x[:axis], self.length(index, x[axis]), *x[axis + 1 :])

    def shape(self, *inputs: Shape) -> Shape:
        return self.piece(0, inputs[0])

    def reach(self, x: Shape) -> Reads | None:
        return self.piece_reach(0, x)

    def piece_strides(self, x: Laid) -> Strides:
        """Return how the elements of each output lie, as views of the input."""
        return x.strides

    def piece_reach(self, index: int, x: Shape) -> Reads | None:
        """Return what an element of one output reads."""
        size = numbers(x)[axes.index(self.along(), x)]
        return _from(self.first(index, size), self.along(), x)


class Piece(View):
    """One output of an op that has several: a node of the flat network, never written in a spec."""

    op_name: ClassVar[str] = "piece"
    module: ClassVar[str] = ""

    whole: Any
    index: int

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems: Iterator[Problem] = self.whole.check(*inputs)
        return problems

    def shape(self, *inputs: Shape) -> Shape:
        shape: Shape = self.whole.piece(self.index, inputs[0])
        return shape

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        strides: Strides = self.whole.piece_strides(inputs[0])
        return strides

    def reach(self, x: Shape) -> Reads | None:
        reads: Reads | None = self.whole.piece_reach(self.index, x)
        return reads

    def label(self) -> str:
        names = self.whole.names
        return f"{self.whole.label()} {names[self.index] if names else [self.index]}"


@op("narrow")
class Narrow(View):
    """Keep `length` elements along `dim`, from `start` on; a negative start counts from the end."""

    module: ClassVar[str] = "torch.narrow"
    is_module: ClassVar[bool] = False

    dim: Dimension
    start: Start = Field(
        description="the first element that is kept; negative: counted from the end"
    )
    length: Size = Field(description="how many elements are kept")

    def first(self, size: int) -> int:
        """Return the place of the first element that is kept."""
        return self.start + size if self.start < 0 else self.start

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(axes.refuse_axis("dim", self.dim, inputs[0])):
            yield from problems
            return
        size = numbers(inputs[0])[axes.index(self.dim, inputs[0])]
        if not 0 <= self.first(size) < size:
            yield Problem("start", f"{self.start} lies outside of a size of {size}")
        elif self.first(size) + self.length > size:
            left = size - self.first(size)
            yield Problem("length", f"only {left} of {size} are left from {self.start} on")

    def shape(self, *inputs: Shape) -> Shape:
        axis = axes.index(self.dim, inputs[0])
        return (*inputs[0][:axis], self.length, *inputs[0][axis + 1 :])

    def reach(self, x: Shape) -> Reads | None:
        return _from(self.first(numbers(x)[axes.index(self.dim, x)]), self.dim, x)

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.narrow", (Input.ONE, self.dim, self.start, self.length))


@op("chunk")
class Chunk(Cut):
    """Cut the input into `chunks` equal pieces along `dim`; other than PyTorch's, all are equal."""

    module: ClassVar[str] = "torch.chunk"

    chunks: Pieces = Field(description="into how many equal pieces")
    dim: Dimension = 1
    names: PieceNames = Field(None, description=_NAMES)

    def along(self) -> int:
        return self.dim

    def count(self) -> int:
        return self.chunks

    def length(self, index: int, size: Dim) -> Dim:
        return size // self.chunks

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(super().check(*inputs)):
            yield from problems
            return
        size = inputs[0][axes.index(self.dim, inputs[0])]
        if size % self.chunks:
            yield Problem("chunks", f"a size of {size} does not divide into {self.chunks} pieces")

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.chunk", (Input.ONE, self.chunks), {"dim": self.dim})


@op("split")
class Split(Cut):
    """Cut the input into pieces of the given sizes along `dim`."""

    module: ClassVar[str] = "torch.split"

    split_size_or_sections: Sections = Field(description="the sizes of the pieces")
    dim: Dimension = 1
    names: PieceNames = Field(None, description=_NAMES)

    def along(self) -> int:
        return self.dim

    def count(self) -> int:
        return len(self.split_size_or_sections)

    def length(self, index: int, size: Dim) -> Dim:
        return self.split_size_or_sections[index]

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(super().check(*inputs)):
            yield from problems
            return
        size = inputs[0][axes.index(self.dim, inputs[0])]
        total = sum(self.split_size_or_sections)
        if total != size:
            message = f"the pieces add up to {total}, the size is {size}"
            yield Problem("split_size_or_sections", message)

    def torch(self, *inputs: Shape) -> Call | Infix:
        sections = self.split_size_or_sections
        return Call("torch.split", (Input.ONE, sections), {"dim": self.dim}, takes_lists=True)


@op("unbind")
class Unbind(Cut):
    """Cut the input into its elements along `dim`, which is gone; `names` says what each is."""

    module: ClassVar[str] = "torch.unbind"

    dim: Dimension
    names: Annotated[tuple[str, ...], Names()] = Field(description=_NAMES)

    def along(self) -> int:
        return self.dim

    def count(self) -> int:
        return len(self.names)

    def length(self, index: int, size: Dim) -> Dim:
        return 1

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(axes.refuse_axis("dim", self.dim, inputs[0])):
            yield from problems
            return
        size = inputs[0][axes.index(self.dim, inputs[0])]
        if size != self.count():
            given = counted(self.count(), "name")
            yield Problem("names", f"{given} for {size} elements along dimension {self.dim}")

    def piece(self, index: int, x: Shape) -> Shape:
        return _without(self.dim, x)

    def piece_strides(self, x: Laid) -> Strides:
        return _stepping_over(self.dim, x)

    def piece_reach(self, index: int, x: Shape) -> Reads | None:
        return None

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.unbind", (Input.ONE,), {"dim": self.dim})


@op("select")
class Select(View):
    """Keep one element along `dim`, which is gone; a negative index counts from the end."""

    module: ClassVar[str] = "torch.select"
    is_module: ClassVar[bool] = False

    dim: Dimension
    index: Start = Field(description="which element is kept; negative: counted from the end")

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if problems := list(axes.refuse_axis("dim", self.dim, inputs[0])):
            yield from problems
            return
        size = numbers(inputs[0])[axes.index(self.dim, inputs[0])]
        if not -size <= self.index < size:
            yield Problem("index", f"{self.index} lies outside of a size of {size}")

    def shape(self, *inputs: Shape) -> Shape:
        return _without(self.dim, inputs[0])

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return _stepping_over(self.dim, inputs[0])

    def reach(self, x: Shape) -> Reads | None:
        return None

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("torch.select", (Input.ONE, self.dim, self.index))
