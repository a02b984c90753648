"""The method that fills a network's tensors as the spec's `init:` says."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.emit.torch.layout import INDENT, arguments, call, literal, quoted, statement
from netspec.emit.torch.plan import ClassPlan, FilePlan
from netspec.language.model import Spec
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import Filler

METHOD = "init_parameters"


def initialiser(spec: Spec, plan: FilePlan) -> list[str]:
    """Return the method's lines, none if the spec says nothing."""
    lines = _by_op(spec, plan)
    for one in plan.classes:
        lines += _by_layer(one, one is plan.model) if one.fillers else []
    head = [
        f"{INDENT}def {METHOD}(self) -> None:",
        f'{INDENT * 2}"""Fill the parameters as the spec says; called by the constructor."""',
    ]
    return [*head, *lines] if lines else []


def _by_op(spec: Spec, plan: FilePlan) -> list[str]:
    """Return the lines for all layers of an op; ops that are filled alike share them.

    A class that torch lacks is in the file only where the network has such a layer.
    """
    said = {
        REGISTRY[name].module: fillers
        for name, fillers in spec.init.items()
        if "." in REGISTRY[name].module or REGISTRY[name].module in plan.helpers
    }
    alike: list[Mapping[str, Filler]] = []
    for fillers in said.values():
        if fillers not in alike:
            alike.append(fillers)
    lines = [f"{INDENT * 2}for module in self.modules():"] if alike else []
    for i, fillers in enumerate(alike):
        modules = [module for module, found in said.items() if found == fillers]
        word = "elif" if i else "if"
        test = f"isinstance(module, {' | '.join(modules)})"
        if [*fillers] == ["bias"]:  # one condition reads better than two
            lines.append(f"{INDENT * 3}{word} {test} and module.bias is not None:")
            lines += _fill("module.bias", fillers["bias"], 4)
            continue
        lines.append(f"{INDENT * 3}{word} {test}:")
        for tensor, filler in fillers.items():
            # What an op says holds for all its modules, also for those without a bias.
            may_lack = tensor == "bias"
            lines += [f"{INDENT * 4}if module.bias is not None:"] if may_lack else []
            lines += _fill(f"module.{tensor}", filler, 4 + may_lack)
    return lines


def _by_layer(plan: ClassPlan, is_model: bool) -> list[str]:
    """Return the lines for the layers of one class that say `init:` themselves."""
    owner, depth = ("self", 2) if is_model else ("module", 4)
    inside = [
        line
        for path, fillers in plan.fillers
        for tensor, filler in fillers.items()
        for line in _fill(_target(owner, path, tensor), filler, depth)
    ]
    if is_model:
        return inside
    loop = f"{INDENT * 2}for module in self.modules():"
    return [loop, f"{INDENT * 3}if isinstance(module, {plan.name}):", *inside]


def _target(owner: str, path: str, tensor: str) -> str:
    """Write a tensor; `get_parameter` keeps its type where an item of a sequence has none."""
    whole = ".".join(text for text in (path, tensor) if text)
    if not all(text.isidentifier() for text in whole.split(".")):
        return f"{owner}.get_parameter({quoted(whole)})"
    return f"{owner}.{whole}"


def _fill(target: str, filler: Filler, depth: int) -> list[str]:
    made = filler.torch(target)
    code = call(made.function, [target, *arguments(made, literal)[1:]])
    return statement("", code, depth=depth)
