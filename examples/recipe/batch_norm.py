"""Batch normalisation over all processes, so that their number does not change what is learned."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


def norms(model: nn.Module) -> list[nn.Module]:
    """List the batch normalisations of a model."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def synchronise(model: nn.Module, device: torch.device) -> nn.Module:
    """Return a model whose batch normalisations see the images of all processes."""
    if device.type == "cuda":
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synced
    for module in norms(model):
        module.__class__ = SyncedNorm  # keeps its name, its state, and who shares it
    return model


class SyncedNorm(_BatchNorm):
    """What nn.SyncBatchNorm computes, which runs on GPUs alone; all have equally many images."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(
                input,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=self.running_mean is None,
                eps=self.eps,
            )
        axes = [axis for axis in range(input.dim()) if axis != 1]
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = _over_all(wide.mean(axes, keepdim=True))
        centred = wide - mean
        variance = _over_all(centred.square().mean(axes, keepdim=True))
        self._remember(mean, variance, dist.get_world_size() * input.numel() // input.shape[1])
        normal = centred * torch.rsqrt(variance + self.eps)
        if self.affine:
            normal = normal * self.weight.view(mean.shape) + self.bias.view(mean.shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of a batch with `count` values a channel."""
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
        momentum = self.momentum
        share = 1.0 / float(self.num_batches_tracked or 1) if momentum is None else momentum
        self.running_mean.lerp_(mean.flatten(), share)
        self.running_var.lerp_(variance.flatten() * (count / (count - 1)), share)


class _Mean(Function):
    """The mean over all processes of a tensor; its gradient is the mean of theirs."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        total = values.contiguous().clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _Mean.forward(_, gradient)


def _over_all(values: Tensor) -> Tensor:
    mean: Tensor = _Mean.apply(values)  # type: ignore[no-untyped-call]
    return mean
