"""Ops that change the resolution of a feature map or its edge."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from netspec import limits
from netspec.ops.arguments import Boolean, Integer, ListOf, Real, Word
from netspec.ops.axes import refuse_rank
from netspec.ops.base import (
    REAL,
    Call,
    Cost,
    Infix,
    Layout,
    Op,
    Problem,
    Storage,
    numbers,
    op,
    product,
)
from netspec.ops.dim import Dim, Expr, Shape, unknown
from netspec.ops.held import NOTHING, Keeps, Kept, Laid
from netspec.ops.reach import (
    SAME,
    Reach,
    Reads,
    adapted,
    adapting,
    in_order,
    per_phase,
    sliding,
)
from netspec.ops.reshape import Move
from netspec.ops.window import every, refuse_output, times
from netspec.text.diagnostics import counted

# For each mode: the numbers of spatial dimensions, and the elements mixed for one output element.
_MODES: dict[str, tuple[tuple[int, ...], int]] = {
    "nearest": ((1, 2, 3), 0),
    "linear": ((1,), 2),
    "bilinear": ((2,), 4),
    "bicubic": ((2,), 16),
    "trilinear": ((3,), 8),
    "area": ((1, 2, 3), 0),
    "nearest-exact": ((1, 2, 3), 0),
}
_FINEST = 1000
"""The largest denominator of a scale: how many phases of it are told apart."""
Sizes = Annotated[int | tuple[int, ...] | None, ListOf(Integer(), single=True)]
Crop = Annotated[int | tuple[int, int] | None, Integer(count=2, optional=True)]
Factors = Annotated[float | tuple[float, ...] | None, ListOf(Real(0, above=True), single=True)]


class Sized(Op):
    """Gives a size that is an argument, or that of a second input."""

    layout: ClassVar[Layout] = Layout.FIRST
    reads: ClassVar[Sequence[int]] = (1, 2)
    takes: ClassVar[tuple[str | None, ...]] = (REAL, None)
    keeps: ClassVar[Keeps] = Keeps.NOTHING

    if TYPE_CHECKING:
        size: int | tuple[int, ...] | None

    def alone(self, *inputs: Shape) -> "Sized":
        if len(inputs) < 2:
            return self
        return self.model_copy(update={"size": inputs[1][1:]})

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if len(inputs) < 2:
            yield from self.check_one(inputs[0])
        elif given := [key for key in _SIZES if getattr(self, key, None) is not None]:
            yield Problem(given[0], "the second input gives the size", "leave one of them out")
        elif len(inputs[0]) != len(inputs[1]):
            ranks = f"{times(inputs[0])}, {times(inputs[1])}"
            yield Problem(None, f"the inputs differ in their number of dimensions: {ranks}")
        else:
            yield from self.alone(*inputs).check_one(inputs[0])

    @abstractmethod
    def check_one(self, x: Shape) -> Iterator[Problem]:
        """Yield what is refused about one input, for which `size` is known."""

    def shape(self, *inputs: Shape) -> Shape:
        return self.alone(*inputs).shape_one(inputs[0])

    @abstractmethod
    def shape_one(self, x: Shape) -> Shape:
        """Return the output shape for one input, for which `size` is known."""


_SIZES = ("size", "scale_factor")


@op("interpolate")
class Interpolate(Sized):
    """Resize each channel to `size`, by `scale_factor`, or to the size of a second input."""

    module: ClassVar[str] = "nn.Upsample"
    style: ClassVar[str] = "resize"
    other: ClassVar[str] = "pooling"
    positional: ClassVar[int] = 0
    helpers: ClassVar[Mapping[str, str]] = {
        "ResizeLike": '''\
class ResizeLike(nn.Module):
    """Resize each channel to the size of another map."""

    def __init__(
        self, mode: str = "nearest", align_corners: bool | None = None
    ) -> None:
        super().__init__()
        self.mode = mode
        self.align_corners = align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        size = like.shape[2:]
        corners = self.align_corners
        return F.interpolate(x, size, mode=self.mode, align_corners=corners)
'''
    }

    size: Sizes = Field(None, description="the size of each spatial dimension of the output")
    scale_factor: Factors = Field(None, description="how much larger height and width become")
    mode: Annotated[str, Word(tuple(_MODES))] = Field(
        "nearest", description="how values between the elements are made"
    )
    align_corners: Annotated[bool | None, Boolean(optional=True)] = Field(
        None, description="whether the corner elements keep their values"
    )

    def check_one(self, x: Shape) -> Iterator[Problem]:
        problems = [*refuse_rank(x, 2, 4), *self._refuse_arguments(len(x) - 1)]
        yield from problems
        if not problems:
            yield from refuse_output(self.shape(x)[1:], "scale_factor")

    def _refuse_arguments(self, spatial: int) -> Iterator[Problem]:
        if (self.size is None) == (self.scale_factor is None):
            help = "`size` for each dimension takes two brackets: `{interpolate: [[64, 64]]}`"
            message = "expected either `size` or `scale_factor`"
            yield Problem("size", message, help if self.size else "")
            return
        argument = "scale_factor" if self.size is None else "size"
        given = getattr(self, argument)
        if isinstance(given, tuple) and len(given) != spatial:
            yield Problem(
                argument,
                f"{counted(len(given), 'number')} for {counted(spatial, 'spatial dimension')}",
            )
        if spatial not in _MODES[self.mode][0]:
            yield Problem(
                "mode", f"`{self.mode}` does not work on {counted(spatial, 'spatial dimension')}"
            )
        if self.align_corners is not None and len(_MODES[self.mode][0]) > 1:
            yield Problem("align_corners", f"`{self.mode}` has no corners to align")

    def shape_one(self, x: Shape) -> Shape:
        channels, *sizes = x
        if self.size is not None:
            return (channels, *every(self.size, len(sizes)))
        pairs = zip(sizes, every(self.scale_factor, len(sizes)), strict=True)
        return (channels, *(_scaled(size, factor) for size, factor in pairs))

    def kept(self, params: str, *inputs: Laid) -> Kept:
        pixels = product(self.shape(*(x.sizes[1:] for x in inputs))[1:])
        return Kept((0,)) if self.mode == "area" and pixels > 1 else NOTHING

    def cost(self, *inputs: Shape) -> Cost:
        if self.mode == "area":
            return Cost(other=adapted(numbers(inputs[0]), numbers(self.shape(*inputs))))
        return Cost(other=_MODES[self.mode][1] * product(self.shape(*inputs)))

    def reach(self, x: Shape) -> Reads | None:
        sizes, counts = numbers(x)[1:], numbers(self.shape(x))[1:]
        if self.mode == "area":
            return in_order((SAME, *map(adapting, sizes, counts)))
        factors = every(self.scale_factor, len(sizes))
        return in_order((SAME, *map(self._reach_along, sizes, counts, factors)))

    def _reach_along(self, size: int, count: int, factor: float | None) -> Reach:
        """Return the elements that interpolation reads: none, one or two on each side."""
        ratio = Fraction(size, count)
        if factor is not None:  # as PyTorch has it, also where it does not lead to the last element
            ratio = 1 / Fraction(str(factor)).limit_denominator(_FINEST)
        start = Fraction(0) if self.mode == "nearest" else (ratio - 1) / 2
        if self.align_corners:
            ratio, start = Fraction(size - 1, max(count - 1, 1)), Fraction(0)
        more = 1 if self.mode == "bicubic" else 0

        def ends(i: int) -> tuple[int, int]:
            place = start + i * ratio
            if self.mode.startswith("nearest"):
                place = Fraction(floor(place if self.mode == "nearest" else place + Fraction(1, 2)))
            if place.denominator == 1:
                return int(place), int(place)
            return floor(place) - more, ceil(place) + more

        return per_phase(ends, ratio.denominator, ratio.numerator)

    def torch(self, *inputs: Shape) -> Call | Infix:
        if len(inputs) < 2:
            return super().torch(*inputs)
        given = [key for key in type(self).model_fields if key in self.model_fields_set]
        return Call("ResizeLike", (), {key: getattr(self, key) for key in given})

    def label(self) -> str:
        if self.size is None and self.scale_factor is None:
            return "resize to the other"
        return f"resize × {self.scale_factor}" if self.size is None else f"resize to {self.size}"


@op("center_crop")
class CenterCrop(Sized):
    """Keep the middle of each map: of a `size`, or of the size of a second input; rounded down."""

    module: ClassVar[str] = "CenterCrop"
    style: ClassVar[str] = "reshape"
    rank: ClassVar[int | None] = 3
    helpers: ClassVar[Mapping[str, str]] = {
        "CenterCrop": '''\
class CenterCrop(nn.Module):
    """Keep the middle of each map, of a given size."""

    def __init__(self, size: int | tuple[int, int]) -> None:
        super().__init__()
        self.size = size if isinstance(size, tuple) else (size, size)

    def forward(self, x: Tensor) -> Tensor:
        (height, width), (rows, columns) = x.shape[2:], self.size
        top, left = (height - rows) // 2, (width - columns) // 2
        return x[:, :, top : top + rows, left : left + columns]
''',
        "CenterCropLike": '''\
class CenterCropLike(nn.Module):
    """Keep the middle of each map, of the size of another one."""

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        (height, width), (rows, columns) = x.shape[2:], like.shape[2:]
        top, left = (height - rows) // 2, (width - columns) // 2
        return x[:, :, top : top + rows, left : left + columns]
''',
    }
    storage: ClassVar[Storage] = Storage.VIEW
    is_light: ClassVar[bool] = True

    size: Crop = Field(None, description="height and width of what is kept")

    def check_one(self, x: Shape) -> Iterator[Problem]:
        if self.size is None:
            yield Problem("size", "the size is missing", "give it, or read it `from: [x, like]`")
        elif any(crop > size for crop, size in zip(every(self.size, 2), x[1:], strict=True)):
            kept, there = times(every(self.size, 2)), times(x[1:])
            yield Problem("size", f"the middle of {kept} is larger than the map of {there}")

    def shape_one(self, x: Shape) -> Shape:
        return (x[0], *every(self.size, 2))

    def reach(self, x: Shape) -> Reads | None:
        pairs = zip(numbers(x)[1:], every(self.size, 2), strict=True)
        return in_order((SAME, *(sliding(1, 1, -((n - kept) // 2)) for n, kept in pairs)))

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Call("CenterCrop", (self.size,)) if len(inputs) < 2 else Call("CenterCropLike")

    def label(self) -> str:
        return "crop" if self.size is None else f"crop {times(every(self.size, 2))}"


def _scaled(size: Dim, factor: float) -> Dim:
    if isinstance(factor, Expr):
        return unknown(size, factor)
    if factor == int(factor):
        return size * int(factor)
    return unknown(size) if isinstance(size, Expr) else int(size * factor)


@op("pad")
class Pad(Move):
    """Widen or crop by pairs (before, after); the first pair is for the last dimension."""

    module: ClassVar[str] = "F.pad"
    is_module: ClassVar[bool] = False

    pad: Annotated[tuple[int, ...], ListOf(Integer(-limits.SIZE))] = Field(
        description="how much is added at each end, the last dimension first"
    )
    mode: Annotated[str, Word(("constant", "reflect", "replicate", "circular"))] = Field(
        "constant", description="how values beyond the elements are made"
    )
    value: Annotated[float | None, Real(optional=True)] = Field(
        None, description="what a constant padding holds"
    )

    def kept(self, params: str, *inputs: Laid) -> Kept:
        return Kept((0,)) if self.mode in ("reflect", "replicate") else NOTHING

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        rank, dimensions = len(inputs[0]), len(self.pad) // 2
        if len(self.pad) % 2:
            yield Problem(
                "pad", f"expected pairs (before, after), found {counted(len(self.pad), 'number')}"
            )
        elif dimensions > rank:
            yield Problem("pad", f"pairs for {dimensions} dimensions of an input with {rank}")
        elif self.mode != "constant" and (dimensions > 3 or dimensions < rank - 1):
            message = f"`{self.mode}` pads all spatial dimensions, at most 3"
            yield Problem("pad", message, f"expected {2 * rank - 2} numbers")
        else:
            yield from self._refuse_edges(inputs[0])

    def _refuse_edges(self, x: Shape) -> Iterator[Problem]:
        if self.mode != "constant" and self.value:
            yield Problem("value", f"`{self.mode}` padding takes no value")
        limit = {"reflect": -1, "circular": 0}.get(self.mode, limits.SIZE)
        for size, (before, after) in zip(numbers(x), self._edges(x), strict=True):
            if size + min(before, 0) + min(after, 0) < 0:
                yield Problem("pad", f"a size of {size} is cropped by {before} and {after}")
                return
            if max(before, after) > size + limit:
                yield Problem("pad", f"`{self.mode}` padding of {max(before, after)} on {size}")
        yield from refuse_output(self.shape(x), "pad")

    def _edges(self, x: Shape) -> tuple[tuple[int, int], ...]:
        """Return (before, after) for each dimension, the first one first."""
        pairs = tuple(zip(self.pad[::2], self.pad[1::2], strict=True))[::-1]
        return ((0, 0),) * (len(x) - len(pairs)) + pairs

    def shape(self, *inputs: Shape) -> Shape:
        edges = zip(inputs[0], self._edges(inputs[0]), strict=True)
        return tuple(size + before + after for size, (before, after) in edges)

    def reach(self, x: Shape) -> Reads | None:
        return in_order(sliding(1, 1, before) for before, _ in self._edges(x))
