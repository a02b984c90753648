"""A PyTorch module → Flat: traced in inference and in training, which are laid side by side."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from netspec.analysis.network import Network
from netspec.importer import torch_joins, torch_layers, torch_pieces  # noqa: F401  # they register
from netspec.importer.flat import Flat, Result
from netspec.importer.naming import network_name
from netspec.importer.refusal import Unliftable, refused
from netspec.importer.spec import imported
from netspec.importer.torch_align import aligned
from netspec.importer.torch_lift import Draft, Lifter
from netspec.importer.torch_names import named, read_of
from netspec.importer.torch_regions import lift, regions
from netspec.importer.torch_tidy import tidied
from netspec.importer.torch_trace import Trace, exported, trace_of

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram


def import_module(
    model: nn.Module, inputs: Sequence[Tensor], name: str | None, doc: str
) -> Network:
    """Return the network that a module is. Raises SpecError, and what torch.export raises.

    The keys are those of `within_names(model)`.
    """
    name = name or network_name(type(model).__name__)
    model = within_names(model)
    flat = flat_of(model, [_twice(tensor) for tensor in inputs], name, doc or _doc(model))
    return imported(flat, shapes_of(model.state_dict()))


def within_names(model: nn.Module) -> nn.Module:
    """Return a module whose parts have names: a list of numbers becomes one called `layers`."""
    from torch import nn

    if not any(name.isdecimal() for name, _ in model.named_children()):
        return model
    return nn.Sequential(OrderedDict(layers=model))


def import_program(
    program: ExportedProgram, name: str, doc: str
) -> tuple[Network, Mapping[str, Tensor]]:
    """Return the network that an exported program is, and its weights. Raises SpecError."""
    loose = {*program.graph_signature.non_persistent_buffers}
    state = {key: tensor for key, tensor in program.state_dict.items() if key not in loose}
    flat = flat_of_traces([trace_of(program)], state, name, doc)
    return imported(flat, shapes_of(state)), state


def _doc(model: nn.Module) -> str:
    kind = type(model)
    return f"Imported from {kind.__module__}.{kind.__qualname__}"


def _twice(tensor: Tensor) -> Tensor:
    """Return an example as a batch of two: of one nobody can tell that it is a batch."""
    import torch

    return tensor if len(tensor) > 1 else torch.cat([tensor, tensor])


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a state_dict."""
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def flat_of(model: nn.Module, inputs: Sequence[Tensor], name: str, doc: str) -> Flat:
    """Return what a module does.

    Raises SpecError with every call that no op does, and what torch.export raises.
    """
    state = model.state_dict()
    modes = {part: part.training for part in model.modules()}
    try:
        training = exported(model, inputs, True)
        inference = exported(model, inputs, False)
    finally:
        for part, mode in modes.items():
            part.training = mode
    return flat_of_traces([training, inference], state, name, doc)


def flat_of_traces(
    traces: Sequence[Trace], state: Mapping[str, Tensor], name: str, doc: str
) -> Flat:
    """Return what traces of one module do: the first has all that the second has.

    Raises SpecError.
    """
    shapes = shapes_of(state)
    lifters = [lifted(trace, shapes, state) for trace in traces]
    missing = {one[:2]: one for lifter in lifters for one in lifter.missing}
    if missing:
        raise refused(missing.values())
    whole = lifters[0]
    names = _inputs(whole)
    drafts = _needed(whole)
    both = aligned(drafts, _needed(lifters[-1]))
    steps, paths, wrong = named(drafts, names, both.only, shapes)
    if wrong := [*both.wrong, *wrong, *_unread(drafts, shapes)]:
        raise refused(wrong)
    outputs = {
        text: Result(read_of(whole.value(result), paths, names))
        for text, result in zip(whole.trace.names, whole.trace.results, strict=True)
    }
    sizes = {
        text: tuple(int(size) for size in node.meta["val"].shape[1:])
        for text, node in zip(names, whole.trace.inputs, strict=True)
    }
    return Flat(name, doc, sizes, steps, outputs, _integers(whole, names), (*shapes,))


def lifted(
    trace: Trace, shapes: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]
) -> Lifter:
    """Lift the calls of a trace, those of some modules together."""
    lifter = Lifter(trace, shapes, state)
    lifter.begin()
    homes = regions(trace.nodes)
    for node in trace.nodes:
        if node not in homes or lifter.is_size(node):
            lifter.lift(node)
        elif node is homes[node].nodes[-1] and not lifter.is_behind_missing(homes[node].nodes):
            kind = homes[node].scope.classes[-1]
            lifter.attempt(node, kind, partial(lift, lifter, homes[node]))
    return lifter


def _inputs(lifter: Lifter) -> list[str]:
    """Return what inputs are called: one alone with a height and a width is an image."""
    nodes = lifter.trace.inputs
    if len(nodes) == 1 and len(nodes[0].meta["val"].shape) == 4:
        return ["image"]
    return [node.name if node.name != "input" else "given" for node in nodes]


def _integers(lifter: Lifter, names: Sequence[str]) -> frozenset[str]:
    pairs = zip(lifter.trace.inputs, names, strict=True)
    return frozenset(name for node, name in pairs if not node.meta["val"].is_floating_point())


def _needed(lifter: Lifter) -> dict[int, Draft]:
    """Return the drafts that a result depends on, by their numbers."""
    needed: set[int] = set()
    todo = [lifter.value(result).draft for result in lifter.trace.results]
    while todo:
        number = todo.pop()
        if number >= 0 and number not in needed:
            needed.add(number)
            todo += [read.draft for read in lifter.drafts[number].reads]
    results = frozenset(lifter.value(result).draft for result in lifter.trace.results)
    return tidied({number: lifter.drafts[number] for number in sorted(needed)}, results)


def _unread(drafts: Mapping[int, Draft], shapes: Mapping[str, object]) -> list[Unliftable]:
    """Return the tensors of a state_dict that no call reads."""
    read = {key for draft in drafts.values() for key in draft.tensors.values()}
    counts = {key for key in shapes if key.endswith(".num_batches_tracked")}
    left = [key for key in shapes if key not in read | counts]
    help = "delete what the network does not use"
    return [
        Unliftable("a tensor that nothing reads", tuple(key.split(".")), key, help) for key in left
    ]
