"""What tensors of a rewritten network are computed with; generated code takes these over.

It imports torch as that code does; what needs it imports it only where tensors are computed.
"""

import torch
from torch import Tensor


def stacked(*tensors: Tensor) -> Tensor:
    """Return tensors one after the other along their first dimension."""
    return torch.cat(tensors)


def factor(gamma: Tensor | None, variance: Tensor, eps: float) -> Tensor:
    """Return what batch normalisation multiplies each channel with, as doubles."""
    root = (variance.double() + eps).rsqrt()
    return root if gamma is None else gamma.double() * root


def folded_weight(
    weight: Tensor,
    gamma: Tensor | None,
    variance: Tensor,
    eps: float,
) -> Tensor:
    """Return a layer's weight that does the work of a batch normalisation too."""
    scale = factor(gamma, variance, eps).view(-1, *[1] * (weight.dim() - 1))
    return (weight.double() * scale).to(weight.dtype)


def folded_bias(
    bias: Tensor | None,
    beta: Tensor | None,
    mean: Tensor,
    gamma: Tensor | None,
    variance: Tensor,
    eps: float,
) -> Tensor:
    """Return a layer's bias that does the work of a batch normalisation too."""
    offset = -mean.double() if bias is None else bias.double() - mean.double()
    moved = offset * factor(gamma, variance, eps)
    return (moved if beta is None else moved + beta.double()).to(mean.dtype)
