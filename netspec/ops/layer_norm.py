"""Normalisation of each image, or of each of its vectors, by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Bias, Dimension, Flag, From0, Integer, ListOf, Positive, Real
from netspec.ops.axes import index, refuse_axis, refuse_rank
from netspec.ops.base import Problem, numbers, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Kept, Laid, Made, Strides, channels_last, dense, widest
from netspec.ops.norm import EPS, Norm, learnt, with_statistics
from netspec.ops.reach import Reads, mixing
from netspec.ops.window import every, times

Sizes = Annotated[int | tuple[int, ...] | None, ListOf(Integer(), single=True)]
OptionalEps = Annotated[float | None, Real(0, optional=True)]


class LastDimensions(Norm):
    """Normalises over the last dimensions, which `normalized_shape` names; absent: the last one."""

    positional: ClassVar[int] = 1

    normalized_shape: Sizes = Field(
        None, description="the sizes of the last dimensions, over which is normalised"
    )

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"normalized_shape": x[-1]} if self.normalized_shape is None else {}

    def _sizes(self, x: Shape) -> Shape:
        if self.normalized_shape is None:
            return x[-1:]
        return every(self.normalized_shape, 1)

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        yield from refuse_rank(inputs[0], 1)
        sizes = self._sizes(inputs[0])
        if inputs[0][-len(sizes) :] != sizes:
            message = f"the last sizes of {times(inputs[0])} are not {times(sizes)}"
            yield Problem("normalized_shape", message, "leave it out: it is the last size")

    def rows(self, x: Laid) -> int:
        """Return how many parts of a tensor are normalised, each by itself."""
        return x.elements // int(product(self._sizes(x.sizes[1:])))

    def reach(self, x: Shape) -> Reads | None:
        kept = len(x) - len(self._sizes(x))
        return mixing(numbers(x), range(kept, len(x)))


@op("layer_norm")
class LayerNorm(LastDimensions):
    """Normalise over the last dimensions, which `normalized_shape` names; absent: the last one."""

    module: ClassVar[str] = "nn.LayerNorm"

    eps: From0 = Field(1e-5, description=EPS)
    elementwise_affine: Flag = Field(
        True, description="whether a learnt scale follows the normalisation"
    )
    bias: Bias = True

    def kept(self, params: str, *inputs: Laid) -> Kept:
        count = 2 * self.rows(inputs[0])
        return with_statistics(inputs[0], params if self.elementwise_affine else "", count)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return learnt(self._sizes(inputs[0]), self.elementwise_affine, self.bias)


@op("layer_norm2d")
class LayerNorm2d(Norm):
    """Normalise over the channels of (channels, height, width); `normalized_shape` is inferred."""

    module: ClassVar[str] = "LayerNorm2d"
    rank: ClassVar[int | None] = 3
    helpers: ClassVar[Mapping[str, str]] = {
        "LayerNorm2d": '''\
class LayerNorm2d(nn.LayerNorm):
    """Normalise over the channels, which come first."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
'''
    }

    eps: From0 = Field(1e-5, description=EPS)
    elementwise_affine: Flag = Field(
        True, description="whether a learnt scale follows the normalisation"
    )
    bias: Bias = True

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"normalized_shape": x[0]}

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return channels_last(sizes)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        count = 2 * (inputs[0].elements // inputs[0].sizes[1])
        return with_statistics(inputs[0], params if self.elementwise_affine else "", count)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return learnt(inputs[0][:1], self.elementwise_affine, self.bias)

    def reach(self, x: Shape) -> Reads | None:
        return mixing(numbers(x), {0})


@op("rms_norm")
class RMSNorm(LastDimensions):
    """Divide by the root of the mean square over the last dimensions; absent: over the last one."""

    module: ClassVar[str] = "nn.RMSNorm"

    eps: OptionalEps = Field(
        None, description="what is added to the mean square; null: the least that changes 1"
    )
    elementwise_affine: Flag = Field(
        True, description="whether a learnt scale follows the normalisation"
    )

    def kept(self, params: str, *inputs: Laid) -> Kept:
        x = inputs[0]
        wide = widest((x.type, "float32"))
        counts = [x.elements] if self.elementwise_affine else []
        if x.learns:
            counts += [self.rows(x)] + ([] if x.type == wide else [x.elements])
        return Kept(
            (0,) if x.learns and x.type == wide else (),
            made=[Made(count, wide) for count in counts],
        )

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        x, rows = inputs[0], self.rows(inputs[0])
        return (Made(x.elements + rows if self.elementwise_affine else 2 * rows, x.type),)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return learnt(self._sizes(inputs[0]), self.elementwise_affine, False)


@op("normalize")
class Normalize(Norm):
    """Divide by the norm of the elements along `dim`; `p: 2` is the Euclidean one."""

    module: ClassVar[str] = "F.normalize"
    is_module: ClassVar[bool] = False

    p: Positive = Field(2.0, description="the exponent of the norm")
    dim: Dimension = 1
    eps: From0 = Field(1e-12, description="the least norm to divide by")

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return dense(inputs[0])

    def kept(self, params: str, *inputs: Laid) -> Kept:
        norms = Made(inputs[0].elements // inputs[0].sizes[self.dim], inputs[0].type)
        return Kept((0,), made=(norms, norms))

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        return super().transient(*inputs)[:1]

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        return refuse_axis("dim", self.dim, inputs[0])

    def reach(self, x: Shape) -> Reads | None:
        return mixing(numbers(x), {index(self.dim, x)})
