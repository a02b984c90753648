"""Checkpoints: one file, whole or absent, the same for one process, DDP and FSDP."""

from __future__ import annotations

import os
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

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
State = dict[str, Any]


def write(path: Path, state: State) -> None:
    """Write a checkpoint so that a crash, at any time, leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> State:
    """Read a checkpoint to the CPU; it can hold data only, no code."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return state


def read_averaged(path: Path) -> State:
    """Read the averaged weights of a checkpoint, or a state_dict that stands for itself."""
    state = read(path)
    averaged: State = state.get("state_dict", state)
    if not all(map(torch.is_tensor, averaged.values())):
        raise SystemExit(f"{path} holds no weights: it is no checkpoint of train.py, no state_dict")
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
