"""Caffe's layer types → steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from netspec import limits
from netspec.importer.caffe_build import Init, Site, blobs
from netspec.importer.caffe_net import Layer
from netspec.importer.caffe_windows import (
    convolution,
    deconvolution,
    depthwise,
    inner_product,
    pooling,
)
from netspec.importer.flat import Read
from netspec.text.diagnostics import counted

Lift = Callable[[Site], "Read | tuple[Read, ...]"]


def _same(op: str) -> Lift:
    """Return the lift of a layer that is an op without arguments."""
    return lambda site: site.add(op)


# ------------------------------------------------------------------ element by element


def _relu(site: Site) -> Read:
    slope = site.own.number("negative_slope", 0)
    return site.add("leaky_relu", negative_slope=slope) if slope else site.add("relu")


def _prelu(site: Site) -> Read:
    filler = site.own.message("filler")
    if filler.text("type", "constant") != "constant":
        site.refuse("`prelu` starts at one number everywhere")
    start = filler.number("value", 0.25) if filler.fields else 0.25
    tensors = blobs(site.layer, "weight")
    count = 1 if site.own.flag("channel_shared", False) else site.shape()[0]
    return site.add("prelu", num_parameters=count, init=start, tensors=tensors)


def _elu(site: Site) -> Read:
    return site.add("elu", alpha=site.own.number("alpha", 1))


def _clip(site: Site) -> Read:
    return site.add("clamp", min=site.own.number("min", 0), max=site.own.number("max", 0))


def _dropout(site: Site) -> Read:
    return site.add("dropout", p=site.own.number("dropout_ratio", 0.5))


def _power(site: Site) -> Read:
    """(shift + scale * x) ** power, of which only what does something is a step."""
    own, found = site.own, site.reads[0]
    scale, shift, power = own.number("scale", 1), own.number("shift", 0), own.number("power", 1)
    if scale != 1:
        found = site.add("scale", found, factor=scale, suffix="_scale")
    if shift:
        found = _shifted(site, found, shift)
    if power != 1:
        found = site.add("pow", found, exponent=power, suffix="_pow")
    return found


def _shifted(site: Site, read: Read, shift: float) -> Read:
    value: Any = shift
    for _ in site.shape():
        value = (value,)
    number = site.add("constant", value=value, suffix="_by")
    return site.add("add", read, number, suffix="_shift")


def _exp(site: Site) -> Read:
    own = site.own
    if (own.number("base", -1), own.number("scale", 1), own.number("shift", 0)) != (-1, 1, 0):
        site.refuse("only e to the power of the input is known")
    return site.add("exp")


# ------------------------------------------------------------------ normalisation


def _lrn(site: Site) -> Read:
    """PyTorch divides alpha by the size as Caffe does."""
    own = site.own
    size, alpha = own.integer("local_size", 5), own.number("alpha", 1)
    beta, k = own.number("beta", 0.75), own.number("k", 1)
    region = own.word("norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL"), "ACROSS_CHANNELS")
    if region == "ACROSS_CHANNELS":
        return site.add("local_response_norm", size=size, alpha=alpha, beta=beta, k=k)
    square = site.add("pow", exponent=2.0, suffix="_square")
    mean = site.add(
        "avg_pool2d", square, kernel_size=size, stride=1, padding=size // 2, suffix="_mean"
    )
    scaled = site.add("scale", mean, factor=alpha, suffix="_alpha")
    root = site.add("pow", _shifted(site, scaled, 1.0), exponent=-beta, suffix="_pow")
    return site.add("mul", site.reads[0], root)


def _batch_norm(site: Site) -> Read:
    """A normalisation, with the scale and shift of the layer behind it if that has both."""
    own, rank = site.own, len(site.shape())
    if rank not in (1, 3):
        site.refuse(f"a batch normalisation of {rank} dimensions")
    own.flag("use_global_stats", True)
    fraction = own.number("moving_average_fraction", 0.999)
    tensors = blobs(site.scale, "weight", "bias") if site.scale else {}
    return site.add(
        "batch_norm2d" if rank == 3 else "batch_norm1d",
        eps=own.number("eps", 1e-5),
        momentum=round(1 - fraction, 9),
        affine=site.scale is not None,
        fill=_scale_starts(site.scale) if site.scale else {},
        tensors=tensors | blobs(site.layer, "running_mean", "running_var"),
    )


def _scale_starts(scale: Layer) -> Init:
    """Return how the weights of a scale and shift are filled."""
    first, second = (scale.parameters.message(x) for x in ("filler", "bias_filler"))
    return {
        **_started("weight", first.number("value", 1), 1),
        **_started("bias", second.number("value", 0), 0),
    }


def _scale(site: Site) -> Read:
    """A product with a second input, or with a learnt number for each channel; then a sum."""
    own = site.own
    if len(site.reads) == 2:
        found = site.add("mul", site.reads[0], _beside(site))
    else:
        found = _learnt(site, "mul", "weight", site.reads[0])
    return _learnt(site, "add", "bias", found) if own.flag("bias_term", False) else found


def _bias(site: Site) -> Read:
    if len(site.reads) == 2:
        return site.add("add", site.reads[0], _beside(site))
    return _learnt(site, "add", "bias", site.reads[0])


def _learnt(site: Site, op: str, name: str, read: Read) -> Read:
    """Combine what stands there with one learnt number for each channel."""
    own, shape = site.own, site.shape()
    if own.integer("axis", 1) != 1 or own.integer("num_axes", 1) != 1:
        site.refuse("only one number for each channel is known")
    said = own.message("filler" if name == "weight" or site.layer.type == "bias" else "bias_filler")
    start = said.number("value", float(name == "weight"))
    is_second = name == "bias" and site.layer.type == "scale" and len(site.reads) == 1
    tensor = site.add(
        "parameter",
        size=(shape[0], *(1 for _ in shape[1:])),
        fill=_started("", start, 0),
        suffix=f"_{name}",
        tensors=blobs(site.layer, "", first=int(is_second)),
    )
    return site.add(op, read, tensor, suffix="" if op == "mul" else "_sum")


def _started(tensor: str, start: float, default: float) -> Init:
    """Return how a tensor of one number is filled, unless it is so anyway."""
    return {} if start == default else {tensor: {"constant_": {"val": start}}}


def _beside(site: Site) -> Read:
    """Return the second input with the dimensions of the first one."""
    axis = site.own.integer("axis", 1)
    first, second = site.shape(), site.shape(1)
    before = max(axis - 1, 0)
    size = (*(1 for _ in range(before)), *second)
    size = (*size, *(1 for _ in first[len(size) :]))
    return (
        site.reads[1]
        if size == second
        else site.add("reshape", site.reads[1], size=size, suffix="_view")
    )


def _axpy(site: Site) -> Read:
    """Squeeze-and-excitation's a * x + y."""
    return site.add("add", site.add("mul", *site.reads[:2], suffix="_mul"), site.reads[2])


# ------------------------------------------------------------------ shapes


def _axis(site: Site, default: int = 1, key: str = "axis") -> int:
    """Return a dimension as it counts with the batch."""
    axis = site.own.integer(key, default)
    return axis + len(site.shape()) + 1 if axis < 0 else axis


def _concat(site: Site) -> Read:
    axis = _axis(site, site.own.integer("concat_dim", 1))
    return site.add("concat", *site.reads, dim=axis) if site.reads[1:] else site.reads[0]


def _slice(site: Site) -> tuple[Read, ...]:
    own = site.own
    axis = _axis(site, own.integer("slice_dim", 1))
    points, count = own.integers("slice_point"), len(site.layer.tops)
    if not 1 <= axis <= len(site.shape()):
        site.refuse(f"it cuts dimension {axis}, the batch or none")
    if count == 1 and not points:
        return site.reads
    if points and len(points) + 1 != count:
        site.refuse(f"{counted(len(points), 'slice_point')} for {counted(count, 'output')}")
    size = site.shape()[axis - 1]
    if points:
        edges = [0, *points, size]
        found = site.add(
            "split", split_size_or_sections=tuple(b - a for a, b in pairwise(edges)), dim=axis
        )
    else:
        found = site.add("chunk", chunks=count, dim=axis)
    return tuple(Read(found.path, str(i)) for i in range(count))


def _eltwise(site: Site) -> Read:
    own, reads = site.own, site.reads
    kind = own.word("operation", ("PROD", "SUM", "MAX"), "SUM")
    if kind == "MAX" or not reads[1:]:
        site.refuse("no op keeps the largest of several inputs")
    if kind == "PROD":
        return site.add("mul", *reads)
    factors = own.numbers("coeff") or [1.0] * len(reads)
    if len(factors) != len(reads):
        site.refuse(f"{len(factors)} coefficients for {len(reads)} inputs")
    if factors == [1, -1]:
        return site.add("sub", *reads)
    scaled = (
        read if factor == 1 else site.add("scale", read, factor=factor, suffix="_scale")
        for read, factor in zip(reads, factors, strict=True)
    )
    return site.add("add", *scaled)


def _flatten(site: Site) -> Read:
    return site.add("flatten", start_dim=_axis(site), end_dim=site.own.integer("end_axis", -1))


def _reshape(site: Site) -> Read:
    own = site.own
    dims = own.message("shape").integers("dim")
    axis, count = _axis(site, 0), own.integer("num_axes", -1)
    old = (0, *site.shape())
    end = len(old) if count == -1 else axis + count
    inside = [
        old[axis + i] if dim == 0 and axis + i < len(old) else dim for i, dim in enumerate(dims)
    ]
    size = (*old[:axis], *inside, *old[end:])
    if not size or size[0] not in (0, -1) or (size[0] == -1 and -1 in size[1:]):
        site.refuse("it changes the batch")
    return site.add("reshape", size=tuple(size[1:]))


def _permute(site: Site) -> Read:
    order = site.own.integers("order")
    rest = [dim for dim in range(len(site.shape()) + 1) if dim not in order]
    return site.add("permute", dims=(*order, *rest))


def _softmax(site: Site) -> Read:
    return site.add("softmax", dim=_axis(site))


def _crop(site: Site) -> Read:
    """Keep a part of the size of the second input, from an offset on."""
    found, first = site.reads[0], _axis(site, 2)
    offsets = site.own.integers("offset") or [0]
    if not first or len(site.shape()) != len(site.shape(1)):
        site.refuse("it crops the batch, or inputs of other dimensions")
    for dim in range(first, len(site.shape()) + 1):
        start = offsets[min(dim - first, len(offsets) - 1)]
        length = site.shape(1)[dim - 1]
        if site.shape()[dim - 1] != length:
            suffix = f"_{dim}" if dim < len(site.shape()) else ""
            found = site.add("narrow", found, dim=dim, start=start, length=length, suffix=suffix)
    return found


def _interp(site: Site) -> Read:
    if len(site.shape()) != 3:
        site.refuse("what it resizes is no image")
    own, (_, height, width) = site.own, site.shape()
    factor, shrink = own.integer("zoom_factor", 1), own.integer("shrink_factor", 1)
    sizes = [(side - 1) // max(shrink, 1) + 1 for side in (height, width)]
    sizes = [side + (side - 1) * (factor - 1) for side in sizes]
    if own.all("height", "width"):
        sizes = [own.integer("height", 0), own.integer("width", 0)]
    if own.integer("pad_beg", 0) or own.integer("pad_end", 0):
        site.refuse("an interpolation that crops")
    return site.add("interpolate", size=tuple(sizes), mode="bilinear", align_corners=True)


def _shuffle(site: Site) -> Read:
    return site.add("channel_shuffle", groups=site.own.integer("group", 1))


def _upsample(site: Site) -> Read:
    return site.add("interpolate", scale_factor=site.own.number("scale", 2))


LIFTS: Mapping[str, Lift] = {
    "Convolution": convolution,
    "Deconvolution": deconvolution,
    "DepthwiseConvolution": depthwise,
    "ConvolutionDepthwise": depthwise,
    "InnerProduct": inner_product,
    "Pooling": pooling,
    "ReLU": _relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Clip": _clip,
    "ReLU6": _same("relu6"),
    "Sigmoid": _same("sigmoid"),
    "TanH": _same("tanh"),
    "BNLL": _same("softplus"),
    "Swish": _same("silu"),
    "Mish": _same("mish"),
    "Exp": _exp,
    "Power": _power,
    "Dropout": _dropout,
    "LRN": _lrn,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "Bias": _bias,
    "Axpy": _axpy,
    "Concat": _concat,
    "Slice": _slice,
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "Softmax": _softmax,
    "Crop": _crop,
    "Interp": _interp,
    "Upsample": _upsample,
    "ShuffleChannel": _shuffle,
}
"""By Caffe's name; what is left out has no op."""
_INPUTS = {
    "Scale": (1, 2),
    "Bias": (1, 2),
    "Axpy": (3, 3),
    "Crop": (2, 2),
    "Concat": (1, limits.CONNECTIONS),
    "Eltwise": (2, limits.CONNECTIONS),
}
"""How many inputs a layer has at least and at most, where that is not one."""
_LIFTS = {name.lower(): (name, lift) for name, lift in LIFTS.items()}


def is_known(layer: Layer) -> bool:
    """Tell whether there is an op for layers of its type."""
    return layer.type in _LIFTS


def lifted(site: Site) -> tuple[Read, ...]:
    """Return what a layer's steps give. Raises SpecError for what no op does."""
    name, lift = _LIFTS[site.layer.type]
    least, most = _INPUTS.get(name, (1, 1))
    if not least <= len(site.reads) <= most:
        wanted = f"{least} to {most}" if most > least else str(least)
        site.refuse(f"{name} with {counted(len(site.reads), 'input')}, expected {wanted}")
    found = lift(site)
    given = (found,) if isinstance(found, Read) else found
    if len(site.layer.tops) != len(given):
        site.refuse(f"{name} with {counted(len(site.layer.tops), 'output')}, expected {len(given)}")
    return given
