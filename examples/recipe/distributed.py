"""One process or many: who takes part, how the weights are spread, how numbers are added up."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

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
        raise SystemExit(f"restarted workers would wait for each other for ever: start {cure}")


def shard(model: nn.Module) -> None:
    """Shard each block of a network over all processes, then what is left (FSDP2)."""
    for block in model.children():
        if next(block.parameters(), None) is not None:
            fully_shard(block)
    fully_shard(model)


def replicate(model: nn.Module, world: World) -> nn.Module:
    """Copy a network to all processes, which then share their gradients (DDP)."""
    return DistributedDataParallel(model, [world.device] if world.device.type == "cuda" else None)
