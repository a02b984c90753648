"""Nodes that read nothing but numbers, which are computed: sizes, and arrays in another form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.importer.onnx_file import Node

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

MADE = 1_000_000
"""Elements that a node may make of a few numbers."""
Compute = Callable[[Mapping[str, Any], Sequence[Any]], Any]


class NotComputed(Exception):
    """A node that this module does not know, or whose numbers make no sense."""


def computed(node: Node, given: Sequence[Array | None]) -> Array:
    """Return what a node makes of arrays. Raises NotComputed."""
    import numpy as np

    if node.op not in _COMPUTES:
        raise NotComputed
    try:
        with np.errstate(all="ignore"):
            return np.asarray(_COMPUTES[node.op](node.attributes, given))
    except Exception:  # whatever numpy says to a stranger's numbers
        raise NotComputed from None


def axes_of(attributes: Mapping[str, Any], given: Sequence[Any], place: int = 1) -> Any:
    """Return the axes that a node names: an input since opset 13, an attribute before; or None."""
    if len(given) > place and given[place] is not None:
        return tuple(int(axis) for axis in given[place].reshape(-1))
    return attributes.get("axes")


def _constant(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    ((key, value),) = attributes.items()
    if key.startswith(("value_int", "value_float")):
        return np.asarray(value, "int64" if "int" in key else "float32")
    return value if key == "value" else None


def _gather(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    _small(given[1].size, given[0].size)
    return np.take(given[0], given[1], axis=attributes.get("axis", 0))


def _concat(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    return np.concatenate(given, axis=attributes["axis"])


def _unsqueeze(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    return np.expand_dims(given[0], axes_of(attributes, given))


def _squeeze(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    return np.squeeze(given[0], axes_of(attributes, given))


def _slice(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    if len(given) < 2:
        starts, ends, steps = attributes["starts"], attributes["ends"], None
    else:
        starts, ends = given[1], given[2]
        steps = given[4] if len(given) > 4 else None
    axes = axes_of(attributes, given, 3) or range(len(starts))
    cut = [slice(None)] * given[0].ndim
    for i, axis in enumerate(axes):
        step = 1 if steps is None else int(steps[i])
        cut[axis] = slice(int(starts[i]), int(ends[i]), step)
    return given[0][tuple(cut)]


def _cast(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import onnx

    return given[0].astype(onnx.helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _div(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    left, right = given
    # Integers are divided as C does it.
    return np.trunc(left / right).astype(left.dtype) if left.dtype.kind in "iu" else left / right


def _filled(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    sizes = tuple(int(size) for size in given[0])
    _small(*sizes)
    return np.full(sizes, attributes.get("value", np.zeros(1, "float32")).reshape(-1)[0])


def _range(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    start, stop, step = (item.reshape(-1)[0] for item in given)
    _small(int((stop - start) / step) + 1)
    return np.arange(start, stop, step)


def _expand(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    import numpy as np

    sizes = np.broadcast_shapes(given[0].shape, tuple(int(size) for size in given[1]))
    _small(*sizes)
    return np.broadcast_to(given[0], sizes)


def _reshape(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    sizes = [int(size) for size in given[1]]
    if not attributes.get("allowzero"):
        sizes = [given[0].shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return given[0].reshape(sizes)


def _transpose(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
    return given[0].transpose(attributes.get("perm"))


def _reduce(name: str) -> Compute:
    def compute(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
        import numpy as np

        keeps = bool(attributes.get("keepdims", 1))
        return getattr(np, name)(given[0], axis=axes_of(attributes, given), keepdims=keeps)

    return compute


def _plain(name: str) -> Compute:
    """Return what calls a function of numpy on the arrays, whose result may be no larger."""

    def compute(attributes: Mapping[str, Any], given: Sequence[Any]) -> Any:
        import numpy as np

        sizes = np.broadcast_shapes(*(item.shape for item in given))
        _small(*(sizes if len(given) > 1 else ()))
        return getattr(np, name)(*given)

    return compute


def _small(*sizes: int) -> None:
    """Raise NotComputed for more elements than anybody's sizes need."""
    count = 1
    for size in sizes:
        count *= max(size, 0)
    if count > max(MADE, 1):
        raise NotComputed


_COMPUTES: dict[str, Compute] = {
    "Constant": _constant,
    "Identity": lambda attributes, given: given[0],
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Cast": _cast,
    "Div": _div,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Expand": _expand,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "ReduceProd": _reduce("prod"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"),
    "Add": _plain("add"),
    "Sub": _plain("subtract"),
    "Mul": _plain("multiply"),
    "Mod": _plain("mod"),
    "Min": _plain("minimum"),
    "Max": _plain("maximum"),
    "Pow": _plain("power"),
    "Equal": _plain("equal"),
    "Greater": _plain("greater"),
    "Less": _plain("less"),
    "Where": _plain("where"),
    "Neg": _plain("negative"),
    "Abs": _plain("abs"),
    "Sqrt": _plain("sqrt"),
    "Floor": _plain("floor"),
    "Ceil": _plain("ceil"),
}
"""What computes each op; of the older ones' forms too."""
