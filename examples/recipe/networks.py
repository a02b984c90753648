"""From a spec or a generated module to a model that is ready to train."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from torch import Tensor, nn

import netspec
from recipe.data import Size
from recipe.errors import UserError
from recipe.options import Recipe
from recipe.randomness import drawn_from, seed_for


@dataclass(frozen=True)
class Network:
    model: nn.Module
    size: Size
    """Height and width of the input."""
    macs: int | None = None
    """The multiply-adds of an image in inference; unknown for a module that is no spec's."""


def build(recipe: Recipe, classes: int | None = None) -> Network:
    """Return the recipe's network, initialised; it has `classes` unless --set says otherwise."""
    with drawn_from(seed_for(recipe.seed, "init")):
        if recipe.module:
            return _from_module(recipe.module, recipe.settings, classes)
        net = load(recipe, classes)
        _, height, width = next(iter(net.network.graph.inputs.values()))
        return Network(net.build(), (height, width), net.macs)


def load(recipe: Recipe, classes: int | None = None) -> netspec.Net:
    """Return the recipe's spec, which has `classes` unless --set says otherwise."""
    settings: dict[str, Any] = recipe.settings
    if classes is not None and "classes" in netspec.load(recipe.spec).network.spec.params:
        settings = {"classes": classes, **settings}
    return netspec.load(recipe.spec, **settings)


def _from_module(path: str, settings: dict[str, Any], classes: int | None) -> Network:
    """Build the last class of a generated file; `size` must be what the file was built for."""
    settings = dict(settings)
    size = int(settings.pop("size", 224))
    module = _import(path)
    kinds = [kind for kind in vars(module).values() if _is_network(kind, module)]
    if not kinds:
        raise UserError(f"{path} defines no network")
    network = kinds[-1]
    known = inspect.signature(network).parameters
    for name in settings.keys() - known:
        own = ", ".join(["size", *known])
        raise UserError(f"--set {name}: {network.__name__} of {path} has no such parameter: {own}")
    if classes is not None and "classes" in known:
        settings = {"classes": classes, **settings}
    return Network(network(**settings), (size, size))


def _import(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_model", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _is_network(kind: Any, module: ModuleType) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, nn.Module)
        and kind.__module__ == module.__name__
    )


def total_loss(model: nn.Module, parts: tuple[Tensor, ...]) -> Tensor:
    """Add up the losses with the weights that the spec gives them."""
    if len(parts) == 1:
        return parts[0]
    total: Tensor = model.total_loss(*parts)  # type: ignore[operator]  # a generated method
    return total
