"""The proof that generated source holds nothing but what the emitter means to write.

Every class is parsed before anybody gets it: its syntax tree may have these kinds of nodes, these
names and these calls, and no others. Whatever a spec's text could have smuggled in ends here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from netspec.emit.torch.initialise import METHOD
from netspec.emit.torch.naming import GLOBALS
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS

_NODES = (
    *(ast.Module, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.alias),
    *(ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign, ast.Return, ast.If, ast.For),
    *(ast.Call, ast.keyword, ast.Starred, ast.Attribute, ast.Subscript, ast.Name, ast.Constant),
    *(ast.Tuple, ast.List, ast.BinOp, ast.UnaryOp, ast.USub, ast.Not, ast.Compare, ast.IfExp),
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitOr, ast.cmpop, ast.expr_context),
    *(ast.GeneratorExp, ast.comprehension),
)
_IMPORTS = {
    "import torch",
    "from torch import Tensor, nn",
    "from torch.nn import functional as F",
    "from typing import NamedTuple",
}
_FUNCTIONS = {
    *("nn.Module", "nn.Sequential", "nn.ModuleList", "nn.Identity", "torch.zeros"),
    *(cls.module for cls in REGISTRY.values()),
    *(f"nn.init.{name}" for name in FILLERS),
}
"""What of torch may be named: the registry is the vocabulary, so a new op needs no line here."""
_BUILTINS = {"bool", "float", "int", "isinstance", "range", "super", "tuple"}
_METHODS = {"add_module", "expand", "get_parameter", "get_submodule", "modules", METHOD}
_BASES = (["nn.Module"], ["nn.Sequential"], ["nn.ModuleList"], ["NamedTuple"])
_SUBMODULE = ["self", "get_submodule"]
_DEFINED = {"__init__", "forward", "total_loss", METHOD}
_WORD = re.compile(r"[A-Za-z0-9_.]*", re.ASCII)
_Scope = ast.FunctionDef | ast.ClassDef | ast.Module


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
    docs = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    written = (ast.get_docstring(docs[0], clean=False) or "").split() if docs else []
    _need(written[: len(words := doc.split())] == words, tree, "the docstring is another text")
    for scope in (tree, *docs, *(f for c in docs for f in c.body if isinstance(f, _Scope))):
        _check_scope(scope, classes)
    return source


def _need(holds: bool, node: ast.AST, message: str) -> None:
    if not holds:
        line = getattr(node, "lineno", 1)
        raise UnexpectedCode(f"generated code, line {line} of a class: {message}")


def _inside(scope: _Scope) -> Iterator[ast.AST]:
    """Yield the nodes of a scope itself, those of inner classes and methods left out."""
    todo: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _Scope):
            todo += ast.iter_child_nodes(node)


def _check_scope(scope: _Scope, classes: Collection[str]) -> None:
    nodes = list(_inside(scope))
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    known = {*GLOBALS, *_BUILTINS, *classes}
    texts = _docstrings(scope)
    for node in nodes:
        _need(isinstance(node, _NODES), node, f"a {type(node).__name__}")
        match node:
            case ast.Import() | ast.ImportFrom():
                _need(ast.unparse(node) in _IMPORTS, node, "an import")
            case ast.ClassDef():
                _check_class(node, classes)
            case ast.FunctionDef():
                is_plain = not node.decorator_list and node.name in _DEFINED
                _need(is_plain, node, f"a function {node.name}")
            case ast.Name():
                _need(node.id in known or node.id in bound, node, f"the name {node.id}")
            case ast.Attribute():
                _check_attribute(node, bound)
            case ast.Call():
                _check_call(node, bound, classes)
            case ast.Constant(value=str()) if node not in texts:
                _need(_WORD.fullmatch(str(node.value)) is not None, node, "a text")
            case ast.Expr():
                _need(isinstance(node.value, ast.Call) or node.value in texts, node, "a statement")


def _docstrings(scope: _Scope) -> list[ast.expr]:
    first = scope.body[0] if scope.body else None
    return [first.value] if isinstance(first, ast.Expr) else []


def _check_class(node: ast.ClassDef, classes: Collection[str]) -> None:
    bases = [".".join(_dotted(base)) for base in node.bases]
    is_plain = not node.decorator_list and not node.keywords and node.name in classes
    _need(is_plain and bases in _BASES, node, f"a class {node.name}")


def _dotted(node: ast.expr) -> list[str]:
    """Return the words of `nn.init.zeros_`, nothing for what is no such chain."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.insert(0, node.attr)
        node = node.value
    return [node.id, *words] if isinstance(node, ast.Name) else []


def _check_attribute(node: ast.Attribute, bound: Collection[str]) -> None:
    words = _dotted(node)
    if words and words[0] in GLOBALS and words[0] not in bound:
        text = ".".join(words)
        _need(text in _FUNCTIONS or text == "nn.init", node, f"the name {text}")
    else:
        is_hidden = node.attr.startswith("_") and not _is_constructor(node)
        _need(not is_hidden, node, f"the attribute {node.attr}")


def _is_constructor(node: ast.Attribute) -> bool:
    """Tell whether this is `super().__init__`."""
    match node:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[], keywords=[])):
            return node.attr == "__init__"
    return False


def _check_call(node: ast.Call, bound: Collection[str], classes: Collection[str]) -> None:
    function = node.func
    match function:
        case ast.Name():
            is_ours = function.id in classes or function.id in _BUILTINS
            _need(is_ours and function.id not in bound, node, f"a call of {function.id}")
        case ast.Attribute():
            words = _dotted(function)
            is_child = len(words) == 2 and words[0] == "self"
            is_method = function.attr in _METHODS or _is_constructor(function)
            is_torch = ".".join(words) in _FUNCTIONS and words[0] not in bound
            message = f"a call of {function.attr}"
            _need(is_child or is_method or is_torch, node, message)
        case ast.Subscript():
            _need(_dotted(function.value) == ["self"], node, "a call of an item")
        case _:
            is_child = isinstance(function, ast.Call) and _dotted(function.func) == _SUBMODULE
            _need(is_child, node, "a call of a value")
