"""Tensors at work: how they lie in memory, and what backward keeps of a call in training."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from math import prod
from typing import NamedTuple

Sizes = tuple[int, ...]
Strides = tuple[int, ...]
"""How far apart neighbours along each dimension lie, in elements."""
BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""How many bytes an element of each type takes; of two types PyTorch computes with the wider."""


class Keeps(Enum):
    """What backward needs of a call."""

    NOTHING = "nothing"
    INPUTS = "the inputs"
    OUTPUT = "the output"


class Precision(Enum):
    """In which type an op computes under autocast."""

    GIVEN = "that of the inputs"
    LOW = "the lower one, to which inputs and weights are cast"
    FULL = "float32, to which inputs are cast"


class Laid(NamedTuple):
    """A tensor, the batch first: how it lies in memory, its type, whether it has a gradient."""

    sizes: Sizes
    strides: Strides
    type: str
    learns: bool

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return prod(self.sizes)

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie in their order, one behind the other."""
        return _alike(self.sizes, self.strides, contiguous(self.sizes))

    @property
    def has_channels_last(self) -> bool:
        """Whether the channels of a pixel lie side by side."""
        return len(self.sizes) == 4 and _alike(self.sizes, self.strides, channels_last(self.sizes))

    def fits(self, sizes: Sizes) -> bool:
        """Tell whether it can be seen in another shape without a copy."""
        return viewed(self, sizes) is not None


class Made(NamedTuple):
    """A tensor that a call makes beside its output."""

    elements: int
    type: str


class Kept(NamedTuple):
    """What backward keeps of a call, beside its weights.

    `inputs` are places among the inputs; `weights` are names of weights of which a cast copy is
    kept where there is one; `type` is what the output holds, if that is not what the inputs hold.
    """

    inputs: Sequence[int] = ()
    output: bool = False
    made: Sequence[Made] = ()
    weights: Sequence[str] = ()
    type: str = ""


NOTHING = Kept()


def widest(types: Sequence[str]) -> str:
    """Return the type in which PyTorch computes with reals of these types."""
    return max(types, key=BYTES.__getitem__) if len(set(types)) > 1 else types[0]


@lru_cache(maxsize=4096)
def contiguous(sizes: Sizes) -> Strides:
    """Return the strides of a tensor whose elements lie in their order."""
    return _packed(sizes, range(len(sizes)))


def channels_last(sizes: Sizes) -> Strides:
    """Return the strides of images of which the channels of a pixel lie side by side."""
    return _packed(sizes, (0, *range(2, len(sizes)), 1))


def dense(x: Laid) -> Strides:
    """Return the strides of a new tensor whose dimensions lie in the order of those of `x`."""
    order = sorted(range(len(x.sizes)), key=lambda axis: -x.strides[axis])
    return _packed(x.sizes, order)


def like(x: Laid, sizes: Sizes) -> Strides:
    """Return the strides that convolutions, pooling and their like give what they make of `x`."""
    has_channels_last = len(sizes) == 4 and not x.is_contiguous and x.has_channels_last
    return channels_last(sizes) if has_channels_last else contiguous(sizes)


def viewed(x: Laid, sizes: Sizes) -> Strides | None:
    """Return the strides of `x` in another shape, None where that needs a copy."""
    if x.is_contiguous:
        return contiguous(sizes)
    strides: list[int] = []
    axis, count, rest = len(sizes) - 1, 1, 1
    step = x.strides[-1]
    for i in reversed(range(len(x.sizes))):
        count *= x.sizes[i]
        if i and (x.sizes[i - 1] == 1 or x.strides[i - 1] == count * step):
            continue
        while axis >= 0 and (rest < count or sizes[axis] == 1):
            strides.append(rest * step)
            rest *= sizes[axis]
            axis -= 1
        if rest != count:
            return None
        step, count, rest = x.strides[i - 1], 1, 1
    return tuple(reversed(strides))


def _packed(sizes: Sizes, order: Sequence[int]) -> Strides:
    """Return strides without gaps; `order` has the outermost dimension first."""
    strides, step = [0] * len(sizes), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= sizes[axis]
    return tuple(strides)


def _alike(sizes: Sizes, one: Strides, other: Strides) -> bool:
    """Tell whether strides mean the same, as those of a size of 1 mean nothing."""
    return one == other or all(
        a == b for size, a, b in zip(sizes, one, other, strict=True) if size > 1
    )
