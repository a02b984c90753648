"""How tensors are filled at the start: torch.nn.init's functions, its names and defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from netspec.ops.arguments import AnyReal, From0, Word
from netspec.ops.base import Call

Mode = Annotated[str, Word(("fan_in", "fan_out"))]
Nonlinearity = Annotated[
    str, Word(("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "conv2d"))
]


class Filler(BaseModel):
    """A function of torch.nn.init with its arguments; the tensor is its first."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
    function: ClassVar[str]

    def torch(self, tensor: str) -> Call:
        """Return the call that fills a tensor."""
        fields = type(self).model_fields
        needed = [getattr(self, key) for key in fields if fields[key].is_required()]
        given = [key for key in fields if key in self.model_fields_set]
        chosen = {key: getattr(self, key) for key in given if not fields[key].is_required()}
        return Call(f"nn.init.{self.function}", (tensor, *needed), chosen)


FILLERS: dict[str, type[Filler]] = {}


def filler(function: str) -> Callable[[type[Filler]], type[Filler]]:
    """Register a filler under its name in torch.nn.init."""

    def register(cls: type[Filler]) -> type[Filler]:
        cls.function = function
        FILLERS[function] = cls
        return cls

    return register


@filler("constant_")
class Constant(Filler):
    """One value everywhere."""

    val: AnyReal


@filler("zeros_")
class Zeros(Filler):
    """0 everywhere."""


@filler("ones_")
class Ones(Filler):
    """1 everywhere."""


@filler("uniform_")
class Uniform(Filler):
    """Uniform from `a` to `b`."""

    a: AnyReal = 0.0
    b: AnyReal = 1.0


@filler("normal_")
class Normal(Filler):
    """Normal with `mean` and standard deviation `std`."""

    mean: AnyReal = 0.0
    std: From0 = 1.0


@filler("trunc_normal_")
class TruncNormal(Filler):
    """Normal, drawn again outside of `a` to `b`."""

    mean: AnyReal = 0.0
    std: From0 = 1.0
    a: AnyReal = -2.0
    b: AnyReal = 2.0


@filler("xavier_uniform_")
class XavierUniform(Filler):
    """Uniform of variance gain² · 2 / (fan_in + fan_out)."""

    gain: AnyReal = 1.0


@filler("xavier_normal_")
class XavierNormal(Filler):
    """Normal of variance gain² · 2 / (fan_in + fan_out)."""

    gain: AnyReal = 1.0


@filler("kaiming_uniform_")
class KaimingUniform(Filler):
    """Uniform of variance gain² / fan; Caffe's "xavier" with nonlinearity linear."""

    a: AnyReal = 0.0
    mode: Mode = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"


@filler("kaiming_normal_")
class KaimingNormal(Filler):
    """Normal of variance gain² / fan."""

    a: AnyReal = 0.0
    mode: Mode = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"


@filler("orthogonal_")
class Orthogonal(Filler):
    """A random orthogonal matrix times `gain`."""

    gain: AnyReal = 1.0
