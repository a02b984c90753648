"""Random settings of ops, (arguments, input shapes): near the edge of what PyTorch refuses."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from netspec.ops.dim import Shape

Arguments = dict[str, Any]
Setting = tuple[Arguments, tuple[Shape, ...]]


def sizes(r: Random, count: int, most: int = 8) -> Shape:
    return tuple(r.randint(1, most) for _ in range(count))


def shape(r: Random, least: int, most: int, largest: int = 6) -> Shape:
    return sizes(r, r.randint(least, most), largest)


def every(r: Random, count: int, low: int, high: int) -> Any:
    """Draw one number, or one for each of `count` dimensions."""
    if count == 1 or r.random() < 0.5:
        return r.randint(low, high)
    return tuple(r.randint(low, high) for _ in range(count))


def some(r: Random, **choices: Callable[[], Any]) -> Arguments:
    """Draw each argument, or leave it out, so that defaults are tested too."""
    return {key: draw() for key, draw in choices.items() if r.random() < 0.6}


def flag(r: Random) -> Callable[[], bool]:
    return lambda: r.random() < 0.5


def real(r: Random, low: float, high: float) -> Callable[[], float]:
    return lambda: r.choice([low, high, r.uniform(low, high)])


# ------------------------------------------------------------------ convolutions and pools


def conv(spatial: int) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        channels = r.choice([1, 2, 3, 4, 4, 6])
        arguments = some(
            r,
            stride=lambda: every(r, spatial, 1 - (r.random() < 0.05), 3),
            padding=lambda: r.choice(["same", "valid", *(every(r, spatial, 0, 3),) * 5]),
            dilation=lambda: every(r, spatial, 1, 3),
            groups=lambda: r.choice([1, 2, channels]),
            bias=flag(r),
            padding_mode=lambda: r.choice(["zeros", "reflect", "replicate", "circular"]),
        )
        required = {"out_channels": r.choice([2, 4, 6, 12]), "kernel_size": every(r, spatial, 1, 4)}
        return required | arguments, ((channels, *sizes(r, _rank(r, spatial))),)

    return draw


def _rank(r: Random, spatial: int) -> int:
    """Draw a number of spatial dimensions, seldom a wrong one.

    Never one too few, because PyTorch reads that as a single image without a batch.
    """
    return spatial + 1 if r.random() < 0.03 else spatial


def conv_transpose(spatial: int) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        channels = r.choice([1, 2, 3, 4, 4, 6])
        arguments = some(
            r,
            stride=lambda: every(r, spatial, 1, 3),
            padding=lambda: every(r, spatial, 0, 3),
            output_padding=lambda: every(r, spatial, 0, 2),
            groups=lambda: r.choice([1, 1, 2, channels]),
            bias=flag(r),
            dilation=lambda: every(r, spatial, 1, 3),
        )
        kernel = every(r, spatial, 1, 4)
        required = {"out_channels": r.choice([2, 4, 6, 12]), "kernel_size": kernel}
        return required | arguments, ((channels, *sizes(r, _rank(r, spatial), 5)),)

    return draw


def pool(spatial: int, dilation: bool) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        arguments = some(
            r,
            stride=lambda: r.choice([None, every(r, spatial, 1 - (r.random() < 0.05), 4)]),
            padding=lambda: every(r, spatial, 0, 2),
            ceil_mode=flag(r),
            **({"dilation": lambda: every(r, spatial, 1, 3)} if dilation else {}),
            **({} if dilation else {"count_include_pad": flag(r)}),
            **({} if dilation or spatial == 1 else {"divisor_override": lambda: r.randint(0, 3)}),
        )
        kernel = {"kernel_size": every(r, spatial, 1, 5)}
        return kernel | arguments, ((r.randint(1, 3), *sizes(r, _rank(r, spatial), 9)),)

    return draw


def adaptive_pool(spatial: int) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        size = every(r, spatial, 0, 5)
        if isinstance(size, tuple):
            size = tuple(None if r.random() < 0.3 else one for one in size)
        size = None if r.random() < 0.1 else size
        return {"output_size": size}, ((r.randint(1, 3), *sizes(r, _rank(r, spatial))),)

    return draw


def global_pool(r: Random) -> Setting:
    return {}, ((r.randint(1, 3), *sizes(r, r.choice([0, 2, 2, 2, 3]))),)


# ------------------------------------------------------------------ element by element


def plain(*choices: str) -> Callable[[Random], Setting]:
    """Draw settings of an op that takes any shape and refuses nothing."""

    def draw(r: Random) -> Setting:
        known = {
            "inplace": flag(r),
            "negative_slope": real(r, -1, 1),
            "alpha": real(r, -1, 2),
            "beta": real(r, -1, 2),
            "threshold": real(r, -1, 20),
            "factor": real(r, -2, 2),
            "approximate": lambda: r.choice(["none", "tanh"]),
        }
        arguments = some(r, **{key: known[key] for key in choices})
        return arguments, (shape(r, 0, 4),)

    return draw


def scale(r: Random) -> Setting:
    return {"factor": r.choice([0.1, -2, 3.5])}, (shape(r, 0, 4),)


def gelu(r: Random) -> Setting:
    return {"approximate": r.choice(["none", "tanh", "erf"])}, (shape(r, 0, 3),)


def prelu(r: Random) -> Setting:
    x = shape(r, 0, 3, 4)
    count = r.choice([1, 2, 3, *x[:1]])
    return some(r, num_parameters=lambda: count, init=real(r, 0, 1)), (x,)


def dropout(rank: int | None) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        arguments = some(r, p=lambda: r.choice([0, 0.5, 1, -0.1, 1.5]), inplace=flag(r))
        return arguments, (shape(r, rank or 0, rank or 4),)

    return draw


def stochastic_depth(r: Random) -> Setting:
    arguments = some(r, mode=lambda: r.choice(["row", "batch"]))
    return {"p": r.choice([0, 0.2, 1, -0.1, 1.5])} | arguments, (shape(r, 0, 4),)


def along_axis(r: Random) -> Setting:
    return some(r, dim=lambda: r.randint(-5, 4)), (shape(r, 0, 4),)


def linear(r: Random) -> Setting:
    x = shape(r, r.choice([0, 1]), 3)
    return {"out_features": r.randint(-1, 9)} | some(r, bias=flag(r)), (x,)


# ------------------------------------------------------------------ norms


def band_lrn(r: Random) -> Setting:
    arguments, (x, *_) = lrn(r)
    return arguments, ((*x, 4, 3)[: r.choice((2, 3, 3, 3))],)


def lrn(r: Random) -> Setting:
    numbers = some(r, alpha=real(r, 0, 1), beta=real(r, 0, 1), k=real(r, 1, 2))
    return {"size": r.randint(0, 5)} | numbers, (shape(r, 1, 4),)


def batch_norm(rank: int) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        arguments = some(
            r,
            eps=lambda: r.choice([0.0, 1e-5, 0.001]),
            momentum=lambda: r.choice([None, 0.0, 0.1, 1]),
            affine=flag(r),
            track_running_stats=flag(r),
        )
        return arguments, (_channels_first(r, rank),)

    return draw


def _channels_first(r: Random, rank: int) -> Shape:
    x = shape(r, 0, 4) if r.random() < 0.2 else sizes(r, rank, 3)
    return sizes(r, rank, 3) if len(x) == rank - 1 and rank == 3 else x


def group_norm(r: Random) -> Setting:
    arguments = some(r, eps=lambda: r.choice([0.0, 1e-5]), affine=flag(r))
    return {"num_groups": r.randint(0, 4)} | arguments, (shape(r, 0, 4),)


def layer_norm(r: Random) -> Setting:
    x = shape(r, 0, 4, 3)
    count = r.randint(0, 2)
    arguments = some(
        r,
        normalized_shape=lambda: r.choice([x[len(x) - count :], sizes(r, 2, 3), r.randint(0, 3)]),
        eps=lambda: r.choice([0.0, 1e-5]),
        elementwise_affine=flag(r),
        bias=flag(r),
    )
    return arguments, (x,)


# ------------------------------------------------------------------ shapes


def flatten(r: Random) -> Setting:
    arguments = some(r, start_dim=lambda: r.randint(-5, 4), end_dim=lambda: r.randint(-5, 4))
    return arguments, (shape(r, 0, 4),)


def reshape(r: Random) -> Setting:
    x = r.choice([(6,), (2, 3), (4, 3, 2), (12, 2), (2, 2, 2), shape(r, 1, 3), ()])
    size = list(r.choice([x[::-1] or (1,), (2, 3), (6,), (4, 6), (3, 8), (2, 2, 6), (8,)]))
    for _ in range(r.choice([0, 1, 1, 2])):
        size[r.randrange(len(size))] = r.choice([-1, -1, -1, 1, 0])
    return {"size": tuple(size)}, (x,)


def permute(r: Random) -> Setting:
    x = shape(r, 1, 3)
    rank = len(x) + 1
    dims = list(range(1, rank))
    r.shuffle(dims)
    dims = [0, *dims] if r.random() < 0.8 else [*dims, 0]
    dims = [dim - rank * (r.random() < 0.3) for dim in dims]
    if r.random() < 0.2:
        dims[r.randrange(rank)] = r.randint(-5, 4)
    return {"dims": tuple(dims[: r.choice([rank, rank, rank, 2])])}, (x,)


def chunk(r: Random) -> Setting:
    x = tuple(r.choice([2, 4, 6, 12, 3]) for _ in range(r.randint(1, 4)))
    dim = r.randint(1, len(x)) if r.random() < 0.8 else r.randint(-4, 4)
    return {"chunks": r.choice([0, 1, 2, 2, 3, 4])} | some(r, dim=lambda: dim), (x,)


def split(r: Random) -> Setting:
    x = shape(r, 1, 4)
    dim = r.randint(1, len(x)) if r.random() < 0.8 else r.randint(-4, 4)
    size = x[dim - 1] if 1 <= dim <= len(x) else 3
    first = r.randint(0, size)
    parts = r.choice([(size,), (first, size - first), (first, size), (1, size - 1)])
    return {"split_size_or_sections": parts, "dim": dim}, (x,)


def narrow(r: Random) -> Setting:
    x = shape(r, 1, 4)
    dim = r.randint(-len(x) - 1, len(x) + 1) if r.random() < 0.2 else r.randint(1, len(x))
    return {"dim": dim, "start": r.randint(-6, 6), "length": r.randint(0, 5)}, (x,)


def pad(r: Random) -> Setting:
    x = shape(r, 1, 4, 4)
    count = r.choice([2 * len(x) - 2 or 2, r.randint(1, 8)])
    low = r.choice([0, 0, -2, -5])
    arguments = some(
        r,
        mode=lambda: r.choice(["constant", "reflect", "replicate", "circular"]),
        value=lambda: r.choice([None, 0, 0, 1.5]),
    )
    return {"pad": tuple(r.randint(low, 3) for _ in range(count))} | arguments, (x,)


def interpolate(r: Random) -> Setting:
    x = shape(r, 1, 5, 4) if r.random() < 0.1 else sizes(r, r.choice([2, 3, 3, 4]), 4)
    spatial = r.choice([max(len(x) - 1, 1)] * 9 + [2])
    names = {1: "linear", 2: "bilinear", 3: "trilinear"}
    modes = ["nearest", "nearest-exact", "area", "bicubic", *(names.get(spatial, "nearest"),) * 5]
    arguments = some(r, mode=lambda: r.choice(modes))
    arguments |= {"align_corners": r.choice([None, True, False])} if r.random() < 0.3 else {}
    size, factor = every(r, spatial, 1 - (r.random() < 0.1), 5), _factors(r, spatial)
    given = r.choice([{"size": size}, {"scale_factor": factor}] * 6 + [{}])
    if r.random() < 0.2:
        return r.choice([{}, {}, {}, given]) | arguments, (x, (2, *sizes(r, spatial, 5)))
    return given | arguments | ({"size": size} if r.random() < 0.05 else {}), (x,)


def _factors(r: Random, spatial: int) -> Any:
    one = [r.choice([0.3, 0.5, 1, 1.5, 2, 2.0, 3, 2.7, -1]) for _ in range(spatial)]
    return one[0] if not one[1:] or r.random() < 0.5 else tuple(one)


def mean(r: Random) -> Setting:
    x = shape(r, 0, 4)
    axes = tuple(r.randint(-len(x) - 1, len(x)) for _ in range(r.randint(1, 3)))
    axes = tuple(axis or 1 for axis in axes) if r.random() < 0.8 else axes
    return {"dim": r.choice([axes, axes[0]])} | some(r, keepdim=flag(r)), (x,)


def shuffle(argument: str) -> Callable[[Random], Setting]:
    def draw(r: Random) -> Setting:
        factor = r.randint(0, 3)
        rank = r.choice([3] * 6 + [1, 4])
        x = [r.randint(1, 3) * r.choice([1, factor or 1]) for _ in range(rank)]
        if rank >= 3:
            x[-3] *= r.choice([1, factor or 1])
        return {argument: factor}, (tuple(x),)

    return draw


# ------------------------------------------------------------------ joins


def concat(r: Random) -> Setting:
    x = shape(r, 0, 3, 4)
    dim = r.choice([1, 1, -1, r.randint(-5, 4)])
    place = dim % (len(x) + 1) - 1
    others = [_like(r, x, place) for _ in range(r.randint(0, 3))]
    return ({} if dim == 1 else {"dim": dim}), (x, *others)


def _like(r: Random, x: Shape, place: int) -> Shape:
    y = list(x)
    if y and place >= 0:
        y[place] = r.randint(1, 4)
    if y and r.random() < 0.15:
        y[r.randrange(len(y))] = r.randint(1, 4)
    return (*y, 2) if r.random() < 0.05 else tuple(y)


def elementwise(r: Random) -> Setting:
    x = shape(r, 0, 3, 3)
    return {}, tuple(_broadcast(r, x) for _ in range(r.randint(1, 4)))


def _broadcast(r: Random, x: Shape) -> Shape:
    y = tuple(1 if r.random() < 0.2 else r.choice([size] * 9 + [2]) for size in x)
    return (*y, 1) if r.random() < 0.03 else y


def two(r: Random) -> Setting:
    x = shape(r, 0, 3, 3)
    y = _broadcast(r, x) if r.random() < 0.9 else (*x, 2)
    return {}, (_broadcast(r, x), y)


def stack(r: Random) -> Setting:
    x = shape(r, 0, 3, 3)
    arguments = some(r, dim=lambda: r.choice([1, -1, r.randint(-5, 4)]))
    return arguments, tuple(_like(r, x, -1) for _ in range(r.randint(1, 4)))


def power(r: Random) -> Setting:
    return {"exponent": r.choice([2, 3, -1.0])}, (shape(r, 0, 4),)


def clamp(r: Random) -> Setting:
    limits = some(
        r, min=lambda: r.choice([None, -0.5, -2]), max=lambda: r.choice([None, 0.5, 2, 0.25])
    )
    return limits, (shape(r, 0, 4),)


def normalize(r: Random) -> Setting:
    arguments = some(
        r, p=lambda: r.choice([1.0, 2.0, 3]), dim=lambda: r.randint(-5, 4), eps=real(r, 0, 1e-3)
    )
    return arguments, (shape(r, 0, 4),)


def rms_norm(r: Random) -> Setting:
    arguments, shapes = layer_norm(r)
    return {key: value for key, value in arguments.items() if key != "bias"}, shapes


# ------------------------------------------------------------------ attention


def matmul(r: Random) -> Setting:
    rows, inner, columns = sizes(r, 3, 5)
    leading = shape(r, 0, 2, 3)
    left = (*_broadcast(r, leading), rows, inner)
    right = (*_broadcast(r, leading), r.choice([inner] * 8 + [2]), columns)
    return {}, (left[-r.choice([9, 9, 9, 1]) :], right)


def attention(r: Random) -> Setting:
    leading, (queries, keys, features, values) = shape(r, 0, 2, 3), sizes(r, 4, 5)
    q = (*_broadcast(r, leading), queries, features)
    k = (*_broadcast(r, leading), keys, r.choice([features] * 8 + [2]))
    v = (*_broadcast(r, leading), r.choice([keys] * 8 + [2]), values)
    mask = (*_broadcast(r, leading), r.choice([queries, 1, 3]), r.choice([keys, keys, 1]))
    arguments = some(r, is_causal=flag(r), scale=lambda: r.choice([None, 0.5]))
    return arguments, (q, k, v, *([mask] if r.random() < 0.3 else []))


def multihead_attention(r: Random) -> Setting:
    q = (r.randint(1, 4), r.choice([2, 4, 6]))
    others = ()
    if r.random() < 0.5:
        features = r.choice([q[1], q[1], 3])
        keys = r.randint(1, 4)
        others = ((keys, features), (r.choice([keys] * 8 + [2]), r.choice([features, 5])))
    arguments = some(
        r,
        dropout=lambda: r.choice([0.0, 0.5, 1.5]),
        bias=flag(r),
        add_bias_kv=flag(r),
        add_zero_attn=flag(r),
    )
    return {"num_heads": r.choice([1, 2, 2, 3])} | arguments, (q, *others)


# ------------------------------------------------------------------ places


def expand(r: Random) -> Setting:
    x = shape(r, 1, 4, 3)
    size = tuple(r.choice([n, n, -1, 3 if n == 1 else n, r.randint(0, 3)]) for n in x)
    return {"size": size}, (x if r.random() < 0.9 else (*x, 1),)


def roll(r: Random) -> Setting:
    x = shape(r, 1, 4)
    if r.random() < 0.5:
        return {"shifts": r.randint(-4, 4), "dims": r.randint(-4, 4)}, (x,)
    count = r.randint(1, 3)
    shifts = tuple(r.randint(-4, 4) for _ in range(count + (r.random() < 0.1)))
    return {"shifts": shifts, "dims": tuple(r.randint(-4, 4) for _ in range(count))}, (x,)


def select(r: Random) -> Setting:
    return {"dim": r.randint(-4, 4), "index": r.randint(-6, 5)}, (shape(r, 0, 4),)


def unbind(r: Random) -> Setting:
    x = shape(r, 1, 4, 4)
    dim = r.choice([1, -1, r.randint(-5, 4)])
    sizes = [x[dim % (len(x) + 1) - 1]] * 3 + [r.randint(1, 4)]
    return {"dim": dim, "names": tuple("abcdef"[: r.choice(sizes)])}, (x,)


def embedding(r: Random) -> Setting:
    count = r.randint(1, 5)
    sizes = {"num_embeddings": count, "embedding_dim": r.randint(0, 4)}
    return sizes | some(r, padding_idx=lambda: r.choice([None, r.randint(-6, 6)])), (
        shape(r, 0, 3),
    )


def gather(r: Random) -> Setting:
    x = shape(r, 1, 3, 4)
    index = tuple(r.randint(1, size) if r.random() < 0.9 else size + 1 for size in x)
    return {"dim": r.randint(-4, 3)}, (x, index if r.random() < 0.9 else (*index, 1))


def center_crop(r: Random) -> Setting:
    x = sizes(r, 3, 6)
    if r.random() < 0.3:
        return {}, (x, (2, *(r.randint(1, size) for size in x[1:])))
    return {"size": r.choice([r.randint(1, 6), (r.randint(1, x[1]), r.randint(0, x[2]))])}, (x,)


def layer_norm2d(r: Random) -> Setting:
    arguments = some(r, eps=lambda: r.choice([0.0, 1e-5]), elementwise_affine=flag(r), bias=flag(r))
    return arguments, (sizes(r, r.choice([3, 3, 3, 2, 4]), 4),)
