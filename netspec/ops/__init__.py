"""The built-in ops: one class per op, found by the name that a spec writes."""

from netspec.ops import activation, conv, linear, merge, norm, pool, reshape

__all__ = ["activation", "conv", "linear", "merge", "norm", "pool", "reshape"]
