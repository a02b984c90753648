"""The arguments of a generated class's constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.emit.torch.constructs import compared_names, used_names
from netspec.emit.torch.instances import Instances, type_name
from netspec.emit.torch.plan import GLOBAL, ClassParam, ClassPlan
from netspec.language.model import Block
from netspec.ops.dim import names


def names_in(plan: ClassPlan) -> dict[str, None]:
    """Return the names that a class reads, in the order in which it does."""
    children = plan.children.values()
    used = dict.fromkeys(text for child in children for text in used_names(child))
    used |= dict.fromkeys(plan.read)
    # Sorted, as a set has no order that two builds would share.
    compared = {text for child in children for text in compared_names(child)}
    return used | dict.fromkeys(sorted(compared))


def block_params(
    block: Block, blocks: Mapping[str, Block], instances: Instances
) -> list[ClassParam]:
    """Return the arguments that a block declares.

    A default that names a block is written if the network has it; none stands before it otherwise.
    """
    found: list[ClassParam] = []
    for param in block.params.values():
        default = param.meant(param.default)
        kind = instances.type_of(block.body, param.name, default)
        if instances.lack(default, blocks):
            found = [replace(one, default=None) for one in found]
            default = None
        found.append(ClassParam(param.name, kind, default))
    return found


def class_params(
    plan: ClassPlan,
    declared: list[ClassParam],
    spec: Mapping[str, object],
    instances: Instances,
    is_model: bool = False,
) -> tuple[ClassParam, ...]:
    """Return the arguments of a constructor: what it reads of channels, its block and the spec.

    Channels come first, as in torch, then what the block declares, in its order, as its uses write
    it by position. Behind them, by keyword, stands what a use does not write in the spec: the
    spec's parameters, what an inline block sees of the block around it, and sizes of the image.
    """
    used = names_in(plan)
    channels = dict.fromkeys(names(plan.symbols))
    front = [ClassParam(text, "int") for text in channels if text in used and text[0] != "@"]
    front += [param for param in declared if param.name in used]
    known = {param.name for param in front} | {*plan.extras}
    free = [text for text in used if text not in known and text[0] not in ("@", GLOBAL)]
    back = [
        ClassParam(GLOBAL + text, type_name(value), value if is_model else None, not is_model)
        for text, value in spec.items()
        if GLOBAL + text in used
    ]
    back += [ClassParam(x, instances.type_of(plan.body, x), keyword_only=True) for x in free]
    back += [ClassParam(text, "int", keyword_only=True) for text in plan.extras]
    return (*front, *back)
