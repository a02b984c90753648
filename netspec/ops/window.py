"""The arithmetic of windows that slide over a feature map: convolutions and pools share it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netspec.ops.base import Problem, Window, numbers
from netspec.ops.dim import Dim, Expr, Shape, unknown
from netspec.ops.reach import Reach, sliding
from netspec.text.codes import Code

KERNEL = "the size of the window, one number or one for each spatial dimension"
STRIDE = "the step of the window"
PADDING = "how much is added around the input"
DILATION = "the step between the elements of the window"


def every(value: Any, count: int) -> tuple[Any, ...]:
    """Return one number per spatial dimension from PyTorch's `k` or `(kh, kw)`."""
    return value if isinstance(value, tuple) else (value,) * count


def extent(window: Window) -> tuple[int, ...]:
    """Return the size of the dilated kernel."""
    return tuple([d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True)])


def reaches(window: Window) -> tuple[Reach, ...]:
    """Return what a window reads along each spatial dimension."""
    return tuple(map(sliding, extent(window), window.stride, window.padding))


def slide(sizes: Shape, window: Window, after: tuple[int, ...], ceil_mode: bool = False) -> Shape:
    """Return the output sizes; `after` is the padding behind the last element.

    In ceil mode PyTorch drops a last window that would start beyond the input and its left
    padding; the textbook formula does not.
    """
    steps = zip(sizes, extent(window), window.stride, window.padding, after, strict=True)
    return tuple([_slide(*step, ceil_mode) for step in steps])


def _slide(size: Dim, kernel: int, stride: int, before: int, after: int, ceil_mode: bool) -> Dim:
    room = size + before + after - kernel
    if ceil_mode is False:
        return room // stride + 1
    named = any(isinstance(value, Expr) for value in (stride, before, ceil_mode))
    if named or isinstance(room, Expr) or isinstance(size, Expr):
        return unknown(room, stride, before, ceil_mode)
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


def unslide(sizes: Shape, window: Window, extra: tuple[int, ...]) -> Shape:
    """Return the output sizes of a transposed convolution; `extra` is its output padding."""
    steps = zip(sizes, extent(window), window.stride, window.padding, extra, strict=True)
    return tuple(
        (size - 1) * stride - 2 * padding + kernel + more
        for size, kernel, stride, padding, more in steps
    )


def refuse_kernel(sizes: Shape, window: Window, padding: tuple[int, ...]) -> Iterator[Problem]:
    """Yield a problem where the dilated kernel does not fit into the padded input."""
    padded = tuple([size + pad for size, pad in zip(numbers(sizes), padding, strict=True)])
    kernel = extent(window)
    if any(k > size for k, size in zip(kernel, padded, strict=True)):
        yield Problem("kernel_size", does_not_fit(sizes, window), _SMALLER)


def refuse_window(sizes: Shape, output: Shape, window: Window) -> Iterator[Problem]:
    """Yield a problem where a window leaves nothing of a feature map."""
    if any(size < 1 for size in numbers(output)):
        yield Problem("kernel_size", does_not_fit(sizes, window), _SMALLER, Code.NOTHING_LEFT)


_SMALLER = "a smaller kernel, more padding or a larger input"


def does_not_fit(sizes: Shape, window: Window) -> str:
    """Say that a kernel is larger than what it reads, with all that counts."""
    kernel = f"a kernel of {shortest(window.kernel)}"
    padding = f" with padding {shortest(window.padding)}"
    if max(window.dilation) == 1:
        padding = padding if any(window.padding) else ""
        return f"{kernel} does not fit into {times(sizes)}{padding}"
    spans = f"dilation {shortest(window.dilation)} spans {shortest(extent(window))}"
    return f"{kernel} with {spans}, which does not fit into {times(sizes)}{padding}"


def refuse_output(sizes: Shape, argument: str) -> Iterator[Problem]:
    """Yield a problem where an output has no element."""
    if any(size < 1 for size in numbers(sizes)):
        message = f"nothing is left of the input: the output would be {times(sizes)}"
        yield Problem(argument, message, code=Code.NOTHING_LEFT)


def times(sizes: tuple[object, ...]) -> str:
    """Write sizes as people do: 3×3."""
    return "×".join(map(str, sizes))


def label(window: Window) -> str:
    """Write kernel and stride as the figures do: 7×7/2."""
    stride, dilation = shortest(window.stride), shortest(window.dilation)
    stride = "" if stride == "1" else f"/{stride}"
    dilation = "" if dilation == "1" else f" d{dilation}"
    return f"{times(window.kernel)}{stride}{dilation}"


def rounded(value: object) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def shortest(values: tuple[int, ...]) -> str:
    """Write one number where all are the same."""
    return str(values[0]) if len(set(values)) == 1 else times(values)
