"""What PyTorch holds: the tensors that backward keeps, and those that are alive during a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netspec.analysis.layouts import Feed
from netspec.analysis.network import Network


def saved(call: Callable[[], Any], others: Iterable[Tensor]) -> tuple[dict[int, int], Any]:
    """Return the bytes of each storage that autograd saves, by its address, and what is returned.

    Those of `others` are left out: parameters and buffers.
    """
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        found.setdefault(address(tensor), tensor)  # kept, so that no address is used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = call()
    left_out = {*map(address, others)}
    return {
        key: x.untyped_storage().nbytes() for key, x in found.items() if key not in left_out
    }, output


def address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class Alive(TorchDispatchMode):
    """Adds up the storages that are alive after each operator; those of `others` are left out."""

    def __init__(self, others: Sequence[Tensor]) -> None:
        super().__init__()
        self.others = {address(x) for x in others}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def add(self, tensors: Iterable[object]) -> None:
        """Count tensors from now on, as long as something holds them."""
        for x in tensors:
            if isinstance(x, Tensor) and address(x) not in self.others:
                reference = StorageWeakRef(x.untyped_storage())
                self.alive.setdefault(reference.cdata, (reference, x.untyped_storage().nbytes()))
        gone = [key for key, (reference, _) in self.alive.items() if reference.expired()]
        for key in gone:
            del self.alive[key]
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.add(tree_leaves(output))
        return output


class Trial:
    """A network's module and its images, real tensors or, to be fast, fake ones without data."""

    def __init__(self, network: Network, module: nn.Module, feed: Feed, fake: bool = True) -> None:
        mode = FakeTensorMode() if fake else None
        self.mode: AbstractContextManager[Any] = mode or nullcontext()
        self.module = module.to(getattr(torch, feed.params))
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self.state = {
            key: mode.from_tensor(x.detach()).requires_grad_(x.requires_grad) if mode else x
            for key, x in tensors.items()
        }
        graph, self.feed = network.graph, feed
        with self.mode:
            self.images = [
                torch.zeros(feed.batch, *shape, dtype=torch.int64)
                if id in graph.integers
                else torch.rand(feed.batch, *shape, dtype=getattr(torch, feed.params))
                for id, shape in graph.inputs.items()
            ]

    def __call__(self) -> Any:
        return torch.func.functional_call(self.module, self.state, tuple(self.images))

    def held(self) -> int:
        """Return the bytes that backward keeps in training."""
        self.module.train()
        with self.mode, torch.autocast("cpu", torch.bfloat16, enabled=self.feed.amp):
            found, _ = saved(self, self.state.values())
        return sum(found.values())

    def peak(self) -> int:
        """Return the bytes that are alive at once in inference, the images included."""
        self.module.eval()
        with self.mode, torch.no_grad(), Alive([*self.state.values()]) as trace:
            trace.add(self.images)
            self()
        return trace.peak
