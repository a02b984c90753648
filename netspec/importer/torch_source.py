"""`torch:package.module:factory(arguments)` → the module that the factory makes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


class BadSource(ValueError):
    """A source that names no factory."""


@dataclass(frozen=True, slots=True)
class Factory:
    """A function or class of the user's own, and what it is called with."""

    module: str
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def made(self) -> nn.Module:
        """Return what it makes. Runs the user's Python; raises what that raises."""
        from torch import nn

        if "" not in sys.path:
            sys.path.insert(0, "")
        found: Any = import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part)
        model = found if isinstance(found, nn.Module) else found(*self.args, **self.kwargs)
        if not isinstance(model, nn.Module):
            raise BadSource(f"{self.module}:{self.name} gives no torch.nn.Module")
        return model


def factory(text: str) -> Factory:
    """Read what stands behind `torch:`. Raises BadSource."""
    module, _, call = text.partition(":")
    form = "expected torch:package.module:factory(arguments)"
    if not call or not all(part.isidentifier() for part in module.split(".")):
        raise BadSource(f"{form}, found torch:{text}")
    try:
        tree = ast.parse(call, mode="eval").body
        function = tree.func if isinstance(tree, ast.Call) else tree
        name = ast.unparse(function)
        args = tree.args if isinstance(tree, ast.Call) else []
        keywords = tree.keywords if isinstance(tree, ast.Call) else []
        given = tuple(map(ast.literal_eval, args))
        named = {str(word.arg): ast.literal_eval(word.value) for word in keywords}
    except (SyntaxError, ValueError):
        raise BadSource(f"{form} with plain values, found torch:{text}") from None
    if not all(part.isidentifier() for part in name.split(".")):
        raise BadSource(f"{form}, found torch:{text}")
    return Factory(module, name, given, named)


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
                raise BadSource(f"the file calls {node.target}, which is no op")
        return found
    except BadSource as error:
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
        raise BadSource("the file holds pickled objects")

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
    """Raise BadSource for the text of a size that is more than arithmetic, as sympy writes it."""
    if len(text) > _LONGEST:
        raise BadSource("the file holds a size that is too long")
    if not all(map(_is_arithmetic, ast.walk(ast.parse(text, mode="eval")))):
        raise BadSource("the file holds a size that is no arithmetic")


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
