"""The version of netspec, and the name under which it is installed."""

from collections.abc import Iterable

__version__ = "0.1.0"

DISTRIBUTION = "netspec-compiler"
"""What a package index calls netspec: the name `netspec` is another project's there."""

SITE = "https://netspec-compiler.github.io/netspec/"
"""Where the documentation is: who has installed the package has no `docs/`."""


def installation(extras: Iterable[str] = ()) -> str:
    """Return what to type to install netspec with some of its extras."""
    if names := ",".join(extras):
        return f"pip install '{DISTRIBUTION}[{names}]'"
    return f"pip install {DISTRIBUTION}"
