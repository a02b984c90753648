"""Weights from a file into a model: shapes are checked first, and nothing is skipped silently."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.text import files

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, which of its tensors a file gave, and why the others of either were left."""

    model: nn.Module
    loaded: tuple[str, ...]
    skipped: Mapping[str, str]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"loaded {len(self.loaded)} tensors"]
        lines += [f"skipped {key}: {reason}" for key, reason in self.skipped.items()]
        lines += [f"kept as initialised: {key}" for key in self.missing]
        return "\n".join(lines)


def load_weights(model: nn.Module, path: str) -> Loaded:
    """Load a state_dict (.pt, .pth or .safetensors) into a model where names and shapes agree.

    A .pt file is read with `weights_only=True`, so it cannot run code. Raises OSError or
    ValueError if it holds no state_dict, ImportError for .safetensors without that package.
    """
    given = read(path)
    own = model.state_dict()
    shapes = {key: tensor.shape for key, tensor in own.items()}
    skipped = {key: refusal(key, tensor, shapes) for key, tensor in given.items()}
    fitting = {key: tensor for key, tensor in given.items() if not skipped[key]}
    # What is left out is reported, so that nothing is skipped silently.
    model.load_state_dict(fitting, strict=False)
    return Loaded(
        model,
        tuple(key for key in own if key in fitting),
        {key: reason for key, reason in skipped.items() if reason},
        tuple(key for key in own if key not in fitting),
    )


def refusal(key: str, tensor: Tensor, own: Mapping[str, Sequence[int]]) -> str:
    """Return why a tensor of a file is not one of a model with these shapes; nothing if it is."""
    if key not in own:
        return "the model has no such tensor"
    ours, theirs = ("×".join(map(str, shape)) or "scalar" for shape in (own[key], tensor.shape))
    return "" if ours == theirs else f"the file has {theirs}, the model {ours}"


def read(path: str) -> dict[str, Tensor]:
    """Return the state_dict of a file. Raises what `load_weights` raises."""
    import torch

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    content = _content(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise ValueError(f"{path} holds no state_dict")
    return content


def _content(path: str) -> Any:
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        import torch

        return torch.load(path, map_location="cpu", weights_only=True)
    except ImportError:
        raise
    except OSError as error:
        raise OSError(f"cannot read {path}: {files.reason(error)}") from None
    except Exception:  # whatever a reader makes of bytes that are none of its own
        raise ValueError(f"{path} holds no state_dict") from None


def written(state: Mapping[str, Tensor], kind: str) -> bytes:
    """Return a state_dict as a file: `safetensors`, or what torch.save writes."""
    if kind == "safetensors":
        from safetensors.torch import save

        return save({key: tensor.contiguous() for key, tensor in state.items()})
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    return file.getvalue()
