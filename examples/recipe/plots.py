"""How the examples' figures look, what they show of a run, and how they are written."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recipe import checkpoint
from recipe.errors import UserError
from recipe.logs import Metrics

BLUE, ORANGE, GREY = "#2a6fb0", "#d9722b", "#8a8a8a"
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": ""},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""By the kind of a file: nothing that differs from day to day."""


def target(text: str) -> Path:
    """Read where a figure goes."""
    path = Path(text)
    if path.suffix.lower() not in _METADATA:
        raise ArgumentTypeError(f"expected a file {', '.join(_METADATA)}, found {text!r:.80}")
    return path


def history(path: Path) -> Sequence[Metrics]:
    """Return the evaluations of the run that wrote a checkpoint, at least one."""
    found: Sequence[Metrics] | None = checkpoint.read(path).get("history")
    if found is None:
        raise UserError(f"{path} has no history: it is no checkpoint of train.py")
    if not found:
        raise UserError(f"{path} is of a run that was never evaluated: there is nothing to plot")
    return found


def panels(count: int, width: float = 4.2, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    plt.rcParams.update(_STYLE)
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), layout="constrained")
    return figure, [axes] if count == 1 else list(axes)


def goal(axes: Axes, accuracy: float | None) -> None:
    """Draw a line at the accuracy that a run is held to, if there is one."""
    if accuracy is not None:
        axes.axhline(accuracy, color=ORANGE, linewidth=0.8, linestyle="--", label=f"{accuracy:.3g}")


def write(figure: Figure, path: Path) -> None:
    """Write a figure, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata=_METADATA[path.suffix.lower()])
    plt.close(figure)
    print(f"wrote {path}")
