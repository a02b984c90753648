"""One row per op: how its settings are drawn, and what netspec refuses on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from netspec.ops.base import REGISTRY
from netspec.ops.dim import Shape
from tests import test_ops_draws as draw
from tests.test_ops_draws import Arguments, Setting


def _nothing(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    return False


@dataclass(frozen=True)
class Row:
    """How settings of an op are drawn.

    `stricter` tells where netspec refuses what PyTorch accepts; `refuses`, whether anything can be
    refused at all. `left_out` are arguments of PyTorch's that no spec can give, `own_defaults`
    those with a default of ours; some functions have no signature that can be asked.
    """

    draw: Callable[[Random], Setting]
    refuses: bool = True
    stricter: Callable[[Arguments, tuple[Shape, ...]], bool] = _nothing
    left_out: tuple[str, ...] = ()
    own_defaults: tuple[str, ...] = ()
    has_signature: bool = True


def ranks_differ(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch aligns the last dimensions: one input's batch could meet another's channels."""
    return len({len(x) for x in shapes}) > 1


def no_map(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """A convolution takes an image without a batch for a batch without channels."""
    return len(shapes[0]) != 3


def softmax_over_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    rank = len(shapes[0]) + 1
    dim = arguments.get("dim", 1)
    return -rank <= dim < rank and dim % rank == 0


def folds_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """`start_dim: 0` may leave the batch alone by chance."""
    rank = len(shapes[0]) + 1
    return arguments.get("start_dim", 1) in (0, -rank)


def concat_over_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """One input alone keeps its batch."""
    return len(shapes) == 1 and softmax_over_batch(arguments, shapes)


def more_dimensions(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch's 2-D average pool takes the mean over the last two of any number of dimensions."""
    return len(shapes[0]) > 3


def five_dimensions(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    return len(shapes[0]) > 4


def odd_pads(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch pads the batch too, and with some modes crops more than there is, to nonsense."""
    pad = arguments["pad"]
    cropped = zip(shapes[0][::-1], pad[::2], pad[1::2], strict=False)
    return len(pad) > 2 * len(shapes[0]) or any(
        size + min(before, 0) + min(after, 0) < 0 for size, before, after in cropped
    )


def mean_of_everything(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """A shape has at least one dimension in a spec."""
    axes = arguments["dim"] if isinstance(arguments["dim"], tuple) else (arguments["dim"],)
    rank = len(shapes[0]) + 1
    return {axis % rank for axis in axes} == set(range(1, rank)) and not arguments.get("keepdim")


def narrow_of_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """All of the batch may be kept by chance."""
    return bool(arguments["dim"] % (len(shapes[0]) + 1) == 0)


def roll_of_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    dims = arguments["dims"] if isinstance(arguments["dims"], tuple) else (arguments["dims"],)
    return any(dim % (len(shapes[0]) + 1) == 0 for dim in dims)


def wrong_count(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch counts the elements itself; only one of the batch has its size by chance."""
    rank = len(shapes[0]) + 1
    axis = arguments["dim"] % rank - 1
    return -rank <= arguments["dim"] < rank and (
        axis < 0 or shapes[0][axis] != len(arguments["names"])
    )


def empty_piece(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    return 0 in arguments["split_size_or_sections"]


def odd_chunks(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch makes the last piece smaller, or fewer pieces."""
    axis = arguments.get("dim", 1) % (len(shapes[0]) + 1)
    size = shapes[0][axis - 1] if axis else 0
    chunks = arguments["chunks"]
    return bool(chunks == 1 or (chunks > 1 and size % chunks))


def glu_over_batch(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    return softmax_over_batch({"dim": arguments.get("dim", -1)}, shapes)


def batch_meets_rows(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch aligns the last dimensions, and takes a vector for a row or a column."""
    return ranks_differ(arguments, shapes) or len(shapes[0]) < 2


def odd_attention(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch has kernels that drop a mask or read beyond the values."""
    has_mask = len(shapes) == 4
    is_odd = arguments.get("is_causal") or shapes[0][:-2] != shapes[-1][:-2]
    lengths = {x[-2] for x in shapes[1:3]}
    return batch_meets_rows(arguments, shapes) or bool((has_mask and is_odd) or len(lengths) > 1)


def crop_beyond(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """A slice of more than there is gives what there is."""
    size = arguments.get("size")
    wanted = size if isinstance(size, tuple) else (size, size)
    return size is not None and any(n > m for n, m in zip(wanted, shapes[0][1:], strict=True))


def size_twice(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """Where a second map gives the size, an argument says nothing."""
    given = [arguments.get(key) for key in ("size", "scale_factor")]
    return len(shapes) > 1 and any(value is not None for value in given)


def two_gaps(arguments: Arguments, shapes: tuple[Shape, ...]) -> bool:
    """PyTorch never sees the -1 of a spec, but the size that it stands for."""
    return bool(arguments["size"].count(-1) > 1)


EMBEDDING = ("max_norm", "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze")

TABLE: dict[str, Row] = {
    "adaptive_avg_pool1d": Row(draw.adaptive_pool(1)),
    "adaptive_avg_pool2d": Row(draw.adaptive_pool(2), stricter=more_dimensions),
    "adaptive_max_pool2d": Row(draw.adaptive_pool(2), left_out=("return_indices",)),
    "adaptive_avg_pool3d": Row(draw.adaptive_pool(3), stricter=five_dimensions),
    "adaptive_max_pool1d": Row(draw.adaptive_pool(1), left_out=("return_indices",)),
    "adaptive_max_pool3d": Row(draw.adaptive_pool(3), left_out=("return_indices",)),
    "add": Row(draw.elementwise, stricter=ranks_differ, has_signature=False),
    "alpha_dropout": Row(draw.dropout(None)),
    "avg_pool1d": Row(draw.pool(1, dilation=False)),
    "avg_pool2d": Row(draw.pool(2, dilation=False)),
    "avg_pool3d": Row(draw.pool(3, dilation=False)),
    "band_response_norm": Row(draw.band_lrn, stricter=no_map),
    "batch_norm1d": Row(draw.batch_norm(2)),
    "batch_norm2d": Row(draw.batch_norm(3)),
    "center_crop": Row(draw.center_crop, stricter=crop_beyond, has_signature=False),
    "channel_shuffle": Row(draw.shuffle("groups")),
    "chunk": Row(draw.chunk, stricter=odd_chunks, has_signature=False),
    "clamp": Row(draw.clamp, has_signature=False),
    "concat": Row(draw.concat, stricter=concat_over_batch, has_signature=False),
    "conv1d": Row(draw.conv(1)),
    "conv2d": Row(draw.conv(2)),
    "conv3d": Row(draw.conv(3)),
    "conv_transpose1d": Row(draw.conv_transpose(1), left_out=("padding_mode",)),
    "conv_transpose2d": Row(draw.conv_transpose(2), left_out=("padding_mode",)),
    "div": Row(draw.two, stricter=ranks_differ, has_signature=False),
    "dropout": Row(draw.dropout(None)),
    "dropout2d": Row(draw.dropout(3)),
    "elu": Row(draw.plain("alpha", "inplace"), refuses=False),
    "embedding": Row(draw.embedding, left_out=EMBEDDING),
    "exp": Row(draw.plain(), refuses=False, has_signature=False),
    "expand": Row(draw.expand, stricter=two_gaps, has_signature=False),
    "flatten": Row(draw.flatten, stricter=folds_batch),
    "gather": Row(draw.gather, stricter=softmax_over_batch, has_signature=False),
    "gelu": Row(draw.gelu),
    "glu": Row(draw.along_axis, stricter=glu_over_batch),
    "global_avg_pool": Row(draw.global_pool, stricter=more_dimensions, left_out=("output_size",)),
    "group_norm": Row(draw.group_norm),
    "hardsigmoid": Row(draw.plain("inplace"), refuses=False),
    "hardswish": Row(draw.plain("inplace"), refuses=False),
    "identity": Row(draw.plain(), refuses=False),
    "instance_norm2d": Row(draw.batch_norm(3)),
    "interpolate": Row(draw.interpolate, stricter=size_twice, left_out=("recompute_scale_factor",)),
    "layer_norm": Row(draw.layer_norm, own_defaults=("normalized_shape",)),
    "layer_norm2d": Row(draw.layer_norm2d),
    "leaky_relu": Row(draw.plain("negative_slope", "inplace"), refuses=False),
    "linear": Row(draw.linear),
    "local_response_norm": Row(draw.lrn),
    "log_softmax": Row(draw.along_axis, stricter=softmax_over_batch, own_defaults=("dim",)),
    "matmul": Row(draw.matmul, stricter=batch_meets_rows, has_signature=False),
    "max_pool1d": Row(draw.pool(1, dilation=True), left_out=("return_indices",)),
    "max_pool2d": Row(draw.pool(2, dilation=True), left_out=("return_indices",)),
    "max_pool3d": Row(draw.pool(3, dilation=True), left_out=("return_indices",)),
    "mean": Row(draw.mean, stricter=mean_of_everything, has_signature=False),
    "mish": Row(draw.plain("inplace"), refuses=False),
    "mul": Row(draw.elementwise, stricter=ranks_differ, has_signature=False),
    "multihead_attention": Row(draw.multihead_attention, left_out=("kdim", "vdim", "batch_first")),
    "narrow": Row(draw.narrow, stricter=narrow_of_batch, has_signature=False),
    "neg": Row(draw.plain(), refuses=False, has_signature=False),
    "normalize": Row(draw.normalize, stricter=softmax_over_batch, left_out=("out",)),
    "pad": Row(draw.pad, stricter=odd_pads),
    "permute": Row(draw.permute, has_signature=False),
    "pixel_shuffle": Row(draw.shuffle("upscale_factor")),
    "pixel_unshuffle": Row(draw.shuffle("downscale_factor")),
    "pow": Row(draw.power, refuses=False, has_signature=False),
    "prelu": Row(draw.prelu),
    "relu": Row(draw.plain("inplace"), refuses=False),
    "relu6": Row(draw.plain("inplace"), refuses=False),
    "reshape": Row(draw.reshape, stricter=two_gaps, has_signature=False),
    "rms_norm": Row(draw.rms_norm, own_defaults=("normalized_shape",)),
    "roll": Row(draw.roll, stricter=roll_of_batch, has_signature=False),
    "scale": Row(draw.scale, refuses=False, has_signature=False),
    "scaled_dot_product_attention": Row(
        draw.attention, stricter=odd_attention, has_signature=False
    ),
    "select": Row(draw.select, stricter=narrow_of_batch, has_signature=False),
    "selu": Row(draw.plain("inplace"), refuses=False),
    "sigmoid": Row(draw.plain(), refuses=False),
    "silu": Row(draw.plain("inplace"), refuses=False),
    "softmax": Row(draw.along_axis, stricter=softmax_over_batch, own_defaults=("dim",)),
    "softplus": Row(draw.plain("beta", "threshold"), refuses=False),
    "split": Row(draw.split, stricter=empty_piece, own_defaults=("dim",)),
    "stack": Row(draw.stack, stricter=softmax_over_batch, has_signature=False),
    "stochastic_depth": Row(draw.stochastic_depth),
    "sub": Row(draw.two, stricter=ranks_differ, has_signature=False),
    "tanh": Row(draw.plain(), refuses=False),
    "unbind": Row(draw.unbind, stricter=wrong_count, has_signature=False),
}


def test_every_op_has_a_row() -> None:
    assert sorted(TABLE) == sorted(name for name, cls in REGISTRY.items() if cls.reads[0])
