"""The proof that generated source holds nothing but what the emitter means to write.

Every class is parsed before anybody gets it: its syntax tree may have these kinds of nodes, these
names and these calls, and no others. Whatever a spec's text could have smuggled in ends here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from types import NoneType
from typing import NamedTuple, NoReturn

from netspec.emit.torch.convert import CONVERT
from netspec.emit.torch.initialise import METHOD
from netspec.emit.torch.instances import MAKER
from netspec.emit.torch.naming import GLOBALS
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS
from netspec.ops.own import package_of

_IMPORTS = {
    "from collections import OrderedDict",
    "from collections.abc import Callable",
    "import torch",
    "from torch import Tensor, nn",
    "from torch.nn import functional as F",
    "from typing import NamedTuple",
}
_CONTAINERS = ("nn.Module", "nn.Sequential", "nn.ModuleList", "nn.ModuleDict")
_FUNCTIONS = {
    *(*_CONTAINERS, "nn.Identity", "torch.zeros"),
    *("torch.arange", "torch.full", "torch.channels_last"),
    *(cls.module for cls in REGISTRY.built_in.values()),
    *(f"nn.init.{name}" for name in FILLERS),
}
"""What of torch may be named: the registry is the vocabulary, so a new op needs no line here."""
_BUILTINS = {
    *("OrderedDict", "bool", "dict", "float", "int", "isinstance", "range", "str", "super"),
    "tuple",
}
_CALLED = {"contiguous", "expand", "get_parameter", "modules", METHOD}
"""Methods that are called on something else than a child."""
_BASES = [[text] for text in ("NamedTuple", *_CONTAINERS)]
_METHODS = {"__init__", "forward", "total_loss", METHOD, CONVERT}
_WORD = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef)
_PLAIN = (
    *(ast.Module, ast.arguments, ast.arg, ast.alias, ast.keyword, ast.Starred),
    *(ast.Assign, ast.AnnAssign, ast.Return, ast.If, ast.For, ast.IfExp),
    *(
        ast.Subscript,
        ast.Tuple,
        ast.List,
        ast.GeneratorExp,
        ast.DictComp,
        ast.Dict,
        ast.comprehension,
    ),
    ast.FormattedValue,
    *(
        ast.BinOp,
        ast.Add,
        ast.Sub,
        ast.BoolOp,
        ast.And,
        ast.Mult,
        ast.MatMult,
        ast.Div,
        ast.FloorDiv,
        ast.Mod,
        ast.BitOr,
    ),
    *(ast.UnaryOp, ast.USub, ast.Not, ast.Compare, ast.Load, ast.Store),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot),
)
"""The kinds of nodes of which nothing else must hold."""


class UnexpectedCode(AssertionError):
    """Generated source that holds something the emitter never writes: a bug of ours."""


class Vocabulary(NamedTuple):
    """What a file may name beside torch: its own classes, and what the user let it import."""

    classes: Collection[str]
    imported: Collection[str] = ()
    """The paths of what it may call, `mylib.layers.SqueezeExcite`."""


def audit(source: str, words: Vocabulary, doc: str = "") -> str:
    """Return a part of a generated file unchanged once it is proved.

    The docstring of the part's class, evaluated, opens with the words of `doc`.
    Raises UnexpectedCode.
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
            _Scope(scope, words).check()
    return source


def called(parts: Iterable[str], words: Vocabulary) -> set[str]:
    """Return what the parts of a file name of all that it may import."""
    nodes = (node for part in parts for node in ast.walk(ast.parse(part)))
    paths = {".".join(_dotted(node)) for node in nodes if isinstance(node, ast.Attribute)}
    return paths.intersection(words.imported)


def compiled(source: str) -> str:
    """Return a whole file unchanged once Python compiles it, without running it.

    What parses may still be no Python: an argument that stands twice, `return` outside of a
    function. Raises UnexpectedCode.
    """
    try:
        compile(source, "<generated>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnexpectedCode(f"generated code does not compile: {error}") from None
    return source


def _refuse(node: ast.AST, what: str) -> NoReturn:
    raise UnexpectedCode(f"generated code holds {what} in line {getattr(node, 'lineno', 1)}")


class _Scope:
    """A module, a class or a method without the scopes inside: which names it binds and reads."""

    def __init__(self, scope: ast.Module | ast.ClassDef | ast.FunctionDef, words: Vocabulary):
        first = scope.body[0] if scope.body else None
        self._docstring = first.value if isinstance(first, ast.Expr) else None
        self._classes, self._imported = words
        self._modules = {f"import {package_of(path)}" for path in self._imported}
        self._nodes = list(_inside(scope))
        self._bound = {node.arg for node in self._nodes if isinstance(node, ast.arg)}
        names = [node for node in self._nodes if isinstance(node, ast.Name)]
        arguments = [node for node in self._nodes if isinstance(node, ast.arg)]
        self._makers = {x.arg for x in arguments if x.annotation and _is_maker(x.annotation)}
        self._bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        # Of `mylib.layers.SqueezeExcite` only the whole is named, never `mylib.layers`.
        self._parts = {id(part) for node in self._nodes for part in self._prefixes(node)}

    def check(self) -> None:
        """Raise UnexpectedCode for the first node that the emitter never writes."""
        for node in self._nodes:
            if not self._allows(node):
                _refuse(node, f"`{ast.unparse(node)[:80]}`, a {type(node).__name__}")

    def _allows(self, node: ast.AST) -> bool:
        # A node that fails its own case must not pass by the list at the end, which names none of
        # the kinds above it.
        match node:
            case ast.Import() | ast.ImportFrom():
                return ast.unparse(node) in _IMPORTS | self._modules
            case ast.ClassDef(decorator_list=[], keywords=[]):
                bases = [".".join(_dotted(base)) for base in node.bases]
                return node.name in self._classes and bases in _BASES
            case ast.FunctionDef(decorator_list=[]):
                return node.name in _METHODS
            case ast.Expr():
                return isinstance(node.value, ast.Call) or node.value is self._docstring
            case ast.JoinedStr(
                values=[ast.Constant(value=str(text)), ast.FormattedValue() as item]
                | [ast.FormattedValue() as item, ast.Constant(value=str(text))]
            ):
                # The name of a copy, a word and a number; or a key below a place.
                is_plain = item.conversion == -1 and item.format_spec is None
                return is_plain and bool(text) and _WORD.fullmatch(text) is not None
            case ast.JoinedStr():
                return False
            case ast.Constant(value=str(text)):
                return node is self._docstring or _WORD.fullmatch(text) is not None
            case ast.Constant():
                return isinstance(node.value, int | float | NoneType)
            case ast.Name():
                is_known = node.id in GLOBALS or node.id in self._bound or self._makes(node.id)
                return is_known or id(node) in self._parts
            case ast.Attribute():
                if id(node) in self._parts:
                    return True
                if text := self._global(node):
                    return self._is_function(text) or text == "nn.init"
                return not node.attr.startswith("_") or _is_constructor(node)
            case ast.Call():
                return self._may_call(node.func)
        return isinstance(node, _PLAIN)

    def _may_call(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                return name in self._makers or (self._makes(name) and name not in self._bound)
            case ast.Attribute():
                if text := self._global(function):
                    return self._is_function(text)
                words = _dotted(function)
                is_child = len(words) == 2 and words[0] == "self"
                return is_child or function.attr in _CALLED or _is_constructor(function)
            case ast.Subscript():
                return _dotted(function.value) == ["self"]
        return False

    def _makes(self, name: str) -> bool:
        """Tell whether a name is that of a class of the file, or of a function of Python."""
        return name in self._classes or name in _BUILTINS

    def _is_function(self, text: str) -> bool:
        return text in _FUNCTIONS or text in self._imported

    def _global(self, node: ast.Attribute) -> str:
        """Return what of a package an attribute names, nothing for one of a local variable."""
        words = _dotted(node)
        packages = {*GLOBALS, *(path.partition(".")[0] for path in self._imported)}
        is_global = words and words[0] in packages and words[0] not in self._bound
        return ".".join(words) if is_global else ""

    def _prefixes(self, node: ast.AST) -> Iterator[ast.expr]:
        """Yield the parts of the path of something that was imported."""
        is_whole = isinstance(node, ast.Attribute) and self._global(node) in self._imported
        while is_whole and isinstance(node, ast.Attribute):
            node = node.value
            yield node


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


def _is_maker(annotation: ast.expr) -> bool:
    return ast.unparse(annotation) == MAKER


def _is_constructor(node: ast.Attribute) -> bool:
    return ast.unparse(node) == "super().__init__"
