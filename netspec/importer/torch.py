"""A PyTorch module → Flat: traced in inference and in training, which are laid side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from netspec.importer import torch_layers, torch_moves  # noqa: F401  # they register what they lift
from netspec.importer.flat import Flat, Result
from netspec.importer.torch_lift import Draft, Held, Lifter, Unliftable
from netspec.importer.torch_names import named, read_of
from netspec.importer.torch_trace import Trace, exported

if TYPE_CHECKING:
    from torch import Tensor, nn


class Refused(Exception):
    """A network with calls that netspec lacks: all of them."""

    def __init__(self, missing: Sequence[Unliftable]) -> None:
        super().__init__(f"{len(missing)} calls have no counterpart")
        self.missing = tuple(missing)


def flat_of(model: nn.Module, inputs: Sequence[Tensor], name: str, doc: str) -> Flat:
    """Return what a module does. Raises Refused, and what torch.export raises."""
    state = model.state_dict()
    modes = model.training
    try:
        training = exported(model, inputs, True)
        inference = exported(model, inputs, False)
    finally:
        model.train(modes)
    return flat_of_traces(training, inference, state, name, doc)


def flat_of_traces(
    training: Trace, inference: Trace, state: Mapping[str, Tensor], name: str, doc: str
) -> Flat:
    """Return what two traces of one module do. Raises Refused."""
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    both = [Lifter(trace, shapes, state) for trace in (training, inference)]
    for lifter in both:
        lifter.run()
    missing = {x[:2]: x for lifter in both for x in lifter.missing}
    if missing:
        raise Refused([*missing.values()])
    whole, eval_only = both
    names = _inputs(whole)
    only = _training_only(whole.drafts, eval_only.drafts)
    steps, paths, wrong = named(_needed(whole), names, only, shapes)
    if wrong:
        raise Refused(wrong)
    outputs = {
        text: Result(read_of(whole.value(result), paths, names))
        for text, result in zip(training.names, training.results, strict=True)
    }
    sizes = {
        text: tuple(int(size) for size in node.meta["val"].shape[1:])
        for text, node in zip(names, training.inputs, strict=True)
    }
    return Flat(name, doc, sizes, steps, outputs, _integers(whole, names), (*shapes,))


def _inputs(lifter: Lifter) -> list[str]:
    """Return what inputs are called: one alone with a height and a width is an image."""
    nodes = lifter.trace.inputs
    if len(nodes) == 1 and len(nodes[0].meta["val"].shape) == 4:
        return ["image"]
    return [node.name if node.name != "input" else "tokens" for node in nodes]


def _integers(lifter: Lifter, names: Sequence[str]) -> frozenset[str]:
    pairs = zip(lifter.trace.inputs, names, strict=True)
    return frozenset(name for node, name in pairs if not node.meta["val"].is_floating_point())


def _needed(lifter: Lifter) -> dict[int, Draft]:
    """Return the drafts that a result depends on."""
    needed: set[int] = set()
    todo = [lifter.value(result).draft for result in lifter.trace.results]
    while todo:
        number = todo.pop()
        if number >= 0 and number not in needed:
            needed.add(number)
            todo += [read.draft for read in lifter.drafts[number].reads]
    return {i: draft for i, draft in enumerate(lifter.drafts) if i in needed}


def _training_only(whole: Sequence[Draft], part: Sequence[Draft]) -> frozenset[int]:
    """Return the drafts that only training has, but for noise, which inference passes by."""

    def key(draft: Draft) -> object:
        return draft.scope.path, draft.op, *draft.tensors.values()

    match = SequenceMatcher(None, [*map(key, whole)], [*map(key, part)], autojunk=False)
    found = {
        i
        for tag, start, end, *_ in match.get_opcodes()
        if tag in ("delete", "replace")
        for i in range(start, end)
    }
    return frozenset(i for i in found if whole[i].op != "stochastic_depth")
