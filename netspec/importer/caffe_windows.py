"""Caffe's convolutions, pools and products → steps."""

from __future__ import annotations

from typing import Any

from netspec.importer.caffe_build import Init, Site, blobs
from netspec.importer.flat import Read
from netspec.importer.prototxt import Message, refuse
from netspec.ops.window import every

_VARIANCE = ("FAN_IN", "FAN_OUT", "AVERAGE")


def convolution(site: Site) -> Read:
    return _convolution(site, "conv")


def deconvolution(site: Site) -> Read:
    return _convolution(site, "conv_transpose")


def depthwise(site: Site) -> Read:
    return _convolution(site, "conv", groups=site.shape()[0])


def _convolution(site: Site, op: str, groups: int = 1) -> Read:
    own, spatial = site.own, len(site.shape()) - 1
    if spatial not in (1, 2, 3) or own.integer("axis", 1) != 1:
        site.refuse(f"a convolution over {spatial} dimensions")
    bias = own.flag("bias_term", True)
    return site.add(
        f"{op}{spatial}d",
        out_channels=_count(site, own),
        kernel_size=_window(own, "kernel_size", spatial),
        stride=_window(own, "stride", spatial, 1),
        padding=_window(own, "pad", spatial, 0),
        dilation=_window(own, "dilation", spatial, 1),
        groups=own.integer("group", groups),
        bias=bias,
        fill=fill(own, bias),
        tensors=blobs(site.layer, *("weight", "bias")[: 1 + bias]),
    )


def _count(site: Site, own: Message) -> int:
    if not own.all("num_output"):
        site.refuse("it has no `num_output`")
    return own.integer("num_output", 0)


def _window(own: Message, key: str, spatial: int, default: int | None = None) -> Any:
    """Return one number, or one for each dimension where they differ."""
    stem = key.removesuffix("_size")
    sides = [own.integers(f"{stem}_{side}")[-1:] for side in "hw"]
    values = own.integers(key) or ([] if default is None else [default])
    if all(sides):
        values = [value for side in sides for value in side]
    elif any(sides):
        place = own.all(f"{stem}_h", f"{stem}_w")[0].span
        refuse(f"`{stem}_h` and `{stem}_w` go together", place)
    if not values:
        refuse(f"`{key}` is missing", own.span)
    if len(values) not in (1, spatial):
        refuse(f"`{key}` has {len(values)} numbers for {spatial} dimensions", own.span)
    return values[0] if len({*values}) == 1 else tuple(values)


def inner_product(site: Site) -> Read:
    own, read = site.own, site.reads[0]
    axis = own.integer("axis", 1)
    if own.flag("transpose", False):
        site.refuse("`transpose: true` keeps its weights the other way round")
    if len(site.shape()) > axis > 0:
        # Each of the last dimensions is one feature.
        read = site.add("flatten", suffix="_flat", start_dim=axis)
    elif axis != len(site.shape()):
        site.refuse(f"`axis: {axis}` on {len(site.shape()) + 1} dimensions")
    bias = own.flag("bias_term", True)
    return site.add(
        "linear",
        read,
        out_features=_count(site, own),
        bias=bias,
        fill=fill(own, bias),
        tensors=blobs(site.layer, *("weight", "bias")[: 1 + bias]),
    )


def pooling(site: Site) -> Read:
    """Caffe rounds sizes up, and counts the padding in means as PyTorch does."""
    own = site.own
    kind = own.word("pool", ("MAX", "AVE", "STOCHASTIC"), "MAX")
    if kind == "STOCHASTIC":
        site.refuse("no op pools at random")
    if own.flag("global_pooling", False):
        if kind == "MAX":
            return site.add("adaptive_max_pool2d", output_size=1)
        return site.add("global_avg_pool")
    rounding = own.word("round_mode", ("CEIL", "FLOOR"), "CEIL")
    ceil_mode = own.flag("ceil_mode", rounding == "CEIL")
    kernel, stride = _window(own, "kernel_size", 2), _window(own, "stride", 2, 1)
    padding = _window(own, "pad", 2, 0)
    if ceil_mode and len(site.shape()) == 3:
        _refuse_beyond(site, kernel, stride, padding)
    return site.add(
        "max_pool2d" if kind == "MAX" else "avg_pool2d",
        kernel_size=kernel,
        stride=None if stride == kernel else stride,
        padding=padding,
        ceil_mode=ceil_mode and stride != 1,
    )


def _refuse_beyond(site: Site, kernel: Any, stride: Any, padding: Any) -> None:
    """Refuse a pool whose last window lies beyond the map, where PyTorch has none."""
    sides = zip(site.shape()[1:], every(kernel, 2), every(stride, 2), strict=True)
    for size, k, s in sides:
        if not any(every(padding, 2)) and s and -(-(size - k) // s) * s >= size:
            site.refuse(f"a stride of {s} leads the kernel of {k} beyond the map of {size}")


# ------------------------------------------------------------------ how tensors are filled


def fill(own: Message, has_bias: bool) -> Init:
    """Return how weight and bias are filled; nothing if nothing is said of the weight."""
    if not own.all("weight_filler"):
        own.all("bias_filler")
        return {}
    found = {"weight": _filler(own.message("weight_filler"))}
    if has_bias:
        found["bias"] = _filler(own.message("bias_filler"))
    return {tensor: filler for tensor, filler in found.items() if filler}


def _filler(said: Message) -> dict[str, dict[str, Any]]:
    """Return a function of torch.nn.init with its arguments; none for a filler that it lacks."""
    variance = said.word("variance_norm", _VARIANCE, "FAN_IN")
    mode = {} if variance == "FAN_IN" else {"mode": "fan_out"}
    match said.text("type", "constant"):
        case "constant":
            value = said.number("value", 0)
            if value in (0, 1):
                return {"ones_" if value else "zeros_": {}}
            return {"constant_": {"val": value}}
        case "uniform":
            low, high = said.number("min", 0), said.number("max", 1)
            return {"uniform_": {"a": low, "b": high}}
        case "gaussian":
            mean, std = said.number("mean", 0), said.number("std", 1)
            return {"normal_": ({"mean": mean} if mean else {}) | {"std": std}}
        case "xavier" if variance == "AVERAGE":
            return {"xavier_uniform_": {}}
        case "xavier":
            return {"kaiming_uniform_": {**mode, "nonlinearity": "linear"}}
        case "msra" if variance == "AVERAGE":
            return {"xavier_normal_": {"gain": 2**0.5}}
        case "msra":
            return {"kaiming_normal_": {**mode, "nonlinearity": "relu"}}
    return {}
