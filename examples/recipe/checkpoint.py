"""Checkpoints: one file, whole or absent, the same for one process, DDP and FSDP."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from recipe.errors import UserError

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
State = dict[str, Any]


def write(path: Path, state: State) -> None:
    """Write a checkpoint so that a crash, at any time, leaves the old one or the new one."""
    with _draft(path) as draft, draft.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a file that takes a path's place when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> State:
    """Read a checkpoint to the CPU; it can hold data only, no code.

    Processes of one machine share its pages, if it is in today's format.
    """
    try:
        shared = zipfile.is_zipfile(path)
        state: State = torch.load(path, map_location="cpu", weights_only=True, mmap=shared)
    except OSError:
        raise
    except Exception:  # what a broken file does to its reader is not foreseeable
        state = {}
    if not isinstance(state, dict) or not state:
        raise UserError(f"{path} is no checkpoint, or a broken one")
    return state


@dataclass(frozen=True)
class Kept:
    """A run's checkpoints: the newest, the best, and the last `count` by their steps."""

    directory: Path
    count: int

    @property
    def newest(self) -> Path:
        return self.directory / "checkpoint.pt"

    @property
    def best(self) -> Path:
        return self.directory / "best.pt"

    def write(self, state: State, is_best: bool) -> None:
        """Write the newest checkpoint; drop those that are too many, or of steps not yet done."""
        write(self.newest, state)
        if is_best:
            _copy(self.newest, self.best)
        elif self.best.exists() and read(self.best).get("step", 0) > state["step"]:
            self.best.unlink()
        path = self._at(state["step"])
        _copy(self.newest, path)
        done = [each for each in self._steps() if each <= path]
        for each in set(self._steps()) - set(done[-self.count :]):
            each.unlink()

    def calm(self) -> tuple[Path, int] | None:
        """Return the newest checkpoint from before the loss rose, with its step, if it is kept."""
        paths = [path for path in (self.newest, *self._steps(), self.best) if path.exists()]
        found = {path: state for path in paths if _is_sound(state := read(path))}
        lowest = min((state["loss"] for state in found.values()), default=0.0)
        calm = [
            (path, state["step"]) for path, state in found.items() if state["loss"] <= 1.5 * lowest
        ]
        return max(calm, key=lambda each: each[1], default=None)

    def _at(self, step: int) -> Path:
        return self.directory / f"checkpoint-{step:08}.pt"

    def _steps(self) -> list[Path]:
        return sorted(self.directory.glob(f"checkpoint-{'[0-9]' * 8}.pt"))


def _copy(path: Path, other: Path) -> None:
    """Give a file a second name, without a second copy where the file system allows it."""
    with _draft(other) as draft:
        try:
            os.link(path, draft)
        except OSError:
            shutil.copyfile(path, draft)


def _is_sound(state: State) -> bool:
    is_ours = state.keys() >= {"step", "loss", "model"}
    return is_ours and all(bool(weights.isfinite().all()) for weights in state["model"].values())


def read_averaged(path: Path) -> State:
    """Read the averaged weights of a checkpoint, or a state_dict that stands for itself."""
    state = read(path)
    averaged: State = state.get("state_dict", state)
    if not all(map(torch.is_tensor, averaged.values())):
        raise UserError(f"{path} holds no weights: it is no checkpoint of train.py, no state_dict")
    return averaged


def weights(model: nn.Module) -> State:
    """Return all weights, on the first process; the others get an empty dict."""
    return get_model_state_dict(model, options=_WHOLE)


def set_weights(model: nn.Module, state: State) -> None:
    set_model_state_dict(model, state, options=StateDictOptions(full_state_dict=True))


def optimizer_state(model: nn.Module, optimizer: Optimizer) -> State:
    """Return the optimizer's state by the names of the weights."""
    return get_optimizer_state_dict(model, optimizer, options=_WHOLE)


def set_optimizer_state(model: nn.Module, optimizer: Optimizer, state: State) -> None:
    options = StateDictOptions(full_state_dict=True)
    set_optimizer_state_dict(model, optimizer, state, options=options)
