"""Sizes: an integer, or an expression over parameters that becomes one when they are bound.

The same arithmetic runs on both, so an op's shape rule is written once and serves numbers
(what is the shape?) and names (which constructor argument is it?).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from netspec import limits

Number = int | float
_MAX_MAGNITUDE = 10**15
_MAX_SIZE = 256
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "neg": 3}
_NEUTRAL = {"+": 0, "-": 0, "*": 1, "/": 1, "//": 1}
"""What an operator may have on its right without changing anything."""
_ATOM = 4


@dataclass(frozen=True, slots=True)
class Expr:
    """An arithmetic expression: an operator and its operands, or ("name", (text,)).

    ("real", (text,)) is the name of a fraction such as a width multiplier; "int" makes an integer
    of what is computed with one.
    The operator "?" stands for a size that depends on its operands in a way that is not worth
    writing down (a ceil-mode pooling of an unknown height); it can be known only as a number.
    """

    op: str
    args: tuple[Dim | str, ...]
    size: int = field(default=1, compare=False)

    def __add__(self, other: Dim) -> Dim:
        return _fold("+", self, other)

    def __radd__(self, other: Dim) -> Dim:
        return _fold("+", other, self)

    def __sub__(self, other: Dim) -> Dim:
        return _fold("-", self, other)

    def __rsub__(self, other: Dim) -> Dim:
        return _fold("-", other, self)

    def __mul__(self, other: Dim) -> Dim:
        return _fold("*", self, other)

    def __rmul__(self, other: Dim) -> Dim:
        return _fold("*", other, self)

    def __truediv__(self, other: Dim) -> Dim:
        return _fold("/", self, other)

    def __floordiv__(self, other: Dim) -> Dim:
        return _fold("//", self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _fold("//", other, self)

    def __mod__(self, other: Dim) -> Dim:
        return _fold("%", self, other)

    def __neg__(self) -> Dim:
        return Expr("neg", (self,), self.size + 1)

    def __str__(self) -> str:
        return python(self)


Dim = int | Expr
Shape = tuple[Dim, ...]


def name(text: str) -> Expr:
    """Return the expression that is a single parameter."""
    return Expr("name", (text,))


def real(text: str) -> Expr:
    """Return the expression that is a single parameter with a fraction for its value."""
    return Expr("real", (text,))


def integer(value: object) -> object:
    """Return what stands in code where an integer is wanted: `int(width * factor)`."""
    if isinstance(value, tuple):
        return tuple(integer(item) for item in value)
    if isinstance(value, Expr) and _is_real(value):
        return Expr("int", (value,), value.size + 1)
    return value


def _is_real(dim: object) -> bool:
    """Tell whether a value may be a fraction."""
    if not isinstance(dim, Expr) or dim.op in ("int", "?"):
        return isinstance(dim, float)
    return dim.op in ("real", "/") or any(_is_real(arg) for arg in dim.args)


def unknown(*operands: Dim) -> Dim:
    """Return a size that depends on the operands' parameters in an unwritten way."""
    found = dict.fromkeys(text for operand in operands for text in names(operand))
    return Expr("?", tuple(name(text) for text in found))


def _fold(op: str, left: Dim, right: Dim) -> Dim:
    """Build an expression; drop what changes nothing (x + 0, x * 1, x // 1 of an integer)."""
    if isinstance(left, int) and isinstance(right, int):
        return _whole(_apply(op, left, right))
    if right == _NEUTRAL.get(op) and not (op == "//" and _is_real(left)):
        return left
    if left == {"+": 0, "*": 1}.get(op):
        return right
    if op == "*" and 0 in (left, right):
        return 0
    if op == "+" and left == right:
        return _fold("*", left, 2)
    size = 1 + sum(side.size if isinstance(side, Expr) else 1 for side in (left, right))
    return Expr(op, (left, right), size) if size <= _MAX_SIZE else unknown(left, right)


def _apply(op: str, left: Number, right: Number) -> Number:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
    return left % right


def names(dim: object) -> Iterator[str]:
    """Yield the parameters of a size, or of any value that holds sizes, from left to right."""
    if isinstance(dim, Expr):
        for arg in dim.args:
            if isinstance(arg, str):
                yield arg
            else:
                yield from names(arg)
    elif isinstance(dim, tuple):
        for item in dim:
            yield from names(item)


def has_names(dim: object) -> bool:
    """Tell whether a value depends on parameters."""
    return any(True for _ in names(dim))


def is_known(dim: object) -> bool:
    """Tell whether a size can be written down: it holds no "?"."""
    if isinstance(dim, Expr):
        return dim.op != "?" and all(is_known(arg) for arg in dim.args)
    return True


def substitute(value: object, env: Mapping[str, object]) -> object:
    """Replace parameters by what `env` gives for them (numbers, or other expressions).

    Works on a size or a tuple of values; a parameter that `env` lacks stays. A whole number is an
    integer, however it was computed: 8 * 0.75 is 6.
    Raises ZeroDivisionError, OverflowError (beyond 10**15) or TypeError (a pair in arithmetic).
    """
    if isinstance(value, tuple):
        return tuple(substitute(item, env) for item in value)
    if not isinstance(value, Expr):
        return value
    if value.op == "name":
        return env.get(str(value.args[0]), value)
    if value.op == "real":
        found = env.get(str(value.args[0]), value)
        is_name = isinstance(found, Expr) and found.op == "name"
        return replace(found, op="real") if is_name else found  # type: ignore[type-var]  # an Expr
    if value.op == "?":
        return unknown(*(_dim(substitute(arg, env)) for arg in value.args))
    args = [_operand(substitute(arg, env)) for arg in value.args]
    match value.op:
        case "neg":
            return -args[0]
        case "int":
            return integer(args[0])  # a fraction stays one, and is refused where a size is wanted
    return _checked(value.op, args[0], args[1])


def _dim(value: object) -> Dim:
    return value if isinstance(value, int | Expr) else 0


def _operand(value: object) -> Dim:
    if isinstance(value, bool) or not isinstance(value, int | float | Expr):
        raise TypeError
    return value  # type: ignore[return-value]  # a float parameter computes like a size


def _checked(op: str, left: Dim, right: Dim) -> Dim:
    if isinstance(left, Expr) or isinstance(right, Expr):
        return _fold(op, left, right)
    result = _apply(op, left, right)
    if abs(result) > _MAX_MAGNITUDE:
        raise OverflowError
    return _whole(result)


def _whole(number: Number) -> Dim:
    """Return an integer where a number is one."""
    return int(number) if number == int(number) else number  # type: ignore[return-value]  # see _operand


def python(dim: object) -> str:
    """Write a size as Python source."""
    return _write(dim, 0)


def _write(dim: object, outer: int) -> str:
    if not isinstance(dim, Expr):
        return repr(dim)
    inner = _PRECEDENCE.get(dim.op, _ATOM)
    match dim.op:
        case "name" | "real":
            text = str(dim.args[0])
        case "int":
            text = f"int({_write(dim.args[0], 0)})"
        case "neg":
            text = "-" + _write(dim.args[0], inner)
        case "?":
            text = "?"
        case _:
            # Integers add up in any order, fractions to another last digit.
            right = inner if dim.op == "+" and not _is_real(dim) else inner + 1
            text = f"{_write(dim.args[0], inner)} {dim.op} {_write(dim.args[1], right)}"
    return f"({text})" if inner < outer else text


def equal(left: object, right: object) -> bool:
    """Tell whether two values are the same for every value of their parameters."""
    if isinstance(left, Expr) or isinstance(right, Expr):
        return _normal(left) == _normal(right)
    return left == right


_Normal = dict[tuple[object, ...], Number]


def _normal(dim: object) -> _Normal:
    """Return a polynomial: {sorted factors: coefficient}; `//` and `%` count as factors."""
    if isinstance(dim, int | float):
        return {(): dim} if dim else {}
    if not isinstance(dim, Expr):
        return {(repr(dim),): 1}
    if dim.op in ("name", "real", "?"):
        return {(repr(dim) if dim.op == "?" else python(dim),): 1}
    parts = [_normal(arg) for arg in dim.args]
    match dim.op:
        case "neg":
            return _combine({}, parts[0], -1)
        case "+":
            return _combine(parts[0], parts[1], 1)
        case "-":
            return _combine(parts[0], parts[1], -1)
        case "*" if len(parts[0]) * len(parts[1]) <= _MAX_SIZE:
            return _product(parts[0], parts[1])
    return {(repr([dim.op, *(sorted(part.items(), key=repr) for part in parts)]),): 1}


def _combine(left: _Normal, right: _Normal, sign: int) -> _Normal:
    total = dict(left)
    for factors, value in right.items():
        total[factors] = total.get(factors, 0) + sign * value
    return {factors: value for factors, value in total.items() if value}


def _product(left: _Normal, right: _Normal) -> _Normal:
    total: _Normal = {}
    for a, x in left.items():
        for b, y in right.items():
            total = _combine(total, {tuple(sorted((*a, *b), key=repr)): x * y}, 1)
    return total


class ExprError(Exception):
    """Text that is not an expression: what is wrong and at which characters of the text."""

    def __init__(self, message: str, start: int = 0, end: int | None = None) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


class _Token(NamedTuple):
    text: str
    start: int


_TOKEN = re.compile(r"\s*(\$[A-Za-z_]\w*|\d+(?:\.\d+)?|//|\*\*|<<|>>|[-+*%()]|\S)", re.ASCII)


def parse(text: str) -> Dim:
    """Read `$k // 2`: numbers, $names, + - * / // % and parentheses, at most 200 characters.

    Raises ExprError.
    """
    if len(text) > limits.EXPRESSION:
        raise ExprError(
            f"an expression of {len(text)} characters; at most {limits.EXPRESSION} are read"
        )
    tokens = [_Token(match[1], match.start(1)) for match in _TOKEN.finditer(text)]
    parser = _Parser(tokens, len(text))
    result = parser.sum()
    parser.end()
    return result


class _Parser:
    """Recursive descent over at most 200 characters."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._length = length

    def sum(self) -> Dim:
        value = self._product()
        while self._peek() in ("+", "-"):
            op = self._take().text
            value = _compute(op, value, self._product())
        return value

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._unexpected()

    def _product(self) -> Dim:
        value = self._unary()
        while self._peek() in ("*", "/", "//", "%"):
            token = self._take()
            divisor = self._unary()
            if token.text != "*" and divisor == 0:
                raise ExprError("division by zero", token.start, token.start + len(token.text))
            value = _compute(token.text, value, divisor)
        return value

    def _unary(self) -> Dim:
        negative = False
        while self._peek() in ("-", "+"):
            negative ^= self._take().text == "-"
        value = self._atom()
        return -value if negative else value

    def _atom(self) -> Dim:
        token = self._peek()
        if token == "(":
            self._take()
            value = self.sum()
            if self._peek() != ")":
                raise self._unexpected("`)`")
            self._take()
            return value
        if token[:1].isdecimal():
            return _number(self._take())
        if token.startswith("$") and len(token) > 1:
            return name(self._take().text[1:])
        raise self._unexpected()

    def _peek(self) -> str:
        return self._tokens[self._next].text if self._next < len(self._tokens) else ""

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _unexpected(self, wanted: str = "a number, a `$name`, + - * / // % or ( )") -> ExprError:
        if self._next >= len(self._tokens):
            return ExprError(f"the expression ends where {wanted} is expected", self._length)
        text, start = self._tokens[self._next]
        return ExprError(f"expected {wanted}, found `{text}`", start, start + len(text))


def _number(token: _Token) -> Dim:
    if len(token.text.partition(".")[0]) > 15:
        raise ExprError("a number beyond 10**15", token.start, token.start + len(token.text))
    return _whole(float(token.text)) if "." in token.text else int(token.text)


def _compute(op: str, left: Dim, right: Dim) -> Dim:
    if op == "//" and isinstance(left, Expr):  # whose parameters may be fractions
        return Expr(op, (left, right), left.size + 2)
    try:
        return _checked(op, left, right)
    except OverflowError:
        raise ExprError("the result is beyond 10**15") from None
