"""The method that fills a network's tensors as the spec's `init:` says."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.emit.torch.layout import INDENT, Code, Prefixed, call, literal, quoted, statement
from netspec.emit.torch.plan import ClassPlan, FilePlan
from netspec.language.model import Spec
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import Filler

METHOD = "init_parameters"


def initialiser(spec: Spec, plan: FilePlan) -> list[str]:
    """Return the method's lines, none if the spec says nothing."""
    by_op = _by_op(spec)
    by_layer = [line for one in plan.classes for line in _by_layer(one, one is plan.model)]
    if not by_op and not by_layer:
        return []
    head = [
        f"{INDENT}def {METHOD}(self) -> None:",
        f'{INDENT * 2}"""Fill the parameters as the spec says; called by the constructor."""',
    ]
    return [*head, *by_op, *by_layer]


def _by_op(spec: Spec) -> list[str]:
    """Return the lines for all layers of an op; ops that are filled alike share them."""
    alike: list[tuple[Mapping[str, Filler], list[str]]] = []
    for name, fillers in spec.init.items():
        modules = next((found for known, found in alike if known == fillers), None)
        if modules is None:
            modules = []
            alike.append((fillers, modules))
        modules.append(REGISTRY[name].module)
    lines = [f"{INDENT * 2}for module in self.modules():"] if alike else []
    for i, (fillers, modules) in enumerate(alike):
        word = "elif" if i else "if"
        lines.append(f"{INDENT * 3}{word} isinstance(module, {' | '.join(modules)}):")
        lines += _fill("module", "", fillers, 4)
    return lines


def _by_layer(plan: ClassPlan, is_model: bool) -> list[str]:
    """Return the lines for the layers of one class that say `init:` themselves."""
    if not plan.fillers:
        return []
    if is_model:
        return [line for path, fillers in plan.fillers for line in _fill("self", path, fillers, 2)]
    inside = [line for path, fillers in plan.fillers for line in _fill("module", path, fillers, 4)]
    head = [
        f"{INDENT * 2}for module in self.modules():",
        f"{INDENT * 3}if isinstance(module, {plan.name}):",
    ]
    return [*head, *inside]


def _target(owner: str, path: str, tensor: str) -> str:
    """Write a tensor; `get_parameter` keeps its type where an item of a sequence has none."""
    whole = ".".join(text for text in (path, tensor) if text)
    if any(text.isdecimal() for text in whole.split(".")):
        return f"{owner}.get_parameter({quoted(whole)})"
    return f"{owner}.{whole}"


def _fill(owner: str, path: str, fillers: Mapping[str, Filler], depth: int) -> list[str]:
    lines: list[str] = []
    for tensor, filler in fillers.items():
        target = _target(owner, path, tensor)
        made = filler.torch(target)
        items: list[Code] = [literal(value, {}) for value in made.args[1:]]
        items = [target, *items]
        items += [Prefixed(f"{key}=", literal(value, {})) for key, value in made.kwargs.items()]
        if tensor == "bias" and not path:
            lines.append(f"{INDENT * depth}if {target} is not None:")
            lines += statement("", call(made.function, items), depth=depth + 1)
        else:
            lines += statement("", call(made.function, items), depth=depth)
    return lines
