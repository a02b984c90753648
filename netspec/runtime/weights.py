"""Weights from a file into a model: shapes are checked first, and nothing is skipped silently."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from netspec.runtime.installed import NotInstalledError, require
from netspec.runtime.match import ABSENT, Form, Match, MatchError, Shapes, match
from netspec.text import files

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, which of its tensors a file gave, and why the others of either were left.

    `loaded` and `missing` are keys of the `model`'s state_dict: those that the file gave, and those
    that stay as initialised. `skipped` are keys of the file, each with the reason. `str()` says it
    all, a line each.
    """

    model: nn.Module = field(repr=False)
    loaded: tuple[str, ...]
    skipped: Mapping[str, str]
    missing: tuple[str, ...]
    by_order: Sequence[Sequence[tuple[str, str]]] = ()
    """The prefixes (the model's, the file's) that are alike and that only order told apart."""

    def __str__(self) -> str:
        lines = [f"loaded {len(self.loaded)} tensors", *map(told_apart, self.by_order)]
        lines += [f"skipped {key}: {reason}" for key, reason in self.skipped.items()]
        lines += [f"kept as initialised: {key}" for key in self.missing]
        return "\n".join(lines)


LEAST_SHARE = 0.5
"""Of a model's tensors: a file that gives fewer is taken for another network's."""


def refuse_foreign(loaded: Loaded, path: str) -> None:
    """Raise MatchError if a file gave less than half of a model's tensors."""
    given, count = len(loaded.loaded), len(loaded.loaded) + len(loaded.missing)
    if given < LEAST_SHARE * count:
        cure = 'match="key" takes what fits'
        raise MatchError(f"{path} gives {given} of {count} tensors, so it is another's; {cure}")


def told_apart(lot: Sequence[tuple[str, str]]) -> str:
    """Say what only order has matched."""
    return "by order alone: " + ", ".join(f"{ours} ← {theirs}" for ours, theirs in lot)


def load_weights(model: nn.Module, path: str, by: str | None = None) -> Loaded:
    """Load a state_dict (.pt, .pth or .safetensors) into a model, where shapes agree.

    `by` is how its tensors find their place: by "key", by "structure", or else by key if all keys
    of the model or of the file agree, and by structure if not. A .pt file is read with
    `weights_only=True`, so it cannot run code. Raises OSError or ValueError if it holds no
    state_dict or has another structure, ImportError for .safetensors without that package.
    """
    given = read(path)
    own = model.state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in own.items()}
    found = matching(shapes, given, path, by)
    fitting = {ours: given[theirs] for ours, theirs in found.keys.items()}
    refused = refusals(shapes, fitting)
    model.load_state_dict({k: v for k, v in fitting.items() if k not in refused}, strict=False)
    # What is left out is reported, so that nothing is skipped silently.
    skipped = dict.fromkeys(given, "the model has no such tensor")
    for ours, theirs in found.keys.items():
        skipped[theirs] = refused.get(ours, "")
    return Loaded(
        model,
        tuple(key for key in own if key not in refused),
        {key: reason for key, reason in skipped.items() if reason},
        tuple(refused),
        found.by_order,
    )


def matching(own: Shapes, given: Mapping[str, Tensor], path: str, by: str | None = None) -> Match:
    """Return which tensor of a file is each of a model, `by` "key", "structure" or what fits.

    Raises MatchError if the structures differ or more than one matching fits.
    """
    same = {key: key for key in own if key in given}
    if by == "key" or (by is None and len(same) in (len(own), len(given))):
        return Match(same)
    # Files of safetensors are sorted: their order says nothing about the network's.
    is_ordered = not path.endswith(".safetensors")
    try:
        return match(own, {key: tuple(x.shape) for key, x in given.items()}, is_ordered)
    except MatchError as error:
        more = f"; by key {len(same)} of {len(own)} tensors agree" if by is None else ""
        raise MatchError(f"{path} cannot be matched by structure: {error}{more}") from None


def refusals(own: Shapes, given: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the tensors of a model that those given, by its keys, do not fill, and why not."""
    return {key: found for key, form in own.items() if (found := _unlike(form, given.get(key)))}


def _unlike(ours: Form, theirs: Tensor | None) -> str:
    if theirs is None:
        return ABSENT
    wanted, found = ("×".join(map(str, form)) or "scalar" for form in (ours, theirs.shape))
    return "" if wanted == found else f"the file has {found}, the model {wanted}"


def read(path: str) -> dict[str, Tensor]:
    """Return the state_dict of a file. Raises what `load_weights` raises."""
    require("reading weights", ["torch"])
    import torch

    if not Path(path).is_file():
        raise files.absent(path)
    content = _content(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise ValueError(f"{path} holds no state_dict")
    return content


def _content(path: str) -> Any:
    try:
        if path.endswith(".safetensors"):
            return _safetensors().load_file(path)
        import torch

        return torch.load(path, map_location="cpu", weights_only=True)
    except ImportError:
        raise
    except OSError as error:
        raise files.barred("read", path, error) from None
    except Exception:  # whatever a reader makes of bytes that are none of its own
        raise ValueError(f"{path} holds no state_dict") from None


def _safetensors() -> ModuleType:
    try:
        from safetensors import torch
    except ImportError:
        line = "a .safetensors file needs safetensors: pip install safetensors"
        raise NotInstalledError(line) from None
    return torch


def written(state: Mapping[str, Tensor], kind: str) -> bytes:
    """Return a state_dict as a file: `safetensors`, or what torch.save writes."""
    if kind == "safetensors":
        data: bytes = _safetensors().save({k: tensor.contiguous() for k, tensor in state.items()})
        return data
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    return file.getvalue()
