"""What specs may name: `--ops mylib.netspec_ops`. It imports no torch, as checking needs none."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ops.arguments import Bias, Size
from netspec.ops.base import Cost, Layout, Op, Problem, Window, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.reach import Reads, in_order, mixing, sliding


@op("mylib.squeeze_excite")
class SqueezeExcite(Op):
    """Weigh each channel by what all channels hold in the mean."""

    module: ClassVar[str] = "mylib.layers.SqueezeExcite"
    style: ClassVar[str] = "attention"
    layout: ClassVar[Layout] = Layout.FIRST
    may_run_once: ClassVar[bool] = False
    has_depth: ClassVar[bool] = True
    rank: ClassVar[int] = 3

    squeeze: Size = Field(description="how many channels the weights are computed from")
    bias: Bias = True

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"in_channels": x[0]}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        if self.squeeze > inputs[0][0]:
            message = f"{self.squeeze} channels are more than the {inputs[0][0]} of the input"
            yield Problem("squeeze", message, f"write at most {inputs[0][0]}")

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        channels = inputs[0][0]
        first = {"weight": (self.squeeze, channels, 1, 1), "bias": (self.squeeze,)}
        second = {"weight": (channels, self.squeeze, 1, 1), "bias": (channels,)}
        found = {"fc1": first, "fc2": second}
        names = ("weight", "bias") if self.bias else ("weight",)
        return {f"{fc}.{name}": shapes[name] for fc, shapes in found.items() for name in names}

    def cost(self, *inputs: Shape) -> Cost:
        channels = product(inputs[0][:1])
        return Cost(2 * channels * self.squeeze, product(inputs[0]))

    def reach(self, x: Shape) -> Reads | None:
        return mixing(tuple(map(int, x)), {0, 1, 2})


@op("mylib.blur_pool")
class BlurPool(Op):
    """Halve height and width behind a blur of 3×3."""

    module: ClassVar[str] = "mylib.layers.BlurPool"
    style: ClassVar[str] = "pool"
    layout: ClassVar[Layout] = Layout.FIRST
    is_pooling: ClassVar[bool] = True
    may_run_once: ClassVar[bool] = False
    rank: ClassVar[int] = 3

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        return {"in_channels": x[0]}

    def shape(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        return (channels, *((size - 1) // 2 + 1 for size in sizes))

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {"kernel": (inputs[0][0], 1, 3, 3)}

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(9 * product(self.shape(*inputs)))

    def window(self) -> Window | None:
        return Window((3, 3), (2, 2), (1, 1), (1, 1))

    def reach(self, x: Shape) -> Reads | None:
        return in_order((sliding(1, 1, 0), sliding(3, 2, 1), sliding(3, 2, 1)))
