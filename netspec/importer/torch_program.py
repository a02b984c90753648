"""A .pt2 file of torch.export → its program, of which nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from torch.export import ExportedProgram


class Unsafe(ValueError):
    """A file that holds more than tensors, calls of ops, and arithmetic of sizes."""


def program(path: str) -> ExportedProgram:
    """Return the program of a .pt2 file, of which nothing runs. Raises ValueError for what is none.

    Its reader would unpickle objects, and evaluate the sizes that are written as expressions.
    """
    import torch

    try:
        with _sealed():
            found = torch.export.load(path)
        for node in found.graph.nodes:
            if callable(node.target) and not _is_plain(node.target):
                raise Unsafe(f"the file calls {node.target}, which is no op")
        return found
    except Unsafe as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception:  # whatever its reader makes of bytes that are none of its own
        raise ValueError(f"{path} holds no program of torch.export") from None


def _is_plain(target: Any) -> bool:
    """Tell whether a call of a graph is one of torch's ops, or Python's arithmetic."""
    import torch

    kinds = torch._ops.OpOverload, torch._ops.HigherOrderOperator
    module = getattr(target, "__module__", None)
    return isinstance(target, kinds) or module in ("_operator", "math", "torch.sym")


@contextmanager
def _sealed() -> Iterator[None]:
    """Keep torch's reader from unpickling and from evaluating what is no arithmetic of sizes."""
    import pickle

    import sympy
    import torch

    load, sympify = torch.load, sympy.sympify

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Unsafe("the file holds pickled objects")

    def tensors(*args: Any, **kwargs: Any) -> Any:
        return load(*args, **{**kwargs, "weights_only": True})

    def arithmetic(expression: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(expression, str):
            _refuse_code(expression)
        return sympify(expression, *args, **kwargs)

    with (
        patch.object(torch, "load", tensors),
        patch.object(pickle, "loads", refuse),
        patch.object(pickle, "load", refuse),
        patch.object(torch._C, "_pickle_load_obj", refuse),
        patch.object(sympy, "sympify", arithmetic),
    ):
        yield


def _refuse_code(text: str) -> None:
    """Raise Unsafe for the text of a size that is more than arithmetic, as sympy writes it."""
    if len(text) > _LONGEST:
        raise Unsafe("the file holds a size that is too long")
    if not all(map(_is_arithmetic, ast.walk(ast.parse(text, mode="eval")))):
        raise Unsafe("the file holds a size that is no arithmetic")


def _is_arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name.isalnum()
        case ast.Constant(value=value):
            return isinstance(value, int | float) or (isinstance(value, str) and value.isalnum())
        case ast.Call(func=ast.Name(id=name)):
            return name in _FUNCTIONS
        case ast.BinOp(op=ast.Pow()):
            return False
    return isinstance(node, _SYNTAX)


_LONGEST = 2000
"""The most characters of a size's text."""
_FUNCTIONS = {
    "Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Max", "Min", "Mod", "PythonMod", "Eq",
    "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality", "StrictLessThan", "LessThan",
    "StrictGreaterThan", "GreaterThan", "FloorDiv", "CeilDiv", "CleanDiv", "IntTrueDiv",
    "FloatTrueDiv", "ModularIndexing", "Where", "Identity", "ToFloat", "TruncToInt", "CeilToInt",
    "FloorToInt", "RoundToInt", "And", "Or", "Not",
}  # fmt: skip
"""What a size may call; no power, whose value can be larger than any memory."""
_SYNTAX = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.keyword, ast.operator, ast.unaryop,
    ast.cmpop, ast.expr_context,
)  # fmt: skip
