"""Lifts of what is one op of netspec and several calls: noise for images, norms of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.lifting import Held, NoCounterpart
from netspec.importer.torch_layers import along
from netspec.importer.torch_lift import Lifter, lifts, symbol_of

if TYPE_CHECKING:
    from torch.fx import Node


class Noise(NamedTuple):
    """A number for each image, or one for all: 0, or what makes up for the zeros."""

    mode: str
    kept: float = 0.0
    """The probability of not being 0."""

    def over(self, node: Node, x: Held, lifter: Lifter) -> Held:
        """Return what is left of a tensor."""
        arguments = {"p": _complement(self.kept), "mode": self.mode}
        return lifter.emit(node, "stochastic_depth", arguments, [x])


def _complement(kept: float) -> float:
    """Return the shortest number that 1 minus it gives back what is kept."""
    found = (round(1.0 - kept, digits) for digits in range(1, 18))
    return next((p for p in found if 1 - p == kept), 1.0 - kept)


@lifts("empty", "new_empty")
def _empty(lifter: Lifter, node: Node) -> Noise:
    first, *rest = node.meta["val"].shape
    if any(size != 1 for size in rest) or (symbol_of(first) is None and first != 1):
        raise NoCounterpart("stochastic_depth")
    return Noise("batch" if symbol_of(first) is None else "row")


@lifts("bernoulli")
def _bernoulli(lifter: Lifter, node: Node) -> Noise:
    noise, kept = lifter.argument(node, 0), lifter.argument(node, 1, "p", 0.5)
    if not isinstance(noise, Noise) or not isinstance(kept, float):
        raise NoCounterpart("stochastic_depth, dropout")
    return noise._replace(kept=kept)


class Norm(NamedTuple):
    """The norms of the vectors along a dimension, kept from 0."""

    x: Held
    arguments: dict[str, Any]


@lifts("norm", "linalg_vector_norm")
def _norm(lifter: Lifter, node: Node) -> Norm:
    x, p = lifter.tensor(node, 0), lifter.argument(node, 1, "ord", 2.0)
    dims, keeps = lifter.argument(node, 2, "dim"), lifter.argument(node, 3, "keepdim", False)
    if not keeps or dims is None or len(dims) != 1:
        raise NoCounterpart("normalize")
    return Norm(x, {"p": float(p), "dim": along(x, dims[0])})
