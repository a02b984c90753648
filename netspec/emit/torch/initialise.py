"""The method that fills a network's tensors as the spec's `init:` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netspec.emit.torch.layout import INDENT, Code, Prefixed, call, literal, quoted, statement
from netspec.emit.torch.plan import Plan, is_plain
from netspec.language.model import Chain, Layer, Spec, chains
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import Filler

METHOD = "init_parameters"


def initialiser(spec: Spec, plans: list[Plan]) -> list[str]:
    """Return the method's lines, none if the spec says nothing; `plans` are of all classes."""
    by_op = _by_op(spec)
    by_layer = [line for plan in plans for line in _by_layer(plan, plan.body is spec.model.body)]
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


def _by_layer(plan: Plan, is_model: bool) -> list[str]:
    """Return the lines for the layers of one class that say `init:` themselves."""
    layers = [(path, layer) for path, layer in _layers(plan) if layer.init]
    if not layers:
        return []
    if is_model:
        return [line for path, layer in layers for line in _fill("self", path, layer.init, 2)]
    inside = [line for path, layer in layers for line in _fill("module", path, layer.init, 4)]
    head = [
        f"{INDENT * 2}for module in self.modules():",
        f"{INDENT * 3}if isinstance(module, {plan.name}):",
    ]
    return [*head, *inside]


def _layers(plan: Plan) -> Iterator[tuple[str, Layer]]:
    """Yield the layers that are children of a class, or items of its sequences, by path."""
    for i, chain in enumerate(chains(plan.body)):
        prefix = "" if chain.named or chain is plan.body else f"{i}."
        yield from _below(prefix, chain.layers)
    yield from _below("", plan.heads)


def _below(prefix: str, layers: Sequence[Layer]) -> Iterator[tuple[str, Layer]]:
    for layer in layers:
        yield prefix + layer.name, layer
        if isinstance(layer.call, Chain) and is_plain(layer.call):
            yield from _below(f"{prefix}{layer.name}.", layer.call.layers)


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
