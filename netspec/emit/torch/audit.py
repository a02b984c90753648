"""The proof that generated source holds nothing but what the emitter means to write.

Every class is parsed before anybody gets it: its syntax tree may have these kinds of nodes, these
names and these calls, and no others. Whatever a spec's text could have smuggled in ends here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import NoneType
from typing import Any, NoReturn

from netspec.emit.torch.initialise import METHOD
from netspec.emit.torch.naming import GLOBALS
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS

_IMPORTS = {
    "import torch",
    "from torch import Tensor, nn",
    "from torch.nn import functional as F",
    "from typing import NamedTuple",
}
_FUNCTIONS = {
    *("nn.Module", "nn.Sequential", "nn.ModuleList", "nn.Identity", "torch.zeros"),
    *("torch.arange", "torch.full"),
    *(cls.module for cls in REGISTRY.values()),
    *(f"nn.init.{name}" for name in FILLERS),
}
"""What of torch may be named: the registry is the vocabulary, so a new op needs no line here."""
_BUILTINS = {"bool", "float", "int", "isinstance", "range", "super", "tuple"}
_CALLED = {"add_module", "expand", "get_parameter", "get_submodule", "modules", METHOD}
"""Methods that are called on something else than a child."""
_BASES = (["nn.Module"], ["nn.Sequential"], ["nn.ModuleList"], ["NamedTuple"])
_METHODS = {"__init__", "forward", "total_loss", METHOD}
_WORD = re.compile(r"[A-Za-z0-9_.]*", re.ASCII)
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef)


class UnexpectedCode(AssertionError):
    """Generated source that holds something the emitter never writes: a bug of ours."""


def audit(source: str, classes: Collection[str], doc: str = "") -> str:
    """Return a part of a generated file unchanged once it is proved.

    `classes` are those of the file; the docstring of the part's class, evaluated, opens with the
    words of `doc`. Raises UnexpectedCode.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnexpectedCode(f"generated code is no Python: {error}") from None
    text = ast.get_docstring(tree.body[0]) if isinstance(tree.body[0], ast.ClassDef) else ""
    if (text or "").split()[: len(doc.split())] != doc.split():
        _refuse(tree.body[0], "a docstring with another text")
    for scope in ast.walk(tree):
        if isinstance(scope, _SCOPES):
            _Scope(scope, classes).check()
    return source


def _refuse(node: ast.AST, what: str) -> NoReturn:
    raise UnexpectedCode(f"generated code holds {what} in line {getattr(node, 'lineno', 1)}")


class _Scope:
    """A module, a class or a method without the scopes inside: which names it binds and reads."""

    def __init__(
        self, scope: ast.Module | ast.ClassDef | ast.FunctionDef, classes: Collection[str]
    ):
        first = scope.body[0] if scope.body else None
        self._docstring = first.value if isinstance(first, ast.Expr) else None
        self._classes = classes
        self._nodes = list(_inside(scope))
        self._bound = {node.arg for node in self._nodes if isinstance(node, ast.arg)}
        for node in self._nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bound.add(node.id)

    def check(self) -> None:
        """Raise UnexpectedCode for the first node that the emitter never writes."""
        for node in self._nodes:
            allowed = _NODES.get(type(node), False)
            if not (allowed if isinstance(allowed, bool) else allowed(self, node)):
                _refuse(node, f"`{ast.unparse(node)[:80]}`, a {type(node).__name__}")

    def is_import(self, node: ast.Import | ast.ImportFrom) -> bool:
        return ast.unparse(node) in _IMPORTS

    def is_class(self, node: ast.ClassDef) -> bool:
        bases = [".".join(_dotted(base)) for base in node.bases]
        is_plain = not node.decorator_list and not node.keywords
        return is_plain and node.name in self._classes and bases in _BASES

    def is_method(self, node: ast.FunctionDef) -> bool:
        return not node.decorator_list and node.name in _METHODS

    def is_statement(self, node: ast.Expr) -> bool:
        return isinstance(node.value, ast.Call) or node.value is self._docstring

    def is_constant(self, node: ast.Constant) -> bool:
        if isinstance(node.value, str) and node is not self._docstring:
            return _WORD.fullmatch(node.value) is not None
        return isinstance(node.value, str | int | float | NoneType)

    def is_name(self, node: ast.Name) -> bool:
        known = node.id in GLOBALS or node.id in _BUILTINS or node.id in self._classes
        return known or node.id in self._bound

    def is_attribute(self, node: ast.Attribute) -> bool:
        words = _dotted(node)
        if words and words[0] in GLOBALS and words[0] not in self._bound:
            return (text := ".".join(words)) in _FUNCTIONS or text == "nn.init"
        return not node.attr.startswith("_") or _is_constructor(node)

    def is_call(self, node: ast.Call) -> bool:
        match node.func:
            case ast.Name(id=name):
                return (name in self._classes or name in _BUILTINS) and name not in self._bound
            case ast.Attribute():
                words = _dotted(node.func)
                if words and words[0] in GLOBALS and words[0] not in self._bound:
                    return ".".join(words) in _FUNCTIONS
                is_child = len(words) == 2 and words[0] == "self"
                return is_child or node.func.attr in _CALLED or _is_constructor(node.func)
            case ast.Subscript():
                return _dotted(node.func.value) == ["self"]
            case ast.Call():
                return _dotted(node.func.func) == ["self", "get_submodule"]
        return False


_Check = Callable[[_Scope, Any], bool]
_NODES: Mapping[type[ast.AST], bool | _Check] = {
    **dict.fromkeys(
        (ast.Module, ast.arguments, ast.arg, ast.alias, ast.keyword, ast.Starred), True
    ),
    **dict.fromkeys((ast.Assign, ast.AnnAssign, ast.Return, ast.If, ast.For, ast.IfExp), True),
    **dict.fromkeys(
        (ast.Subscript, ast.Tuple, ast.List, ast.GeneratorExp, ast.comprehension), True
    ),
    **dict.fromkeys(
        (ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitOr), True
    ),
    **dict.fromkeys(
        (ast.MatMult, ast.UnaryOp, ast.USub, ast.Not, ast.Compare, ast.Load, ast.Store), True
    ),
    **dict.fromkeys((ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot), True),
    **dict.fromkeys((ast.Import, ast.ImportFrom), _Scope.is_import),
    ast.ClassDef: _Scope.is_class,
    ast.FunctionDef: _Scope.is_method,
    ast.Expr: _Scope.is_statement,
    ast.Constant: _Scope.is_constant,
    ast.Name: _Scope.is_name,
    ast.Attribute: _Scope.is_attribute,
    ast.Call: _Scope.is_call,
}
"""What a generated file is made of: kinds of nodes, and what must hold of some of them."""


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, those of the scopes inside it left out."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _SCOPES):
            todo += ast.iter_child_nodes(node)


def _dotted(node: ast.expr) -> list[str]:
    """Return the words of `nn.init.zeros_`, nothing for what is no such chain."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.insert(0, node.attr)
        node = node.value
    return [node.id, *words] if isinstance(node, ast.Name) else []


def _is_constructor(node: ast.Attribute) -> bool:
    """Tell whether this is `super().__init__`."""
    match node:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[], keywords=[])):
            return node.attr == "__init__"
    return False
