"""Tensors of numbers → the arguments of `constant` that make them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from netspec.ops.base import REGISTRY

if TYPE_CHECKING:
    from torch import Tensor

_MOST = 16
"""Numbers that may stand in a spec one by one."""


def table(value: Tensor) -> dict[str, Any] | None:
    """Return the arguments that make a tensor, None for one that no table gives."""
    for arguments, made in _tables(value):
        if made.shape == value.shape and made.equal(value.to(made.dtype)):
            return arguments
    if value.numel() > _MOST or not value.dim() or not value.is_floating_point():
        return None
    return {"value": _listed(value.tolist())}


def _listed(value: Any) -> Any:
    return tuple(map(_listed, value)) if isinstance(value, list) else value


def _tables(value: Tensor) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """Yield what the tables that netspec knows are for sizes that a tensor may come from."""
    import torch

    sizes = tuple(value.shape)
    if len(sizes) == 1 and value.numel() > 1:
        yield {"value": "arange", "size": sizes}, torch.arange(sizes[0])
    if not value.is_floating_point() and len(sizes) in (1, 2):
        places = math.isqrt(value.numel())
        for size in _rectangles(places):
            made = _helper("relative_position_index")(*size)
            flat: dict[str, Any] = {"flat": False} if len(sizes) == 2 else {}
            yield (
                {"value": "relative_position_index", "size": size} | flat,
                made.reshape(places, places) if flat else made,
            )
    if len(sizes) == 4 and sizes[0] == 1 and sizes[3] == 2:
        size = ((sizes[1] + 1) // 2, (sizes[2] + 1) // 2)
        if 1 not in size:
            yield {"value": "relative_coords_table", "size": size}, _coords(size)
    if len(sizes) == 4 and sizes[1] == 1 and sizes[2] == sizes[3]:
        yield from _masks(sizes[0], sizes[2])


def _coords(size: tuple[int, int]) -> Tensor:
    made: Tensor = _helper("relative_coords_table")(*size)
    return made


def _masks(windows: int, places: int) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """Yield masks of maps that so many windows of so many places make."""
    side = math.isqrt(places)
    if side * side != places:
        return
    for rows, columns in _rectangles(windows):
        for shift in range(1, side):
            size = (rows * side, columns * side)
            made = _helper("shifted_window_mask")(*size, (side, side), (shift, shift))
            arguments = {"value": "shifted_window_mask", "size": size}
            yield arguments | {"window_size": side, "shift_size": shift}, made


def _rectangles(count: int) -> list[tuple[int, int]]:
    """Return what a number of places can be, squares first."""
    found = [(i, count // i) for i in range(1, count + 1) if count % i == 0]
    return sorted(found, key=lambda size: abs(size[0] - size[1]))


@cache
def _helper(name: str) -> Callable[..., Tensor]:
    """Return the function that generated code makes a table with."""
    import torch

    scope: dict[str, Any] = {"torch": torch, "Tensor": torch.Tensor}
    exec(REGISTRY["constant"].helpers[name], scope)
    made: Callable[..., Tensor] = scope[name]
    return made
