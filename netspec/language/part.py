"""Some layers of a chain, which stand without the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.language.lower import Step
from netspec.language.model import Layer
from netspec.language.terms import Ref


def owned(steps: Sequence[Step]) -> tuple[dict[str, str], tuple[Layer, ...]]:
    """Give weights whose own layer is cut off to the first layer that shares them.

    It takes the name of that layer, and with it the keys. Return what is called otherwise now, and
    the layers as they are written then.
    """
    names = {step.layer.name for step in steps}
    moved: dict[str, str] = {}
    kept: dict[int, Layer] = {}
    for layer, owner, line, *_ in steps:
        kept[line] = layer
        if owner.name not in names:
            names.add(owner.name)
            moved[layer.name] = owner.name
            # What is kept runs in inference, whenever the layer that is cut off did.
            own = {"shape": layer.said.shape, "when": layer.condition or owner.condition}
            said = owner.said.model_copy(update=own)
            kept[line] = replace(owner, sources=layer.sources, said=said)
    return moved, tuple(
        replace(layer, sources=tuple(renamed(ref, moved) for ref in layer.sources))
        for _, layer in sorted(kept.items())
    )


def renamed(ref: Ref, moved: Mapping[str, str]) -> Ref:
    """Return a reference to a layer under the name that it has now."""
    return replace(ref, name=moved.get(ref.name, ref.name))
