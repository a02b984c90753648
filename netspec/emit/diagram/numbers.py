"""Numbers and shapes as figures write them."""

from __future__ import annotations

from netspec.analysis.costs import NodeCost
from netspec.analysis.network import Network
from netspec.graph.model import Sizes
from netspec.ops.dim import has_names
from netspec.ops.window import times


def short(number: int) -> str:
    """Write a count with three digits: 999, 164k, 1.58G."""
    if number < 1000:
        return str(number)
    value, units = float(number), iter("kMGTPEZY")
    # 999.5 would be written as 1000, so it belongs to the next unit.
    while value >= 999.5:
        value, unit = value / 1000, next(units)
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{unit}"


def cost_text(cost: NodeCost, lender: str = "") -> str:
    """Write parameters and multiply-adds: 164k params · 128M MACs; nothing of what has neither.

    What uses the weights of another layer, the lender, says so.
    """
    if not cost.params and not cost.macs:
        return ""
    params = borrowed(lender) or f"{short(cost.params)} params"
    return f"{params} · {short(cost.macs)} MACs"


def borrowed(lender: str) -> str:
    """Say whose weights are used, if not its own."""
    return f"weights of {lender}" if lender else ""


def shape_text(shape: Sizes) -> str:
    """Write a shape without the batch, a square map as one power: 64×56²; nothing of names."""
    if has_names(shape):
        return ""
    if len(shape) == 3 and shape[1] == shape[2] and shape[1] > 1:
        return f"{shape[0]}×{shape[1]}²"
    return times(shape)


def total_text(network: Network) -> str:
    """Return the line of totals."""
    totals = network.totals
    text = network.graph.name
    if any(totals.training):
        text += f" · {totals.inference.params:,} params · {short(totals.inference.macs)} MACs"
    if totals.heads.params:
        text += f" · heads in training +{short(totals.heads.params)} params"
        text += f", +{short(totals.heads.macs)} MACs"
    return text
