"""`torch:package.module:factory(arguments)` → the module that the factory makes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


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
