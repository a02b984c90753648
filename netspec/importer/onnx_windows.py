"""Lifts of ONNX's pooling, and of the padding that its windows have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from netspec.importer.lifting import Held, NoCounterpart, chosen, one
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_lift import Lifter, lifts
from netspec.importer.onnx_numbers import axes_of
from netspec.ops.apply import apply
from netspec.ops.base import REGISTRY


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides, one number for each spatial dimension."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def is_even(self) -> bool:
        """Whether both ends have the same padding."""
        return self.before == self.after


def window_of(node: Node, x: Held, kernel: Sequence[int]) -> Window:
    """Return the window of a node; padding that ONNX chooses itself as numbers."""
    given, count = node.attributes, len(kernel)
    ones = (1,) * count
    stride = tuple(given.get("strides", ones))
    dilation = tuple(given.get("dilations", ones))
    pads = tuple(given.get("pads", (0,) * 2 * count))
    automatic = given.get("auto_pad", "NOTSET")
    lengths = {len(stride), len(dilation), len(pads) // 2, len(x.sizes) - 1}
    if lengths != {count} or x.shift:
        raise NoCounterpart("a window of another rank:")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        sizes = zip(x.sizes[1:], spans, stride, strict=True)
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in sizes]
        small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
        pads = small + large if automatic == "SAME_UPPER" else large + small
    elif automatic == "VALID":
        pads = (0,) * 2 * count
    return Window(tuple(kernel), stride, dilation, pads[:count], pads[count:])


def padded(lifter: Lifter, node: Node, x: Held, window: Window) -> tuple[Held, Window]:
    """Return an input with zeros around it and its window, where the two ends differ."""
    if window.is_even:
        return x, window
    return zeros(lifter, node, x, window), replace(window, before=(0,) * len(window.before))


def zeros(lifter: Lifter, node: Node, x: Held, window: Window) -> Held:
    """Return an input with the zeros that a window puts around it."""
    pairs = zip(reversed(window.before), reversed(window.after), strict=True)
    return lifter.emit(node, "pad", {"pad": tuple(n for pair in pairs for n in pair)}, [x])


@lifts("MaxPool", "AveragePool")
def _pool(lifter: Lifter, node: Node) -> Held:
    if len([name for name in node.outputs if name]) > 1 or node.attributes.get("storage_order", 0):
        raise NoCounterpart("pooling that gives indices: max_pool2d")
    x, is_mean = lifter.tensor(node), node.op == "AveragePool"
    window = window_of(node, x, node.attributes["kernel_shape"])
    sizes = _sizes(x, window, bool(node.attributes.get("ceil_mode", 0)))
    is_padded = any((*window.before, *window.after))
    counts = is_mean and is_padded and bool(node.attributes.get("count_include_pad", 0))
    if counts:
        x, window = padded(lifter, node, x, window)
    arguments: dict[str, Any] = {
        "kernel_size": one(window.kernel),
        "stride": None if window.stride == window.kernel else one(window.stride),
        "padding": one(window.before),
    }
    if not is_mean:
        arguments["dilation"] = one(window.dilation)
    elif {*window.dilation} != {1}:
        raise NoCounterpart("a mean of dilated windows: avg_pool2d")
    else:
        arguments["count_include_pad"] = counts or not is_padded
    op = f"{'avg' if is_mean else 'max'}_pool{len(window.kernel)}d"
    # A window that overhangs reads what is there, as it does of padding that does not count.
    for ceil in (False,) if counts else (False, True):
        arguments["ceil_mode"] = ceil
        made = REGISTRY[op].model_validate(chosen(op, arguments))
        if apply(made, (x.sizes,))[0][1:] == sizes:
            return lifter.emit(node, op, arguments, [x])
    raise NoCounterpart(f"windows of uneven padding: {op}")


def _sizes(x: Held, window: Window, ceil: bool) -> tuple[int, ...]:
    """Return the sizes that ONNX gives a pooling's output."""
    found = []
    for i, size in enumerate(x.sizes[1:]):
        span = window.dilation[i] * (window.kernel[i] - 1) + 1
        room = size + window.before[i] + window.after[i] - span
        count = -(-room // window.stride[i]) if ceil else room // window.stride[i]
        # The last window begins in the input or in what is before it.
        is_outside = ceil and count * window.stride[i] >= size + window.before[i]
        found.append(count if is_outside else count + 1)
    return tuple(found)


@lifts("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node)
    kind = "avg" if node.op == "GlobalAveragePool" else "max"
    return lifter.emit(node, f"adaptive_{kind}_pool{len(x.sizes) - 1}d", {"output_size": 1}, [x])


@lifts("ReduceMean")
def _mean(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node)
    axes = axes_of(node.attributes, [None, lifter.array(node, 1)])
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return x
    dims = sorted(axis % x.rank for axis in axes or range(x.rank))
    keeps = bool(node.attributes.get("keepdims", 1))
    if dims[0] == 0 and x.has_batch:
        raise NoCounterpart("a mean over the batch: mean")
    if keeps and not x.shift and dims == [*range(2, x.rank)] and 3 <= x.rank <= 5:
        arguments: dict[str, Any] = {"output_size": 1}
        return lifter.emit(node, f"adaptive_avg_pool{x.rank - 2}d", arguments, [x])
    found = tuple(dim + x.shift for dim in dims)
    arguments = {"dim": found[0] if len(found) == 1 else found, "keepdim": keeps}
    return lifter.emit(node, "mean", arguments, [x])
