"""The Python API: load a spec, look at it, build it."""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from netspec import __version__, files
from netspec.compiler import compile_spec
from netspec.diagnostics import Diagnostic
from netspec.network import Network
from netspec.project import Project
from netspec.syntax import decode

if TYPE_CHECKING:
    from torch import nn

    from netspec.emit.report import Report


def load(path: str, **params: float) -> Net:
    """Compile a spec file at the given values of its parameters.

    Raises SpecError (its `diagnostics` say every mistake), TypeError for a parameter that the spec
    does not have, and OSError if the file cannot be read.
    """
    try:
        project = Project()
        source = project.open(path)
    except files.Failure as error:
        raise OSError(error.message) from None
    return Net(compile_spec(source, params, project.load))


def loads(text: str, **params: float) -> Net:
    """Compile a spec from its text; like `load`."""
    source = decode(text.encode("utf-8", "surrogatepass"), "<text>")
    return Net(compile_spec(source, params))


class Net:
    """A compiled network. `network` holds the tables: graph, shapes and costs by node."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def name(self) -> str:
        return self.network.spec.name

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the compiler found odd, but not wrong."""
        return self.network.warnings

    def to_python(self) -> str:
        """Return the source of a standalone PyTorch module."""
        from netspec.emit.torch.module import to_python

        return to_python(self.network, __version__)

    def build(self, **arguments: float) -> nn.Module:
        """Return the network as an nn.Module, made from the source that `to_python` returns.

        `arguments` go to its constructor. Needs torch.
        """
        source = self.to_python()
        digest = hashlib.sha256(source.encode()).hexdigest()[:16]
        module = sys.modules.get(f"netspec_{digest}") or _import(source, f"netspec_{digest}")
        model: nn.Module = getattr(module, self.name)(**arguments)
        return model

    def report(
        self, by: str = "block", batch: int = 1, dtype: str = "float32", depth: int = 1
    ) -> Report:
        """Return the tables of shapes and costs, by "block" (of `depth` levels), "layer" or "op".

        `str()` of it is the text; `batch` images of `dtype` decide the bytes.
        """
        from netspec.emit.report import report

        return report(self.network, by, batch, dtype, depth)

    def to_dot(self, depth: int | None = None) -> str:
        """Return the figure as Graphviz text; blocks deeper than `depth` are closed."""
        from netspec.emit.dot import to_dot

        return to_dot(self.network, depth)

    def __repr__(self) -> str:
        cost = self.network.totals.inference
        return f"<{self.name}: {cost.params:,} parameters, {cost.macs:,} multiply-adds>"


def _import(source: str, name: str) -> ModuleType:
    """Import generated source as a module that tracebacks, pickle and torch.compile find."""
    file = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), module.__dict__)
    sys.modules[name] = module
    return module
