"""Tensors of a rewritten network as arithmetic on those of the network as written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Old:
    """A tensor of the state_dict as it was, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Made:
    """What one of the functions below makes of tensors and numbers."""

    function: Callable[..., Tensor]
    args: tuple[Arithmetic | float | None, ...]


Arithmetic = Old | Made


def through(value: Arithmetic, before: Mapping[str, Arithmetic]) -> Arithmetic:
    """Return a tensor in terms of the network in front, whose tensors were made themselves."""
    if isinstance(value, Old):
        return before[value.key]
    args = (through(arg, before) if isinstance(arg, Old | Made) else arg for arg in value.args)
    return Made(value.function, tuple(args))


def keys(value: object) -> Iterator[str]:
    """Yield the keys that a tensor is made of."""
    if isinstance(value, Old):
        yield value.key
    for arg in value.args if isinstance(value, Made) else ():
        yield from keys(arg)


def evaluate(value: object, state: Mapping[str, Tensor]) -> object:
    """Compute a tensor from a state_dict. Raises KeyError for a key that it lacks."""
    if isinstance(value, Old):
        return state[value.key]
    if isinstance(value, Made):
        return value.function(*(evaluate(arg, state) for arg in value.args))
    return value


# ---------------------------------------- functions whose source generated code takes over


def stacked(*tensors: Tensor) -> Tensor:
    """Return tensors one after the other along their first dimension."""
    import torch

    return torch.cat(tensors)


def scale(gamma: Tensor | None, variance: Tensor, eps: float) -> Tensor:
    """Return what batch normalisation multiplies each channel with, in double precision."""
    root = (variance.double() + eps).rsqrt()
    return root if gamma is None else gamma.double() * root


def folded_weight(weight: Tensor, gamma: Tensor | None, variance: Tensor, eps: float) -> Tensor:
    """Return the weight of a layer with the batch normalisation behind it."""
    factor = scale(gamma, variance, eps).view(-1, *[1] * (weight.dim() - 1))
    return (weight.double() * factor).to(weight.dtype)


def folded_bias(
    bias: Tensor | None,
    gamma: Tensor | None,
    beta: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    eps: float,
) -> Tensor:
    """Return the bias of a layer with the batch normalisation behind it."""
    offset = -mean.double() if bias is None else bias.double() - mean.double()
    moved = offset * scale(gamma, variance, eps)
    return (moved if beta is None else moved + beta.double()).to(mean.dtype)
