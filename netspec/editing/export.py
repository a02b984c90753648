"""What a page offers to download: the code, the figure, the report for a paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspec.analysis.network import Network
from netspec.emit.figure.svg import to_svg
from netspec.emit.report import render, report
from netspec.emit.torch.module import to_python
from netspec.version import __version__

EXPORTS: Mapping[str, Callable[[Network], str]] = {
    "py": lambda network: to_python(network, __version__),
    "svg": to_svg,
    "tex": lambda network: render(report(network), "latex"),
}
"""What writes each format. Raises SpecError and LookError."""
