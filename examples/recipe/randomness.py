"""Random numbers that depend on what they are for, never on what ran before.

An image's crop is drawn from (seed, epoch, image), a step's dropout from (seed, step, rank). So
nothing random has to be saved: a resumed run, another number of loader processes or a restarted
worker draws the same numbers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def seed_for(*purpose: int | str) -> int:
    """Return a seed for a purpose; seeds for two purposes are unrelated."""
    text = "/".join(map(str, purpose)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Draw torch's CPU random numbers from a seed, and leave the generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def permutation(length: int, seed: int) -> Tensor:
    return torch.randperm(length, generator=torch.Generator().manual_seed(seed))


def be_deterministic() -> None:
    """Ask for kernels that give the same bits each time; torch warns of those that it lacks."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def allow_tf32(allowed: bool) -> None:
    """Let a GPU's matrix products and convolutions round their factors to TF32, or not."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
