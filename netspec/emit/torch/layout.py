"""Python source from nested data, broken into lines as `ruff format` breaks them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netspec.language.terms import Maker
from netspec.ops.base import Call
from netspec.ops.dim import Expr, names, python, substitute
from netspec.ops.dim import name as symbol

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Brackets:
    """Items between brackets: a call, a tuple, a signature. A comment stands behind it."""

    open: str
    items: tuple[Code, ...]
    close: str = ")"
    comment: str = ""
    hugs: bool = False
    """A generator: no comma may follow its only item."""
    names: tuple[tuple[str, ...], ...] = ()
    """What the layers are called that each item makes, if these are told apart."""


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A text directly in front of something: `stride=`."""

    text: str
    value: Code


@dataclass(frozen=True, slots=True)
class Generator:
    """An element and its `for` clause."""

    element: Code
    clause: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Operands with operators of one precedence between them."""

    operators: tuple[str, ...]
    operands: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of two by a condition."""

    condition: str
    yes: Code
    no: str


Code = str | Brackets | Prefixed | Generator | Operation | Choice


class Line(str):
    """A line of code with the paths, within its class, of the layers that it is about."""

    layers: tuple[str, ...] = ()


def about(names: Sequence[str], lines: Iterable[str]) -> list[str]:
    """Return lines that say which layers they are about; those that they know are below `names`.

    An empty name stands for the class itself.
    """
    return [_line(line, names) for line in lines]


def _line(text: str, names: Sequence[str]) -> str:
    line = Line(text)
    known = text.layers if isinstance(text, Line) else ()
    below = [f"{name}.{layer}".lstrip(".") for name in names for layer in known]
    line.layers = tuple(below or names)
    return line


_NONE: Mapping[str, str] = {}


def literal(value: object, local: Mapping[str, str] = _NONE) -> Code:
    """Write a number, truth value, word, size or tuple; `local` renames parameters."""
    match value:
        case Call():
            return call(value.function, arguments(value, lambda item: literal(item, local)))
        case Expr():
            return expression(value, local)
        case Maker():
            return value.torch
        case str():
            return quoted(value)
        case tuple():
            return Brackets("(", tuple(literal(item, local) for item in value))
    return repr(value)


def expression(value: object, local: Mapping[str, str]) -> str:
    """Write a value of expressions; `local` renames parameters."""
    read = {text: symbol(local[text]) for text in names(value) if text in local}
    return python(substitute(value, read) if read else value)


def arguments(made: Call, write: Callable[[object], Code]) -> list[Code]:
    """Write the arguments of a call, each by a function, the keyword ones behind."""
    named = [Prefixed(f"{key}=", write(value)) for key, value in made.kwargs.items()]
    return [*map(write, made.args), *named]


def quoted(text: str) -> str:
    """Write a text as a literal in double quotes."""
    return json.dumps(text)


def flat(code: Code) -> str:
    """Write code on one line."""
    match code:
        case str():
            return code
        case Brackets():
            # Between bare brackets one item is a tuple only with a comma.
            comma = "," if code.open == "(" and len(code.items) == 1 and not code.hugs else ""
            return code.open + ", ".join(flat(item) for item in code.items) + comma + code.close
        case Prefixed():
            return code.text + flat(code.value)
        case Generator():
            return f"{flat(code.element)} {code.clause}"
        case Choice():
            return f"{flat(code.yes)} if {code.condition} else {code.no}"
    first, *rest = map(flat, code.operands)
    pairs = zip(code.operators, rest, strict=True)
    return first + "".join(f" {operator} {text}" for operator, text in pairs)


def comments(code: Code) -> list[str]:
    """Return the comments inside of code."""
    match code:
        case Brackets():
            inner = [text for item in code.items for text in comments(item)]
            return [code.comment, *inner] if code.comment else inner
        case Prefixed(value=inside) | Generator(element=inside) | Choice(yes=inside):
            return comments(inside)
    return []


def statement(head: str, code: Code, tail: str = "", depth: int = 0) -> list[str]:
    """Return the lines of `head code tail` at an indentation depth."""
    indent = INDENT * depth
    line = f"{indent}{head}{flat(code)}{tail}"
    inside = comments(code)
    # A comment stands behind its own call: one further in breaks a line that would have room.
    if len(line) <= WIDTH and not (inside and _is_nested(code)):
        note = f"  # {inside[0]}" if inside else ""
        return [line + note if len(line + note) <= WIDTH else line]
    match code:
        case Brackets() if _is_too_long(head, code, depth) and not inside:
            inner = statement("", code, "", depth + 1)
            if any(len(line) > WIDTH for line in inner):  # then brackets around it are no help
                return broken(head, code, tail, depth)
        case Brackets():
            return broken(head, code, tail, depth)
        case Prefixed():
            return statement(head + code.text, code.value, tail, depth)
        case Generator():
            return [*statement(head, code.element, "", depth), f"{indent}{code.clause}{tail}"]
        case str() if isinstance(tree := parsed(code), Operation | Brackets):
            return statement(head, tree, tail, depth)
        case Operation() if not head.endswith((" = ", "return ")):  # brackets stand around it
            return [*_operands(head, code, tail, depth)]
        case str() if not head.endswith(" = "):
            return [line]
        case _:
            inner = _between(code, depth + 1)
    return [f"{indent}{head}(", *inner, f"{indent}){tail}"] if inner else [line]


def _is_too_long(head: str, code: Brackets, depth: int) -> bool:
    """Tell whether even the opening bracket of a value fits only on a line of its own."""
    opening = len(INDENT * (depth + 1) + code.open)
    is_value = head.endswith(" = ")
    return is_value and len(INDENT * depth + head + code.open) > WIDTH >= opening


def _is_nested(code: Code) -> bool:
    """Tell whether a comment belongs to something inside, not to the whole."""
    return not (isinstance(code, Brackets) and code.comment and len(comments(code)) == 1)


def broken(head: str, code: Brackets, tail: str, depth: int) -> list[str]:
    """Return the lines of brackets whose items stand on lines of their own."""
    indent, inner = INDENT * depth, INDENT * (depth + 1)
    first, last = f"{indent}{head}{code.open}", f"{indent}{code.close}{tail}"
    if not code.items:
        return [first + code.close + tail]
    together = inner + ", ".join(flat(item) for item in code.items)
    # As the formatter has it, only the arguments of a call move to the next line together.
    has_comments = any(comments(item) for item in code.items)
    if len(together) <= WIDTH and not has_comments and code.open not in ("(", "["):
        return [first, together, last]
    if code.hugs and isinstance(code.items[0], Choice):  # it needs no brackets of its own
        return [first, *_between(code.items[0], depth + 1), last]
    comma = "" if code.hugs else ","
    lines = [statement("", item, comma, depth + 1) for item in code.items]
    if code.names:
        lines = list(map(about, code.names, lines))
    return [first, *(line for item in lines for line in item), last]


def _between(code: str | Choice | Operation, depth: int) -> list[str]:
    """Write code on lines of its own between brackets; nothing for a text that fits on none."""
    line = INDENT * depth + flat(code)
    if len(line) <= WIDTH and not comments(code):
        return [line]
    match code:
        case Choice():
            indent = INDENT * depth
            last = [f"{indent}if {code.condition}", f"{indent}else {code.no}"]
            return [*statement("", code.yes, "", depth), *last]
        case Operation():
            return [*_operands("", code, "", depth)]
    return []


def _operands(head: str, code: Operation, tail: str, depth: int) -> Iterator[str]:
    """Write each operand on a line of its own."""
    heads = (head, *(f"{operator} " for operator in code.operators))
    tails = (*[""] * len(code.operators), tail)
    for before, operand, behind in zip(heads, code.operands, tails, strict=True):
        yield from statement(before, operand, behind, depth)


_TERMS = 100
"""The most operands side by side; Python cannot parse thousands."""


def operation(operator: str, operands: Sequence[Code]) -> Operation:
    """Write operands with an operator between them; very many in groups."""
    while len(operands) > _TERMS:
        groups = range(0, len(operands), _TERMS)
        operands = [operation(operator, operands[i : i + _TERMS]) for i in groups]
    return Operation((operator,) * (len(operands) - 1), tuple(operands))


def call(function: str, items: Sequence[Code], comment: str = "") -> Brackets:
    """Write a call."""
    return Brackets(f"{function}(", tuple(items), ")", comment)


def parsed(text: str) -> Code:
    """Return what may be broken of an expression's text: sums, products, and calls in them."""
    code = _tree(ast.parse(text, mode="eval").body)
    return code if flat(code) == text else text


_LEVELS: Mapping[type[ast.operator], tuple[int, str]] = {
    ast.Add: (1, "+"),
    ast.Sub: (1, "-"),
    ast.Mult: (2, "*"),
    ast.MatMult: (2, "@"),
    ast.Div: (2, "/"),
    ast.FloorDiv: (2, "//"),
    ast.Mod: (2, "%"),
}
"""The precedence and the sign of an operator."""


def _tree(node: ast.expr, outer: int = 0) -> Code:
    """Return an expression as code; in brackets where what stands around it binds as close."""
    if isinstance(node, ast.Call) and not node.keywords:
        return call(ast.unparse(node.func), [_tree(item) for item in node.args])
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    level, sign = _LEVELS[type(node.op)]
    right = _tree(node.right, level + 1)
    left = _tree(node.left, level)
    code = Operation((sign,), (left, right))
    if isinstance(left, Operation) and _LEVELS[type(node.left.op)][0] == level:  # type: ignore[attr-defined]  # a BinOp
        code = Operation((*left.operators, sign), (*left.operands, right))
    return Brackets("(", (code,), hugs=True) if level < outer else code
