"""What has to be installed beside netspec, and what to type where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from netspec.version import installation

EXTRAS = {
    "torch": ("torch",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("openvino",),
    "plot": ("matplotlib",),
    "lsp": ("pygls",),
    "serve": ("pygls", "starlette", "uvicorn", "websockets", "watchfiles"),
    "caffe": ("torch", "google.protobuf", "safetensors"),
    "figures": ("pypdfium2",),
}
"""The modules that each extra of the package installs."""


class NotInstalledError(ImportError):
    """Something is not installed that is needed; the text is a line for the user."""


def missing(extras: Iterable[str]) -> str:
    """Return what is not installed and how it is, as a line; nothing if all is there."""
    absent = {extra: _absent(EXTRAS[extra]) for extra in extras}
    absent = {extra: names for extra, names in absent.items() if names}
    if not absent:
        return ""
    names = ", ".join(name for found in absent.values() for name in found)
    return f"needs {names}: {installation(absent)}"


def require(what: str, extras: Iterable[str]) -> None:
    """Raise NotInstalledError if something that `what` needs is not installed."""
    if absent := missing(extras):
        raise NotInstalledError(f"{what} {absent}")


def _absent(names: Iterable[str]) -> list[str]:
    found = []
    for name in names:
        try:
            import_module(name)
        except ImportError:
            found.append(name)
    return found
