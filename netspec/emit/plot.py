"""Plots (need matplotlib): where a network's parameters and multiply-adds are."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from netspec.analysis.network import Network
from netspec.emit.report.rows import Measured, main_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"params": "#0072B2", "MACs": "#D55E00"}  # Okabe and Ito's blue and vermilion
_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"), (1, ""))


class _Series(NamedTuple):
    """The values of a panel, one per row, and how they are drawn."""

    name: str
    values: Sequence[int]
    cumulative: bool


def plot(network: Network, format: str = "svg", by: str = "block", depth: int = 1) -> bytes:
    """Return a plot of a report's rows, and cumulative, as a file that matplotlib writes.

    Inference only. The same network gives the same bytes. Raises ImportError without matplotlib.
    """
    table = main_table(Measured(network), by, depth)
    columns = {column.key: i for i, column in enumerate(table.columns)}
    rows = [row for row in table.rows if row[columns["share"]] is not None]
    names = [str(row[0]) for row in rows]
    series = []
    for key, name in (("params", "params"), ("macs", "MACs")):
        values = [int(str(row[columns[key]])) for row in rows]
        series += [_Series(name, values, False), _Series(name, [*accumulate(values)], True)]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 4, sharey=True)
        for axes, one in zip(panels, series, strict=True):
            _draw(axes, names, one, "cumulative" if one.cumulative else table.title)
        figure.suptitle(f"{network.graph.name}, inference")

    return saved((11, min(1.2 + 0.24 * len(rows), 200)), format, draw)


def saved(size: tuple[float, float], format: str, draw: Callable[[Figure], None]) -> bytes:
    """Return what is drawn on a figure of a size in inches as a file that matplotlib writes.

    The same drawing gives the same bytes. Raises ImportError without matplotlib.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # the user's own settings would change the bytes
        matplotlib.rc("svg", hashsalt="netspec", fonttype="none")
        matplotlib.rc("font", size=8)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        # The time of writing would change the bytes too.
        untimed = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        out = io.BytesIO()
        figure.savefig(out, format=format, dpi=150, metadata=untimed)
    return out.getvalue()


def _draw(axes: Axes, names: Sequence[str], series: _Series, what: str) -> None:
    """Draw one panel: bars with their values, from the first row down."""
    top = max(series.values, default=0) or 1
    factor, prefix = unit(top)
    places = range(len(names))
    lengths = [value / factor for value in series.values]
    alpha = 0.45 if series.cumulative else 1
    axes.barh(places, lengths, color=_COLOURS[series.name], alpha=alpha, height=0.7)
    for place, length, value in zip(places, lengths, series.values, strict=True):
        if value:
            axes.text(length + 0.015 * top / factor, place, _short(value), va="center", fontsize=7)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1.22 * top / factor)
    axes.set_title(f"{series.name}, {what}", fontsize=9)
    axes.set_xlabel(scaled(series.name, prefix))
    axes.spines[["top", "right"]].set_visible(False)


def unit(value: float) -> tuple[int, str]:
    """Return the factor and the letter that a number of this size is written with."""
    return next((found for found in _UNITS if value >= found[0]), _UNITS[-1])


def scaled(name: str, prefix: str) -> str:
    """Return the title of an axis with its unit."""
    return f"{name} ({prefix})" if prefix else name


def _short(value: int) -> str:
    """Write a value with three digits and its unit: 1.58 G."""
    factor, prefix = unit(value)
    decimals = 0 if factor == 1 else max(0, 3 - len(str(value // factor)))
    return f"{value / factor:.{decimals}f} {prefix}".rstrip()
