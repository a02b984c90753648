"""A network as an nn.Module that runs: imported from its own source, with inputs to try it on."""

from __future__ import annotations

import hashlib
import linecache
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from netspec.analysis.network import Network
from netspec.emit.torch.module import to_python
from netspec.ops.base import INTEGER, REAL
from netspec.runtime.installed import require
from netspec.version import __version__

if TYPE_CHECKING:
    from torch import Tensor, nn

SEED = 0
"""Of weights that no file gives, and of inputs: two processes make the same."""
_NOISE = 0.1
"""So small that a variance of 1 stays above 0."""


def instantiate(network: Network, **arguments: float) -> nn.Module:
    """Return a network as an nn.Module, made from its generated source.

    Raises ImportError with a line for the user where torch is not installed.
    """
    require("running a network", ["torch"])
    return from_source(to_python(network, __version__), network.spec.name, arguments)


def from_source(source: str, name: str, arguments: dict[str, float] | None = None) -> nn.Module:
    """Return the module of this name that generated source defines."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    module = sys.modules.get(f"netspec_{digest}") or _import(source, f"netspec_{digest}")
    model: nn.Module = getattr(module, name)(**arguments or {})
    return model


def _import(source: str, name: str) -> ModuleType:
    """Import generated source as a module that tracebacks, pickle and torch.compile find."""
    file = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = file
    # Tracebacks and torch.compile read source lines from here: there is no such file.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), module.__dict__)
    sys.modules[name] = module
    return module


def seeded(source: str, name: str) -> nn.Module:
    """Return a module in evaluation, initialised alike in every process."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return from_source(source, name).eval()


Form = tuple[tuple[int, ...], str]
"""The shape of an input without the batch, and the type of its elements."""


def forms(network: Network) -> list[Form]:
    """Return what a module's inputs look like, in the order of its arguments."""
    integers = network.graph.integers
    return [
        (shape, INTEGER if name in integers else REAL)
        for name, shape in network.graph.inputs.items()
    ]


def samples(inputs: Sequence[Form], batch: int) -> tuple[Tensor, ...]:
    """Return random inputs, the same for the same batch; integers are 0, which every range has."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    return tuple(
        torch.randn(batch, *shape, generator=generator)
        if dtype == REAL
        else torch.zeros(batch, *shape, dtype=getattr(torch, dtype))
        for shape, dtype in inputs
    )


def disturbed(module: nn.Module, inputs: Sequence[Form]) -> nn.Module:
    """Add noise to parameters that are constant, and run two samples for the running statistics.

    Of a module that nobody has trained engines share equal biases, and leave out what adds nothing,
    as they never could in a trained one; and where norms do not normalise, what an image changes
    fades from layer to layer, until outputs that should be compared are all alike.
    """
    import torch
    from torch.nn.modules.batchnorm import _NormBase

    generator = torch.Generator().manual_seed(SEED)
    norms = [x for x in module.modules() if isinstance(x, _NormBase) and x.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for tensor in module.parameters():
            if bool((tensor == tensor.flatten()[:1]).all()):
                noise = torch.rand(tensor.shape, generator=generator) - 0.5
                tensor.add_(noise, alpha=_NOISE)
        for norm in norms:
            norm.momentum = 1.0
        if norms:
            module.train()(*samples(inputs, 2))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    return module.eval()


def listed(result: Any) -> list[Tensor]:
    """Return what a module gave as a list; of a head that did not run there is nothing."""
    return [t for t in (result if isinstance(result, tuple | list) else [result]) if t is not None]


def difference(wanted: Sequence[Tensor], found: Sequence[Any]) -> float:
    """Return the largest difference of outputs as a share of the largest value wanted.

    It is infinite where shapes differ, or where only one of the two is finite.
    """
    import torch

    found = [torch.as_tensor(tensor).detach().double() for tensor in found]
    pairs = [(a.detach().double(), b) for a, b in zip(wanted, found, strict=True)]
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    if any(not torch.equal(a.isfinite(), b.isfinite()) for a, b in pairs):
        return float("inf")
    return max(_apart(a.nan_to_num(0, 0, 0), b.nan_to_num(0, 0, 0)) for a, b in pairs)


def _apart(wanted: Tensor, found: Tensor) -> float:
    if not wanted.numel():
        return 0.0
    largest = float(wanted.abs().max()) or 1.0
    return float((wanted - found).abs().max()) / largest
