"""One process or many: who takes part, how the weights are spread, how numbers are added up."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

from recipe.batch_norm import norms
from recipe.errors import UserError
from recipe.loading import Share


@dataclass(frozen=True)
class World:
    """The processes of a run; this one is `share.rank` of `share.size`."""

    share: Share
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.share.rank == 0

    @property
    def is_distributed(self) -> bool:
        return dist.is_initialized()

    def sum(self, values: Tensor) -> Tensor:
        """Add up a tensor over all processes."""
        if self.is_distributed:
            dist.all_reduce(values)
        return values

    def any(self, here: bool) -> bool:
        """Tell whether something is so in any process."""
        return bool(self.sum(torch.tensor(float(here), device=self.device)))

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the first one's values."""
        values = list(tensors)
        if self.is_distributed and values:
            flat = torch.cat([value.flatten() for value in values])
            dist.broadcast(flat, 0)
            parts = torch.split(flat, [value.numel() for value in values])
            for value, part in zip(values, parts, strict=True):
                value.copy_(part.view_as(value))


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that torchrun started, if it did; hold no network when this ends."""
    cuda = torch.cuda.is_available()
    device = (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    )
    if cuda:
        torch.cuda.set_device(device)
    if "WORLD_SIZE" not in os.environ:
        yield World(Share(), device)
        return
    _refuse_stale_store()
    dist.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
    try:
        yield World(Share(dist.get_rank(), dist.get_world_size()), device)
    finally:
        gc.collect()  # a group that a network still holds would crash at exit: pytorch issue 190489
        dist.destroy_process_group()
    if not cuda:
        atexit.register(_leave)


def _leave() -> None:
    """End well, without C++ destructors: DTensor's caches still hold gloo's group."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _refuse_stale_store() -> None:
    """Stop where torchrun's restarts would hang: by default they meet in the first round's store.

    See github.com/pytorch/pytorch/issues/135712; seen with torch 2.13 and gloo.
    """
    restarts = int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", 0))
    if restarts and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        cure = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun --max-restarts ..."
        raise UserError(f"restarted workers would wait for each other for ever: start {cure}")


def shard(model: nn.Module, mixed: bool) -> None:
    """Shard each block of a network over all processes, then what is left (FSDP2).

    `mixed` gathers bfloat16 weights, and adds up float32 gradients; batch normalisation stays
    float32, as its statistics are.
    """
    policy = (
        MixedPrecisionPolicy(torch.bfloat16, torch.float32) if mixed else MixedPrecisionPolicy()
    )
    whole = norms(model) if mixed else []
    if whole:
        fully_shard(whole)
    for block in model.children():
        if block not in whole and next(block.parameters(), None) is not None:
            fully_shard(block, mp_policy=policy)
    fully_shard(model, mp_policy=policy)


def replicate(model: nn.Module, world: World) -> nn.Module:
    """Copy a network to all processes, which then share their gradients (DDP)."""
    devices = [world.device] if world.device.type == "cuda" else None
    return DistributedDataParallel(model, devices)


@contextmanager
def gathering(runner: nn.Module, now: bool) -> Iterator[None]:
    """Share the gradients of a backward pass among processes `now`, or with a later one's."""
    if isinstance(runner, FSDPModule):
        runner.set_requires_gradient_sync(now)
    if isinstance(runner, DistributedDataParallel) and not now:
        with runner.no_sync():
            yield
    else:
        yield
