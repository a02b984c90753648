"""Weights of a file in a network that is like the file's: what is taken, what is left, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from netspec.runtime.weights import LEAST_SHARE
from netspec.text.diagnostics import escape, suggest
from recipe import checkpoint
from recipe.errors import UserError

Weights = Mapping[str, Tensor]


@dataclass
class Transfer:
    """What a network took from a file, by tensor, and why the rest was left."""

    loaded: dict[str, Tensor] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"loaded  {layer}: {count} tensors" for layer, count in by_layer(self.loaded).items()
        ]
        lines += [f"skipped {key}: {reason}" for key, reason in self.skipped.items()]
        lines = [escape(line) for line in lines]
        return "\n".join([*lines, f"starts anew: {', '.join(by_layer(self.missing)) or 'nothing'}"])


def by_layer(keys: Iterable[str]) -> dict[str, int]:
    """Count tensors by top-level layer."""
    counts: dict[str, int] = {}
    for key in keys:
        layer = key.partition(".")[0]
        counts[layer] = counts.get(layer, 0) + 1
    return counts


def transfer(
    model: nn.Module, path: Path, heads: Collection[str] = (), allow_partial: bool = False
) -> Transfer:
    """Load into a model what of a file fits and belongs to no head; the heads start anew.

    A top-level layer in which a shape has changed is a head too. Raises UserError for a head that
    the model lacks, and where the file gives less than half of the tensors beside `heads`.
    """
    own, given = model.state_dict(), checkpoint.read_averaged(path)
    check_layers("--heads", heads, own)
    result = _sorted(own, given, heads)
    wanted = sum(key.partition(".")[0] not in heads for key in own)
    if len(result.loaded) < LEAST_SHARE * wanted and not allow_partial:
        raise UserError(f"{path} {_too_little(result, wanted)}")
    model.load_state_dict(result.loaded, strict=False)
    return result


def check_layers(option: str, names: Iterable[str], weights: Iterable[str]) -> None:
    """Raise UserError for the first name that is no layer of those with weights."""
    parts = [key.split(".")[:-1] for key in weights]
    known = dict.fromkeys(".".join(path[:end]) for path in parts for end in range(1, len(path) + 1))
    for name in names:
        if name not in known:
            hint = suggest(name, known) or f"there are {', '.join(by_layer(known))}"
            raise UserError(f"{option}: no layer {name!r} has weights; {hint}")


def _sorted(own: Weights, given: Weights, heads: Collection[str]) -> Transfer:
    changed = {
        key.partition(".")[0]: key for key in own if key in given and _differ(key, own, given)
    }
    result = Transfer()
    for key, tensor in given.items():
        layer = key.partition(".")[0]
        if reason := _reason(key, own, given, changed.get(layer, ""), layer in heads):
            result.skipped[key] = reason
        else:
            result.loaded[key] = tensor
    result.missing = [key for key in own if key not in result.loaded]
    return result


def _too_little(result: Transfer, wanted: int) -> str:
    """Say how little of a file fits, and of the first tensor that does not why it does not."""
    key, reason = next(iter(result.skipped.items()), ("", "it has no other tensors"))
    return (
        f"gives {len(result.loaded)} of the network's {wanted} tensors, so it is another network's "
        f"({key}{': ' if key else ''}{reason}); --allow-partial takes what fits"
    )


def _reason(key: str, own: Weights, given: Weights, changed: str, is_head: bool) -> str:
    """Say why a tensor is not loaded; nothing if it is."""
    if key not in own:
        return "the network has no such tensor"
    if _differ(key, own, given):
        return f"{_shape(given[key])} in the file, {_shape(own[key])} in the network"
    if is_head:
        return "--heads names it"
    return f"of the same head as {changed}" if changed else ""


def _differ(key: str, own: Weights, given: Weights) -> bool:
    return own[key].shape != given[key].shape


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"
