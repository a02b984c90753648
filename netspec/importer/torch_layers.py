"""Lifts of what has weights, of activations, pooling and noise: calls that are one op each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.importer.lifting import Held, NoCounterpart, one
from netspec.importer.torch_alias import name_of
from netspec.importer.torch_lift import Lifter, Weight, lifts

if TYPE_CHECKING:
    from torch.fx import Node


def _weight(lifter: Lifter, node: Node, place: int, name: str = "weight") -> Weight | None:
    """Return a weight that a call takes, None for none."""
    found = lifter.argument(node, place, name)
    if found is not None and not isinstance(found, Weight):
        raise NoCounterpart("weights that are computed")
    return found


@lifts("conv1d", "conv2d", "conv3d")
def _conv(lifter: Lifter, node: Node) -> Held:
    weight, bias = _weight(lifter, node, 1), _weight(lifter, node, 2, "bias")
    assert weight is not None
    padding = lifter.argument(node, 4, "padding", 0)
    arguments = {
        "out_channels": weight.sizes[0],
        "kernel_size": one(weight.sizes[2:]),
        "stride": one(lifter.argument(node, 3, "stride", 1)),
        "padding": padding if isinstance(padding, str) else one(padding),
        "dilation": one(lifter.argument(node, 5, "dilation", 1)),
        "groups": lifter.argument(node, 6, "groups", 1),
        "bias": bias is not None,
    }
    tensors = {"weight": weight, "bias": bias}
    return lifter.emit(node, name_of(node), arguments, [lifter.tensor(node, 0)], tensors)


@lifts("linear")
def _linear(lifter: Lifter, node: Node) -> Held:
    weight, bias = _weight(lifter, node, 1), _weight(lifter, node, 2, "bias")
    assert weight is not None
    arguments = {"out_features": weight.sizes[0], "bias": bias is not None}
    tensors = {"weight": weight, "bias": bias}
    return lifter.emit(node, "linear", arguments, [lifter.tensor(node, 0)], tensors)


@lifts("batch_norm")
def _batch_norm(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node, 0)
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = {name: _weight(lifter, node, 1 + i, name) for i, name in enumerate(names)}
    if any(tensor is None for tensor in tensors.values()):
        raise NoCounterpart("batch_norm2d, which has weights and counts")
    op = {1: "batch_norm1d", 2: "batch_norm1d", 3: "batch_norm2d"}.get(len(x.sizes))
    if op is None or x.shift:
        raise NoCounterpart("batch_norm2d")
    arguments = {"eps": lifter.argument(node, 7), "momentum": lifter.argument(node, 6)}
    return lifter.emit(node, op, arguments, [x], tensors)


@lifts("layer_norm")
def _layer_norm(lifter: Lifter, node: Node) -> Held:
    x, sizes = lifter.tensor(node, 0), lifter.argument(node, 1)
    tensors = {"weight": _weight(lifter, node, 2), "bias": _weight(lifter, node, 3, "bias")}
    arguments: dict[str, Any] = {"eps": lifter.argument(node, 4, "eps", 1e-5)}
    if len(sizes) > 1:
        arguments["normalized_shape"] = tuple(sizes)
    if tensors["weight"] is None:
        arguments["elementwise_affine"] = False
    elif tensors["bias"] is None:
        arguments["bias"] = False
    return lifter.emit(node, "layer_norm", arguments, [x], tensors)


@lifts("group_norm")
def _group_norm(lifter: Lifter, node: Node) -> Held:
    tensors = {"weight": _weight(lifter, node, 2), "bias": _weight(lifter, node, 3, "bias")}
    arguments: dict[str, Any] = {
        "num_groups": lifter.argument(node, 1),
        "eps": lifter.argument(node, 4, "eps", 1e-5),
    }
    if tensors["weight"] is None:
        arguments["affine"] = False
    return lifter.emit(node, "group_norm", arguments, [lifter.tensor(node, 0)], tensors)


_PLAIN = ("relu", "relu6", "sigmoid", "tanh", "silu", "mish", "hardswish", "hardsigmoid", "selu")


@lifts(*_PLAIN, "exp", "neg")
def _activation(lifter: Lifter, node: Node) -> Held:
    return lifter.emit(node, name_of(node), {}, [lifter.tensor(node, 0)])


@lifts("gelu")
def _gelu(lifter: Lifter, node: Node) -> Held:
    arguments = {"approximate": lifter.argument(node, 1, "approximate", "none")}
    return lifter.emit(node, "gelu", arguments, [lifter.tensor(node, 0)])


@lifts("hardtanh")
def _hardtanh(lifter: Lifter, node: Node) -> Held:
    low = lifter.argument(node, 1, "min_val", -1.0)
    high = lifter.argument(node, 2, "max_val", 1.0)
    x = lifter.tensor(node, 0)
    if (low, high) == (0, 6):
        return lifter.emit(node, "relu6", {}, [x])
    return lifter.emit(node, "clamp", {"min": float(low), "max": float(high)}, [x])


@lifts("leaky_relu")
def _leaky_relu(lifter: Lifter, node: Node) -> Held:
    arguments = {"negative_slope": float(lifter.argument(node, 1, "negative_slope", 0.01))}
    return lifter.emit(node, "leaky_relu", arguments, [lifter.tensor(node, 0)])


@lifts("elu")
def _elu(lifter: Lifter, node: Node) -> Held:
    arguments = {"alpha": float(lifter.argument(node, 1, "alpha", 1.0))}
    return lifter.emit(node, "elu", arguments, [lifter.tensor(node, 0)])


@lifts("softmax", "log_softmax")
def _softmax(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node, 0)
    dim = along(x, lifter.argument(node, 1, "dim"))
    return lifter.emit(node, name_of(node), {"dim": dim}, [x])


def along(x: Held, dim: int) -> int:
    """Return netspec's number of a dimension of PyTorch's; one from the end stays that."""
    return dim if dim < 0 and -dim < x.rank else dim % x.rank + x.shift


@lifts("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(lifter: Lifter, node: Node) -> Held:
    kernel = one(lifter.argument(node, 1))
    arguments = {
        "kernel_size": kernel,
        "stride": _stride(lifter, node, kernel),
        "padding": one(lifter.argument(node, 3, "padding", 0)),
        "dilation": one(lifter.argument(node, 4, "dilation", 1)),
        "ceil_mode": lifter.argument(node, 5, "ceil_mode", False),
    }
    return lifter.emit(node, name_of(node), arguments, [lifter.tensor(node, 0)])


@lifts("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(lifter: Lifter, node: Node) -> Held:
    kernel = one(lifter.argument(node, 1))
    arguments = {
        "kernel_size": kernel,
        "stride": _stride(lifter, node, kernel),
        "padding": one(lifter.argument(node, 3, "padding", 0)),
        "ceil_mode": lifter.argument(node, 4, "ceil_mode", False),
        "count_include_pad": lifter.argument(node, 5, "count_include_pad", True),
    }
    if lifter.argument(node, 6, "divisor_override") is not None:
        raise NoCounterpart("avg_pool2d without divisor_override")
    return lifter.emit(node, name_of(node), arguments, [lifter.tensor(node, 0)])


def _stride(lifter: Lifter, node: Node, kernel: Any) -> Any:
    """Return a pooling's stride, None where it is the kernel's size."""
    stride = one(lifter.argument(node, 2, "stride", []))
    return None if stride in ((), kernel) else stride


@lifts("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d")
def _adaptive_pool(lifter: Lifter, node: Node) -> Held:
    arguments = {"output_size": one(lifter.argument(node, 1))}
    return lifter.emit(node, name_of(node), arguments, [lifter.tensor(node, 0)])


@lifts("upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d")
def _upsample(lifter: Lifter, node: Node) -> Held:
    mode = name_of(node).removeprefix("upsample_").removesuffix("2d")
    sizes = lifter.argument(node, 1, "output_size")
    aligns = None if mode == "nearest" else bool(lifter.argument(node, 2, "align_corners"))
    factors = lifter.argument(node, 2 if mode == "nearest" else 3, "scale_factors")
    arguments: dict[str, Any] = {"size": tuple(sizes)} if sizes else {"scale_factor": one(factors)}
    arguments |= {"mode": mode} | ({"align_corners": aligns} if aligns is not None else {})
    return lifter.emit(node, "interpolate", arguments, [lifter.tensor(node, 0)])


@lifts("mean")
def _mean(lifter: Lifter, node: Node) -> Held:
    x = lifter.tensor(node, 0)
    dims = tuple(along(x, dim) for dim in lifter.argument(node, 1, "dim"))
    arguments = {"dim": one(dims) if len(dims) == 1 else dims}
    arguments["keepdim"] = lifter.argument(node, 2, "keepdim", False)
    return lifter.emit(node, "mean", arguments, [x])


@lifts("dropout", "feature_dropout", "alpha_dropout")
def _dropout(lifter: Lifter, node: Node) -> Held:
    op = {"feature_dropout": "dropout2d"}.get(name_of(node), name_of(node))
    arguments = {"p": float(lifter.argument(node, 1))}
    return lifter.emit(node, op, arguments, [lifter.tensor(node, 0)])


@lifts("embedding")
def _embedding(lifter: Lifter, node: Node) -> Held:
    weight = lifter.argument(node, 0)
    if not isinstance(weight, Weight):
        raise NoCounterpart("embedding")
    arguments = {"num_embeddings": weight.sizes[0], "embedding_dim": weight.sizes[1]}
    tensors = {"weight": weight}
    return lifter.emit(node, "embedding", arguments, [lifter.tensor(node, 1)], tensors)
