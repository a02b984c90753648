"""The built-in ops: one class per op, found by the name that a spec writes."""

from netspec.ops import (
    activation,
    adaptive_pool,
    arithmetic,
    attention,
    constant,
    conv,
    dropout,
    layer_norm,
    linear,
    merge,
    norm,
    parameter,
    pool,
    resample,
    reshape,
    split,
)

__all__ = [
    "activation",
    "adaptive_pool",
    "arithmetic",
    "attention",
    "constant",
    "conv",
    "dropout",
    "layer_norm",
    "linear",
    "merge",
    "norm",
    "parameter",
    "pool",
    "resample",
    "reshape",
    "split",
]
