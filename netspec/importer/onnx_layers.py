"""Lifts of ONNX nodes that have weights, of normalisation and of activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from netspec.importer.lifting import Held, NoCounterpart, one
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_lift import Lifter, Weight, lifts
from netspec.importer.onnx_windows import Window, padded, window_of


def _vector(weight: Weight | None, size: int) -> Weight | None:
    """Return a bias as a vector: a number for all, and dimensions of 1, are forms of it."""
    if weight is None:
        return None
    flat = weight.array.reshape(-1)
    if flat.size == 1 and size > 1:
        flat = flat.repeat(size)
    if flat.size != size:
        raise NoCounterpart("a bias of another size:")
    return Weight(weight.name, flat)


@lifts("Conv")
def _conv(lifter: Lifter, node: Node) -> Held:
    x, weight = lifter.tensor(node), lifter.needed(node, 1)
    array = weight.array
    groups = node.attributes.get("group", 1)
    window = window_of(node, x, array.shape[2:])
    if len(x.sizes) != array.ndim - 1 or x.sizes[0] != array.shape[1] * groups:
        raise NoCounterpart("weights of another number of channels:")
    x, window = padded(lifter, node, x, window)
    arguments = {
        "out_channels": array.shape[0],
        **_window(window),
        "dilation": one(window.dilation),
        "groups": groups,
    }
    weights = {"weight": weight, "bias": _vector(lifter.weight(node, 2), array.shape[0])}
    arguments["bias"] = weights["bias"] is not None
    return lifter.emit(node, f"conv{array.ndim - 2}d", arguments, [x], weights)


def _window(window: Window) -> dict[str, Any]:
    return {
        "kernel_size": one(window.kernel),
        "stride": one(window.stride),
        "padding": one(window.before),
    }


@lifts("ConvTranspose")
def _conv_transpose(lifter: Lifter, node: Node) -> Held:
    x, weight = lifter.tensor(node), lifter.needed(node, 1)
    array, groups = weight.array, node.attributes.get("group", 1)
    spatial = array.ndim - 2
    pads = tuple(node.attributes.get("pads", (0,) * 2 * spatial))
    is_automatic = node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    if is_automatic or "output_shape" in node.attributes or pads[:spatial] != pads[spatial:]:
        raise NoCounterpart("padding that differs at the ends: conv_transpose2d")
    arguments = {
        "out_channels": array.shape[1] * groups,
        "kernel_size": one(array.shape[2:]),
        "stride": one(node.attributes.get("strides", 1)),
        "padding": one(pads[:spatial]),
        "output_padding": one(node.attributes.get("output_padding", 0)),
        "groups": groups,
        "dilation": one(node.attributes.get("dilations", 1)),
    }
    weights = {"weight": weight, "bias": _vector(lifter.weight(node, 2), array.shape[1] * groups)}
    arguments["bias"] = weights["bias"] is not None
    return lifter.emit(node, f"conv_transpose{spatial}d", arguments, [x], weights)


@lifts("Gemm")
def _gemm(lifter: Lifter, node: Node) -> Held:
    given = node.attributes
    weight, bias = lifter.needed(node, 1), lifter.weight(node, 2)
    if given.get("transA", 0):
        raise NoCounterpart("a transposed input: linear")
    array = weight.array if given.get("transB", 0) else weight.array.T
    weight = Weight(weight.name, _times(array, given.get("alpha", 1.0)))
    if bias is not None:
        bias = Weight(bias.name, _times(bias.array, given.get("beta", 1.0)))
    return linear(lifter, node, lifter.tensor(node), weight, bias)


def _times(array: Any, factor: float) -> Any:
    return array if factor == 1 else array * factor


def linear(lifter: Lifter, node: Node, x: Held, weight: Weight, bias: Weight | None) -> Held:
    """Return the product with a matrix as PyTorch lays it out, and a bias."""
    count = weight.array.shape[0]
    arguments = {"out_features": count, "bias": bias is not None}
    if weight.array.ndim != 2 or x.sizes[-1] != weight.array.shape[1]:
        raise NoCounterpart("a matrix of another size: linear")
    weights = {"weight": weight, "bias": _vector(bias, count)}
    return lifter.emit(node, "linear", arguments, [x], weights)


def biased(lifter: Lifter, node: Node, x: Held, bias: Weight) -> Held | None:
    """Return the layer before a sum with that bias in it, if it has weights and none yet."""
    made = lifter.maker(x)
    is_alone = made is not None and lifter.uses[made.node.outputs[0]] == 1
    if not (is_alone and made and "weight" in made.weights and made.arguments.get("bias") is False):
        return None
    shape, sizes = bias.array.shape, lifter.dims(x)
    axis = -1 if made.op == "linear" else 1 - len(sizes)
    if bias.array.size != sizes[axis] or len(shape) < -axis or shape[axis] != sizes[axis]:
        return None
    weights = {**made.weights, "bias": _vector(bias, sizes[axis])}
    arguments = {**made.arguments, "bias": True}
    return lifter.emit(made.node, made.op, arguments, made.reads, weights)


# ------------------------------------------------------------- normalisation


@lifts("BatchNormalization")
def _batch_norm(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node)
    op = {1: "batch_norm1d", 2: "batch_norm1d", 3: "batch_norm2d"}.get(len(x.sizes))
    if op is None or x.shift or node.attributes.get("training_mode", 0):
        raise NoCounterpart("batch normalisation of another rank, or in training: batch_norm2d")
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: _vector(lifter.weight(node, i), x.sizes[0]) for i, name in enumerate(names, 1)}
    arguments = {
        "eps": _short(node.attributes.get("epsilon", 1e-5)),
        "momentum": _short(1 - _short(node.attributes.get("momentum", 0.9))),
    }
    return lifter.emit(node, op, arguments, [x], weights)


def _short(value: float) -> float:
    """Return a 32-bit number as the shortest decimal that is read as it."""
    import numpy as np

    return float(str(np.float32(value)))


@lifts("InstanceNormalization")
def _instance_norm(lifter: Lifter, node: Node) -> Held:
    weights = {"weight": lifter.weight(node, 1), "bias": lifter.weight(node, 2)}
    arguments = {"eps": _short(node.attributes.get("epsilon", 1e-5)), "affine": True}
    return lifter.emit(node, "instance_norm2d", arguments, [lifter.tensor(node)], weights)


@lifts("LayerNormalization")
def _layer_norm(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node)
    weights = {"weight": lifter.weight(node, 1), "bias": lifter.weight(node, 2)}
    axis = node.attributes.get("axis", -1) % x.rank + x.shift
    arguments: dict[str, Any] = {"eps": _short(node.attributes.get("epsilon", 1e-5))}
    sizes = x.sizes[axis - 1 :]
    if len(sizes) > 1:
        arguments["normalized_shape"] = sizes
    if weights["bias"] is None:
        arguments["bias"] = False
    if any(weight and weight.array.shape != sizes for weight in weights.values()):
        raise NoCounterpart("weights of another shape: layer_norm")
    return lifter.emit(node, "layer_norm", arguments, [x], weights)


@lifts("LRN")
def _lrn(lifter: Lifter, node: Node) -> Held:
    given = node.attributes
    if given["size"] % 2 == 0:
        # ONNX has the larger half above a channel, PyTorch below it.
        raise NoCounterpart("an even number of neighbours: local_response_norm")
    arguments = {
        "size": given["size"],
        "alpha": _short(given.get("alpha", 1e-4)),
        "beta": _short(given.get("beta", 0.75)),
        "k": _short(given.get("bias", 1.0)),
    }
    return lifter.emit(node, "local_response_norm", arguments, [lifter.tensor(node)])


# --------------------------------------------------------------- activations

_PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Mish": "mish",
    "HardSwish": "hardswish",
    "Softplus": "softplus",
    "Exp": "exp",
    "Neg": "neg",
}


@lifts(*_PLAIN)
def _plain(lifter: Lifter, node: Node) -> Held:
    return lifter.emit(node, _PLAIN[node.op], {}, [lifter.tensor(node)])


@lifts("LeakyRelu", "Elu")
def _sloped(lifter: Lifter, node: Node) -> Held:
    is_elu = node.op == "Elu"
    alpha = _short(node.attributes.get("alpha", 1.0 if is_elu else 0.01))
    op, key = ("elu", "alpha") if is_elu else ("leaky_relu", "negative_slope")
    return lifter.emit(node, op, {key: alpha}, [lifter.tensor(node)])


@lifts("Selu")
def _selu(lifter: Lifter, node: Node) -> Held:
    given = node.attributes.get("alpha", 1.67326), node.attributes.get("gamma", 1.0507)
    _must_be(given, (1.6732632, 1.0507010), "selu")
    return lifter.emit(node, "selu", {}, [lifter.tensor(node)])


@lifts("HardSigmoid")
def _hard_sigmoid(lifter: Lifter, node: Node) -> Held:
    given = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    _must_be(given, (1 / 6, 0.5), "hardsigmoid, whose slope is 1/6")
    return lifter.emit(node, "hardsigmoid", {}, [lifter.tensor(node)])


def _must_be(given: Sequence[float], wanted: Sequence[float], nearest: str) -> None:
    if not all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(given, wanted, strict=True)):
        raise NoCounterpart(f"another slope: {nearest}")


@lifts("Gelu")
def _gelu(lifter: Lifter, node: Node) -> Held:
    arguments = {"approximate": node.attributes.get("approximate", "none")}
    return lifter.emit(node, "gelu", arguments, [lifter.tensor(node)])


@lifts("PRelu")
def _prelu(lifter: Lifter, node: Node) -> Held:
    x, slope = lifter.tensor(node), lifter.needed(node, 1)
    count = slope.array.size
    if count not in (1, x.sizes[0]) or (count > 1 and slope.array.shape[:1] != (count,)):
        raise NoCounterpart("slopes that are not one a channel: prelu")
    weights = {"weight": _vector(slope, count)}
    return lifter.emit(node, "prelu", {"num_parameters": count}, [x], weights)


@lifts("Clip")
def _clip(lifter: Lifter, node: Node) -> Any:
    ends = []
    for i, name in enumerate(("min", "max"), 1):
        array = lifter.array(node, i)
        given = node.attributes.get(name) if array is None else float(array.reshape(-1)[0])
        ends.append(None if given is None or abs(given) > 1e38 else _short(given))
    x = lifter.tensor(node)
    if ends == [None, None]:
        return x
    if ends in ([0, 6], [0, None]):
        return lifter.emit(node, "relu6" if ends[1] else "relu", {}, [x])
    arguments = {k: v for k, v in zip(("min", "max"), ends, strict=True) if v is not None}
    return lifter.emit(node, "clamp", arguments, [x])


@lifts("Softmax", "LogSoftmax")
def _softmax(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node)
    axis = node.attributes.get("axis", -1 if lifter.graph.opset >= 13 else 1)
    if lifter.graph.opset < 13 and axis % x.rank != x.rank - 1:
        raise NoCounterpart("a softmax over several dimensions: softmax")
    if axis % x.rank == 0 and x.has_batch:
        raise NoCounterpart("a softmax over the batch: softmax")
    op = "softmax" if node.op == "Softmax" else "log_softmax"
    dim = axis if axis < 0 else axis + x.shift
    return lifter.emit(node, op, {"dim": dim}, [x])
