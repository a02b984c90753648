"""How the examples' figures look, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2a6fb0", "#d9722b", "#8a8a8a"
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def panels(count: int, width: float = 4.2, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    plt.rcParams.update(_STYLE)
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), layout="constrained")
    return figure, [axes] if count == 1 else list(axes)


def write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": ""})
    plt.close(figure)
    print(f"wrote {path}")
