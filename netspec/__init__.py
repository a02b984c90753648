"""netspec: a compiler for neural-network architectures.

    net = netspec.load("specs/googlenet.yaml", classes=10)
    model = net.build()

Everything else is the command line: `netspec --help`.
"""

from netspec.version import __version__

TYPE_CHECKING = False  # `typing` would be imported before Ctrl-C is silent

if TYPE_CHECKING:
    from netspec.api import Net as Net
    from netspec.api import fit as fit
    from netspec.api import import_module as import_module
    from netspec.api import load as load
    from netspec.api import loads as loads
    from netspec.api import sweep as sweep
    from netspec.text.diagnostics import Diagnostic as Diagnostic
    from netspec.text.diagnostics import SpecError as SpecError

__all__ = [
    "Diagnostic",
    "Net",
    "SpecError",
    "__version__",
    "fit",
    "import_module",
    "load",
    "loads",
    "sweep",
]

_HOMES = {
    "load": "api",
    "loads": "api",
    "sweep": "api",
    "fit": "api",
    "import_module": "api",
    "Net": "api",
    "SpecError": "text.diagnostics",
    "Diagnostic": "text.diagnostics",
}


def __getattr__(name: str) -> object:
    """Import on first use, so that `netspec --version` imports nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"netspec.{_HOMES[name]}"), name)
