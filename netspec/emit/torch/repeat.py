"""Repeated constructor calls, folded where they are alike or grow by equal steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.emit.torch.plan import Construct, Made, Repeated
from netspec.ops.dim import Expr, equal, name


def grouped(items: list[Construct]) -> list[Construct]:
    """Fold runs of equal constructor calls, or a whole arithmetic progression of them."""
    if len(items) > 2 and len(set(map(repr, items))) > 2:
        growing = progression(items)
        return [Repeated(growing, len(items))] if growing else items
    groups: list[tuple[Construct, int]] = []
    for item in items:
        if groups and groups[-1][0] == item:
            groups[-1] = item, groups[-1][1] + 1
        else:
            groups.append((item, 1))
    return [item if count == 1 else Repeated(item, count) for item, count in groups]


def progression(items: Sequence[Construct]) -> Construct | None:
    """Return one call over "@i" that gives every item, if arguments grow by equal steps."""
    first = items[0]
    if not isinstance(first, Made) or not all(isinstance(item, Made) for item in items):
        return None
    made = [item for item in items if isinstance(item, Made)]
    if any(len(m.args) != len(first.args) or m.kwargs != first.kwargs for m in made):
        return None
    args = [_step([m.args[k] for m in made]) for k in range(len(first.args))]
    return None if None in args else replace(first, args=tuple(args), note="")


def _step(values: Sequence[object]) -> object | None:
    """Return one value that does not change, or one over "@i" that grows by equal steps."""
    first = values[0]
    if all(value == first for value in values):
        return first
    sizes = [value for value in values if isinstance(value, int | Expr)]
    if len(sizes) < len(values):
        return None
    start, difference = sizes[0], sizes[1] - sizes[0]
    if all(equal(size, start + difference * i) for i, size in enumerate(sizes)):
        return start + difference * name("@i")
    return None
