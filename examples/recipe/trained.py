"""A network as a run left it: what its checkpoint says of it, and its averaged weights."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from netspec.runtime.weights import load_weights
from recipe import checkpoint, networks, options
from recipe.errors import UserError
from recipe.networks import Network
from recipe.options import Recipe
from recipe.randomness import allow_tf32

_NETWORK = ("spec", "module", "set")
RECORDED = (*_NETWORK, "data", "mean", "scale", "amp", "tf32", "channels_last")
"""The options of a run that say how its network sees images; the others say how it learnt."""


class Said(BaseModel):
    """What a checkpoint says of its network; a state_dict alone says nothing."""

    recipe: dict[str, Any] = {}
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Record:
    """What a checkpoint says of its network, and the options above that."""

    path: Path
    recipe: Recipe
    classes: Sequence[str] | None
    """Unknown where a file holds a state_dict alone."""


def record(path: Path, arguments: Namespace) -> Record:
    """Read a checkpoint; what it says holds where the arguments say nothing else."""
    said, given = _said(path), vars(arguments)
    names = {*RECORDED} - ({*_NETWORK} if given.keys() & {"spec", "module"} else set())
    recorded = {name: value for name, value in said.recipe.items() if name in names}
    above = {
        "defaults": arguments.defaults | recorded,
        "set": [*recorded.get("set", ()), *given.get("set", ())],
    }
    recipe = options.recipe_of(Namespace(**given | above))
    return Record(path, recipe, said.classes)


def _said(path: Path) -> Said:
    if path.suffix == ".safetensors":
        return Said()
    try:
        return Said.model_validate(checkpoint.read(path))
    except ValidationError:
        raise UserError(f"{path} is no checkpoint of train.py, and no state_dict") from None


def trained(found: Record, classes: int | None) -> Network:
    """Return a network with the averaged weights of its checkpoint, which must have them all.

    A published state_dict is taken too, by structure where its keys are others.
    """
    allow_tf32(found.recipe.tf32)
    network = networks.build(found.recipe, classes)
    try:
        loaded = load_weights(network.model, str(found.path))
    except (ValueError, ImportError) as error:
        raise UserError(str(error)) from None
    if loaded.missing:
        key = loaded.missing[0]
        reason = loaded.skipped.get(key, "the file has no such tensor")
        count = f"{len(loaded.missing)} of {len(loaded.missing) + len(loaded.loaded)}"
        raise UserError(
            f"{found.path} lacks {count} tensors of the network ({key}: {reason}): "
            "name its --spec or --module, and --set"
        )
    return network
