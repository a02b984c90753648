"""A compiler for neural-network architectures: YAML spec in, checked PyTorch code and costs out.

    net = netspec.load("googlenet", classes=10)
    model = net.build()

`load` and `loads` compile a spec, `import_module` makes one of a PyTorch module, `sweep` and `fit`
compile one at many values of its parameters. What they return is a `Net`, whose methods give the
rest. A spec with mistakes raises `SpecError`. Ops of your own are written with `netspec.ops.base`
and compared with PyTorch by `netspec.testing`; everything else is the command line.
"""

from netspec.version import __version__

TYPE_CHECKING = False  # `typing` would be imported before Ctrl-C is silent

if TYPE_CHECKING:
    from netspec.analysis.memory import Memory as Memory
    from netspec.analysis.points import Point as Point
    from netspec.api import fit as fit
    from netspec.api import import_module as import_module
    from netspec.api import load as load
    from netspec.api import loads as loads
    from netspec.api import sweep as sweep
    from netspec.compiler import ParameterError as ParameterError
    from netspec.emit.report.written import Report as Report
    from netspec.explore.fit import Fit as Fit
    from netspec.features import FeatureError as FeatureError
    from netspec.net import Fast as Fast
    from netspec.net import Net as Net
    from netspec.runtime.weights import Loaded as Loaded
    from netspec.text.diagnostics import Diagnostic as Diagnostic
    from netspec.text.diagnostics import Span as Span
    from netspec.text.diagnostics import SpecError as SpecError

__all__ = [
    "Diagnostic",
    "Fast",
    "FeatureError",
    "Fit",
    "Loaded",
    "Memory",
    "Net",
    "ParameterError",
    "Point",
    "Report",
    "Span",
    "SpecError",
    "__version__",
    "fit",
    "import_module",
    "load",
    "loads",
    "sweep",
]

_HOMES = {
    "Diagnostic": "text.diagnostics",
    "Fast": "net",
    "FeatureError": "features",
    "Fit": "explore.fit",
    "Loaded": "runtime.weights",
    "Memory": "analysis.memory",
    "Net": "net",
    "ParameterError": "compiler",
    "Point": "analysis.points",
    "Report": "emit.report.written",
    "Span": "text.diagnostics",
    "SpecError": "text.diagnostics",
    "fit": "api",
    "import_module": "api",
    "load": "api",
    "loads": "api",
    "sweep": "api",
}


if not TYPE_CHECKING:  # for checkers there are no names but those above

    def __getattr__(name: str) -> object:
        """Import on first use, so that `netspec --version` imports nothing."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(f"netspec.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Return what is public, also before it is imported."""
    return sorted(__all__)
