"""What the commands share that run a network: what is installed, and its weights."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.cli.arguments import whole
from netspec.cli.exits import Exit, Failure
from netspec.cli.show import tell
from netspec.runtime.match import ABSENT
from netspec.text.diagnostics import counted, escape

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = ("pt", "pth", "safetensors")
"""The formats of files of weights."""
_SHOWN = 8


def add_weights(
    parser: ArgumentParser, help: str = "a state_dict: .pt, .pth, .safetensors"
) -> None:
    """Add the file of weights."""
    parser.add_argument("--weights", metavar="FILE", help=f"{help} (default: as initialised)")


def threads(text: str) -> int:
    """Read an option that is a number of threads."""
    count, most = whole(1)(text), os.cpu_count() or 1
    if count > most:
        raise ArgumentTypeError(f"this machine has {counted(most, 'processor')}, found `{count}`")
    return count


def module(network: Network, weights: str | None) -> nn.Module:
    """Return a network's module in evaluation; every weight that inference needs is in the file.

    Raises Failure, and OSError for what is not there.
    """
    from netspec.emit.torch.module import to_python
    from netspec.runtime.installed import require
    from netspec.runtime.module import seeded
    from netspec.version import __version__

    require("running a network", ["torch"])
    model = seeded(to_python(network, __version__), network.spec.name)
    if weights:
        _load(network, model, weights)
    return model


def python_module(source: str) -> tuple[str, nn.Module]:
    """Return what `torch:package.module:factory(arguments)` calls and gives. Runs that Python.

    Raises Failure.
    """
    from netspec.importer.torch_source import BadSource, factory
    from netspec.runtime.installed import require

    require("reading a PyTorch module", ["torch"])
    try:
        made = factory(source.removeprefix("torch:"))
        tell(f"running {escape(made.module)}:{escape(made.name)}")
        return made.name, made.made()
    except BadSource as error:
        raise Failure(str(error), Exit.USAGE) from None
    except Exception as error:  # whatever the user's own Python raises
        message = f"{source} raises {type(error).__name__}: {error}"
        raise Failure(message, Exit.USAGE) from None


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what is wrong with a file of weights that is read inside into a Failure."""
    from netspec.runtime.match import MatchError

    try:
        yield
    except MatchError as error:
        raise Failure(str(error), Exit.WRONG) from None
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None


def _load(network: Network, model: nn.Module, path: str) -> None:
    from netspec.runtime.weights import load_weights

    with reading(path):
        loaded = load_weights(model, path)
    owners = {".".join(node.owner) for node in network.graph.inference()}
    absent = [key for key in loaded.missing if _is_needed(key, owners)]
    refuse_absent(network, path, {key: loaded.skipped.get(key, ABSENT) for key in absent})
    if unknown := [key for key in loaded.skipped if key not in loaded.missing]:
        tell(f"{escape(path)} has {counted(len(unknown), 'tensor')} that nothing reads")


def refuse_absent(network: Network, path: str, absent: Mapping[str, str]) -> None:
    """Raise Failure if a file of weights lacks tensors of a network; `absent` says why, by key."""
    if absent:
        lines = [f"  {key}: {reason}" for key, reason in absent.items()]
        more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        message = f"{path} lacks {counted(len(absent), 'tensor')} of {network.spec.name}:"
        raise Failure(message, Exit.WRONG, (*lines[:_SHOWN], *more))


def _is_needed(key: str, owners: set[str]) -> bool:
    """Tell whether inference reads a tensor: it needs no heads, and no batch norm's counter."""
    names = key.split(".")
    is_read = any(".".join(names[:end]) in owners for end in range(1, len(names) + 1))
    return is_read and names[-1] != "num_batches_tracked"
