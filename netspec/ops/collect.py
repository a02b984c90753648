"""Sizes in fewer words: like terms in one, and one division in place of two."""

from __future__ import annotations

from netspec.ops.dim import Dim, Expr

_Terms = dict[Dim, int]
"""A sum: how often it holds what, in the order in which that first stands; 1 for numbers."""


def collected(dim: Dim) -> Dim:
    """Return a whole size as it is, or with like terms in one if that is shorter.

    `x + g + g` is `x + 2 * g`, `(64 + 6 * g) // 2` is `32 + 3 * g`, `(h - 2) // 2 + 1` is `h // 2`.
    """
    if not isinstance(dim, Expr) or dim.op not in ("+", "-", "*", "//"):
        return dim
    found = _sum(_terms(dim))
    return found if not isinstance(found, Expr) or found.size < dim.size else dim


def _terms(dim: Dim) -> _Terms:
    if isinstance(dim, int):
        return {1: dim}
    if dim.op in ("+", "-", "*", "//"):
        left, right = dim.args
        assert not isinstance(left, str) and not isinstance(right, str)
        match dim.op:
            case "+":
                return _plus(_terms(left), _terms(right))
            case "-":
                return _plus(_terms(left), _times(_terms(right), -1))
            case "*" if isinstance(right, int):
                return _times(_terms(left), right)
            case "*" if isinstance(left, int):
                return _times(_terms(right), left)
            case "//" if isinstance(right, int) and right > 0:
                return _quotient(_terms(left), right)
    return {dim: 1}


def _plus(left: _Terms, right: _Terms) -> _Terms:
    whole = {base: left.get(base, 0) + right.get(base, 0) for base in (left | right)}
    terms = {base: factor for base, factor in whole.items() if factor}
    number = terms.get(1, 0)
    for base, factor in terms.items():
        inner, divisor = _division(base)
        if number and factor == 1 and 1 in inner:
            rest = {other: n for other, n in terms.items() if other not in (base, 1)}
            return _plus(rest, _quotient(_plus(inner, {1: number * divisor}), divisor))
    return terms


def _times(terms: _Terms, number: int) -> _Terms:
    return {base: factor * number for base, factor in terms.items() if factor * number}


def _quotient(terms: _Terms, divisor: int) -> _Terms:
    """Divide a sum and round down, exactly where that can be; what is rounded twice is so once."""
    if all(factor % divisor == 0 for factor in terms.values()):
        return {base: factor // divisor for base, factor in terms.items()}
    for base, factor in terms.items():
        inner, first = _division(base)
        if factor == 1 and inner:
            rest = {other: n for other, n in terms.items() if other != base}
            return _quotient(_plus(inner, _times(rest, first)), first * divisor)
    return {_sum(terms) // divisor: 1}


def _division(base: Dim) -> tuple[_Terms, int]:
    """Return what is divided by which number and rounded down; nothing of another size."""
    if isinstance(base, Expr) and base.op == "//":
        inner, divisor = base.args
        if isinstance(divisor, int) and divisor > 0 and not isinstance(inner, str):
            return _terms(inner), divisor
    return {}, 1


def _sum(terms: _Terms) -> Dim:
    whole: Dim = 0
    for base, factor in terms.items():
        part = abs(factor) * base
        whole = whole + part if factor > 0 else whole - part
    return whole
