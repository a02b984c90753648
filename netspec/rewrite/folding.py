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


def joined_weight(first: Tensor, second: Tensor) -> Tensor:
    """Return the weight of a layer that does the work of two, one of which reads single pixels."""
    one, two = (weight.double().unsqueeze(-1).flatten(2) for weight in (first, second))
    window = (first if two.shape[2] == 1 else second).shape[2:]
    weight = torch.einsum("omp,miq->oipq", two, one)
    return weight.reshape(*weight.shape[:2], *window).to(second.dtype)


def joined_bias(bias: Tensor | None, weight: Tensor, second: Tensor | None) -> Tensor:
    """Return the bias of a layer that does the work of two; `weight` and `second` are one's."""
    through = weight.double().unsqueeze(-1).flatten(2).sum(2)
    moved = through.sum(1) * 0 if bias is None else through @ bias.double()
    return (moved if second is None else moved + second.double()).to(weight.dtype)
