"""The functions of the Python API: a network from a spec, from a module, or at many values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike, fspath
from typing import TYPE_CHECKING

from netspec import limits
from netspec.compiler import Prepared, compile_spec, prepare_spec
from netspec.language.project import Project
from netspec.net import Net, listed
from netspec.ops.base import REGISTRY
from netspec.ops.own import enabled_by
from netspec.text.syntax import decode

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netspec.analysis.points import Point
    from netspec.explore.fit import Fit
    from netspec.explore.sweep import Bench


def load(
    path: str | PathLike[str],
    /,
    *,
    ops: Iterable[str] = (),
    allow_import: Iterable[str] = (),
    **params: float,
) -> Net:
    """Compile a spec file at the given values of its parameters: `load("net.yaml", classes=10)`.

    `path` may also be the name of a spec that comes with netspec: "googlenet". `ops` are modules
    with ops of your own, which are imported: ["mylib.netspec_ops"]; this spec may name them, and no
    other. `allow_import` are packages or modules that the generated code of this spec's `externs`
    may import: ["mylib"].
    Raises SpecError, whose `diagnostics` are every mistake; ParameterError, a TypeError, for a
    parameter that the spec does not have; OSError (FileNotFoundError if there is none) with `errno`
    and `filename` if the file cannot be read; ImportError for a module of `ops` that cannot be
    imported, and ValueError for one that has no ops.
    """
    project = Project()
    with REGISTRY.enabled(enabled_by(listed(ops))):
        network = compile_spec(project.open(fspath(path)), params, project.load)
    return Net(replace(network, imports=tuple(listed(allow_import))))


def loads(
    text: str,
    /,
    *,
    ops: Iterable[str] = (),
    allow_import: Iterable[str] = (),
    **params: float,
) -> Net:
    """Compile a spec from its text, which may extend no other; else like `load`.

    Diagnostics call it `<text>`. Raises what `load` does, but for OSError.
    """
    source = decode(text.encode("utf-8", "surrogatepass"), "<text>")
    with REGISTRY.enabled(enabled_by(listed(ops))):
        return Net(replace(compile_spec(source, params), imports=tuple(listed(allow_import))))


def import_module(
    model: nn.Module, /, *inputs: Tensor, name: str | None = None, doc: str = ""
) -> Net:
    """Return the network that a PyTorch module is, as a spec: `to_yaml()` is its text.

    `inputs` are what it is called with, the batch first, for images (N, C, H, W); it is traced with
    `torch.export`, in training and in inference. The state_dict of what `build` makes has the
    module's keys, in its order; those of a plain `nn.Sequential` begin with `layers.`, since a
    graph's layers have names.
    `name` is the class's name unless it is given, `doc` the spec's own text about it.
    Raises SpecError with every call that no op does, what `torch.export` raises for a module that
    it cannot trace, and ImportError without PyTorch.
    """
    from netspec.runtime.installed import require

    require("tracing a module", ["torch"])
    from netspec.importer.torch import import_module

    return Net(import_module(model, inputs, name, doc))


def sweep(
    path: str | PathLike[str],
    goals: Collection[str] = ("params", "macs", "activation_bytes", "milliseconds"),
    bench: Bench | None = None,
    jobs: int = 1,
    /,
    *,
    ops: Iterable[str] = (),
    **values: float | Iterable[float],
) -> list[Point]:
    """Compile a spec file at every point of a grid: `sweep(path, width=[0.5, 1], size=224)`.

    Each point has the `values`, what the network there comes to (`params`, `macs`,
    `activation_bytes`, `peak_bytes`) or the `reason` why there is none, and whether it is
    `on_front`: no other has less of one of the `goals`, or more for "+macs", and is as good in the
    others. Goals are "params", "macs", "activation_bytes" and "milliseconds"; the last parameter
    varies fastest. `bench` returns the milliseconds of a `netspec.analysis.network.Network`;
    without it `jobs` processes compile. `path` and `ops` are as for `load`.
    Raises ValueError for a grid without points or with too many, or an unknown goal, and what
    `load` does; a point with mistakes raises nothing.
    """
    from netspec.analysis.points import signs, with_front
    from netspec.explore.sweep import sweep

    axes = {
        name: tuple(islice(given, limits.POINTS + 1)) if isinstance(given, Iterable) else (given,)
        for name, given in values.items()
    }
    signs(listed(goals))  # which asks before all is compiled
    return with_front(sweep(_prepared(path, ops), axes, bench, jobs=jobs), goals)


def fit(
    path: str | PathLike[str],
    to: str | Sequence[str],
    vary: str,
    step: float = 1,
    /,
    *,
    ops: Iterable[str] = (),
    **params: float,
) -> Fit:
    """Find the largest multiple of `step` for a parameter that keeps a contract, or several.

    `fit(path, "macs<=1.5G", "width", 0.125).value` is one. Contracts are those of a spec's
    `expect:`, of inference for one image: "params<=7M", ["macs<=1.5G", "depth=22"]. `params` are
    values of other parameters, `path` and `ops` are as for `load`.
    Raises ValueError that says which contract cannot be kept, or why there is no largest value, and
    whose `details`, if it has them, say how near each comes; and what `load` does.
    """
    from netspec.explore.fit import Multiples, contract, fit

    contracts = [contract(text) for text in ([to] if isinstance(to, str) else to)]
    return fit(_prepared(path, ops), contracts, Multiples(vary, step), params)


def _prepared(path: str | PathLike[str], ops: Iterable[str]) -> Prepared:
    project = Project()
    with REGISTRY.enabled(enabled_by(listed(ops))):
        return prepare_spec(project.open(fspath(path)), project.load)
