"""Tensors that are not learnt, and ops that read integers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from netspec import limits
from netspec.ops import axes
from netspec.ops.arguments import (
    Argument,
    Boolean,
    Dimension,
    Fixed,
    Integer,
    ListOf,
    OptionalPair,
    PairFrom0,
    Size,
)
from netspec.ops.base import INTEGER, REAL, Call, Infix, Input, Op, Problem, numbers, op, product
from netspec.ops.dim import Shape
from netspec.ops.held import Kept, Laid
from netspec.ops.reach import Reads
from netspec.ops.window import every, times
from netspec.text.codes import Code
from netspec.text.diagnostics import counted

_SIZES = {
    "arange": 1,
    "relative_position_index": 2,
    "relative_coords_table": 2,
    "shifted_window_mask": 2,
}
"""How many sizes each table is made of."""
WORDS = tuple(_SIZES)


@dataclass(frozen=True)
class Values(Argument):
    """A number, lists of numbers in lists, all equally long, or one of a few words."""

    @property
    def takes_expression(self) -> bool:
        return False

    @property
    def wanted(self) -> str:
        return "a number, a list of numbers, or one of " + ", ".join(f"`{word}`" for word in WORDS)

    def accepts(self, value: object) -> bool:
        if isinstance(value, str):
            return value in WORDS
        return shape_of(value) is not None

    def json_schema(self) -> list[dict[str, Any]]:
        values: dict[str, Any] = {"type": "number"}
        for _ in range(limits.RANK):
            values = {
                "anyOf": [{"type": "number"}, {"type": "array", "items": values, "minItems": 1}]
            }
        return [values, {"enum": list(WORDS)}]


def shape_of(value: object) -> Shape | None:
    """Return the shape of a number or of lists in lists; None for what is no such thing."""
    if isinstance(value, tuple):
        shapes = {shape_of(item) for item in value}
        inner = next(iter(shapes)) if len(shapes) == 1 else None
        return None if inner is None else (len(value), *inner)
    return () if isinstance(value, int | float) and not isinstance(value, bool) else None


Sizes = Annotated[tuple[int, ...] | None, ListOf(Integer())]


@op("constant")
class Constant(Op):
    """A tensor that is not learnt: numbers, `arange`, or a table for windows of a map.

    `relative_position_index` gives for each pair of places in a window of `size` the number of
    their distance; `relative_coords_table` gives for each number the distance down and across, from
    -1 to 1 on a logarithmic scale. `shifted_window_mask` gives -100 for each pair of places that a
    map of `size`, rolled by `shift_size`, brings into one window of `window_size`, 0 for others.
    """

    module: ClassVar[str] = "torch.tensor"
    style: ClassVar[str] = "parameter"
    reads: ClassVar[Sequence[int]] = (0,)
    is_module: ClassVar[bool] = False
    takes: ClassVar[tuple[str | None, ...]] = ()
    helpers: ClassVar[Mapping[str, str]] = {
        "relative_position_index": '''\
def relative_position_index(height: int, width: int) -> Tensor:
    """Number the distances between the places of a window, pair by pair."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack((y.flatten(), x.flatten()))
    dy, dx = places[:, :, None] - places[:, None, :]
    return ((dy + height - 1) * (2 * width - 1) + dx + width - 1).flatten()
''',
        "relative_coords_table": '''\
def relative_coords_table(height: int, width: int) -> Tensor:
    """Return the distances between the places of a window, on a logarithmic scale."""
    rows = torch.arange(1.0 - height, height) / (height - 1)
    columns = torch.arange(1.0 - width, width) / (width - 1)
    table = 8 * torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)
    return (torch.sign(table) * torch.log2(torch.abs(table) + 1) / 3)[None]
''',
        "shifted_window_mask": '''\
def shifted_window_mask(
    height: int, width: int, window: tuple[int, int], shift: tuple[int, int]
) -> Tensor:
    """Return -100 for places of one window that lay apart before a roll, else 0."""
    (rows, columns), (down, right) = window, shift
    region = torch.zeros(height, width)
    region[height - rows :] += 2
    region[height - down :] += 2
    region[:, width - columns :] += 1 / 2
    region[:, width - right :] += 1 / 2
    region = region.view(height // rows, rows, width // columns, columns)
    region = region.permute(0, 2, 1, 3).reshape(-1, rows * columns)
    same = region[:, None, None, :] == region[:, None, :, None]
    return torch.where(same, 0.0, -100.0)
''',
    }

    value: Annotated[Any, Values()] = Field(description="the numbers, or which table")
    size: Sizes = Field(
        None, description="the sizes: of a number's tensor, `arange`, window or map"
    )
    window_size: OptionalPair = Field(
        None, description="for `shifted_window_mask`: the sizes of a window"
    )
    shift_size: PairFrom0 = Field(
        0, description="for `shifted_window_mask`: by how much the map is rolled"
    )
    flat: Annotated[bool, Fixed(Boolean())] = Field(
        True,
        description="for `relative_position_index`: in one dimension, else places by places",
    )
    persistent: Annotated[bool, Fixed(Boolean())] = Field(
        False, description="whether the tensor is part of the state_dict"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        wanted = _SIZES.get(self.value) if isinstance(self.value, str) else None
        if isinstance(self.value, tuple):
            if self.size is not None:
                yield Problem("size", f"the list has the shape {times(self.shape())} already")
        elif self.size is None:
            yield Problem("value", "`size` is missing", "for example `size: [64, 1, 1]`")
        elif wanted and len(self.size) != wanted:
            message = f"`{self.value}` has {counted(wanted, 'size')}, found {len(self.size)}"
            yield Problem("size", message)
        elif self.value == "relative_coords_table" and 1 in self.size:
            yield Problem("size", "in a window of 1 nothing has a distance", "sizes of 2 or more")
        if self.value == "shifted_window_mask" and self.size and len(self.size) == 2:
            yield from self._check_windows(*self.size)

    def _check_windows(self, height: int, width: int) -> Iterator[Problem]:
        if self.window_size is None:
            yield Problem("value", "`window_size` is missing", "for example `window_size: 7`")
            return
        window, shift = every(self.window_size, 2), every(self.shift_size, 2)
        if height % window[0] or width % window[1]:
            message = f"{height}×{width} does not divide into windows of {times(window)}"
            yield Problem("window_size", message)
        if shift[0] >= window[0] or shift[1] >= window[1]:
            yield Problem(
                "shift_size", f"a shift of {times(shift)} leaves a window of {times(window)}"
            )

    def shape(self, *inputs: Shape) -> Shape:
        size = self.size or ()
        if self.value == "relative_position_index":
            pair = (product(size), product(size))
            return (product(pair),) if self.flat else pair
        if self.value == "relative_coords_table":
            return (1, *(2 * side - 1 for side in size), 2)
        if self.value == "shifted_window_mask":
            places = product(every(self.window_size or 1, 2))
            return (product(size) // places, 1, places, places)
        return shape_of(self.value) or size

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {"": self.shape()} if self.persistent else {}

    def gives(self, *held: str) -> str:
        return INTEGER if self.value in ("arange", "relative_position_index") else REAL

    def torch(self, *inputs: Shape) -> Call | Infix:
        size = self.size or ()
        match self.value:
            case "arange":
                return Call("torch.arange", size)
            case "relative_position_index" | "relative_coords_table":
                made = Call(self.value, size)
                return made if self.flat else Call("torch.reshape", (made, self.shape()))
            case "shifted_window_mask":
                return Call(
                    self.value, (*size, every(self.window_size, 2), every(self.shift_size, 2))
                )
            case tuple():
                return Call("torch.tensor", (_real(self.value),))
        return Call("torch.full", (size, _real(self.value)))

    def kind(self) -> str:
        return "other"

    def label(self) -> str:
        what = self.value if isinstance(self.value, str) else "constant"
        return f"{what.replace('_', ' ')} {times(self.shape())}"


def _real(value: Any) -> Any:
    """Return numbers as floats: a tensor of integers would compute with nothing else."""
    return tuple(map(_real, value)) if isinstance(value, tuple) else float(value)


@op("embedding")
class Embedding(Op):
    """A learnt vector for each integer, in a new last dimension."""

    module: ClassVar[str] = "nn.Embedding"
    style: ClassVar[str] = "linear"
    positional: ClassVar[int] = 2
    takes: ClassVar[tuple[str | None, ...]] = (INTEGER,)

    num_embeddings: Size = Field(description="how many integers there are, from 0 on")
    embedding_dim: Size = Field(description="the size of each vector")
    padding_idx: Annotated[int | None, Integer(-limits.SIZE, optional=True)] = Field(
        None, description="an integer whose vector is not learnt; negative: counted from the end"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        count = self.num_embeddings
        if self.padding_idx is not None and not -count <= self.padding_idx < count:
            yield Problem("padding_idx", f"{self.padding_idx} is none of {count} integers")

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.embedding_dim)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    def weights_read(self, batch: int, *inputs: Shape) -> int:
        looked_up = batch * int(product(inputs[0]))
        return min(self.num_embeddings, looked_up) * self.embedding_dim

    def gives(self, *held: str) -> str:
        return REAL

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return Kept((0,), type=params)

    def reach(self, x: Shape) -> Reads | None:
        return None

    def label(self) -> str:
        return f"embedding {self.embedding_dim}"


@op("gather")
class Gather(Op):
    """Take elements along `dim` from the first input, at the places that the second one holds."""

    module: ClassVar[str] = "torch.gather"
    is_module: ClassVar[bool] = False
    style: ClassVar[str] = "reshape"
    reads: ClassVar[Sequence[int]] = (2,)
    takes: ClassVar[tuple[str | None, ...]] = (None, INTEGER)

    dim: Dimension

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        x, index = inputs
        if len(x) != len(index):
            message = f"{times(index)} has another number of dimensions than {times(x)}"
            yield Problem(None, message, "`reshape` and `expand` make them alike", Code.REFUSED)
        elif problems := list(axes.refuse_axis("dim", self.dim, x)):
            yield from problems
        else:
            axis = axes.index(self.dim, x)
            pairs = enumerate(zip(numbers(x), numbers(index), strict=True))
            if odd := [i for i, (size, wanted) in pairs if i != axis and wanted > size]:
                names = axes.called(odd, len(x))
                yield Problem(None, f"{times(index)} is larger than {times(x)} in {names}")

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[1]

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call(self.module, (Input.ONE, self.dim, Input.LAST))
