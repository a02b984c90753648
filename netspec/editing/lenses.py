"""What stands above each block: how often it is used, and what all its uses cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netspec.editing.facts import Facts
from netspec.editing.workspace import Document
from netspec.emit.diagram.numbers import short
from netspec.language.model import Block
from netspec.text.diagnostics import Span


class Lens(NamedTuple):
    """A few words above a line."""

    span: Span
    title: str


def lenses(document: Document) -> Sequence[Lens]:
    """Return a lens for each block of the text."""
    facts = document.facts
    blocks = facts.network.spec.blocks.values() if facts else ()
    found = [(document.now(block.span), block) for block in blocks]
    return [Lens(now, used(facts, block)) for now, block in found if now and facts]


def used(facts: Facts, block: Block) -> str:
    """Say how often a block is used, its parameters and multiply-adds in all uses together."""
    uses = facts.instances(block)
    cost = facts.cost(use.id for use in uses)
    costs = f", {short(cost.params)} parameters, {short(cost.macs)} MACs" if uses else ""
    around = [facts.network.graph.uses[use.use] for use in uses]
    when = ", only in training" if uses and all(use.train_only for use in around) else ""
    return often(len(uses)) + costs + when


def often(count: int) -> str:
    """Say how often something is used."""
    if not count:
        return "not used"
    return "used " + {1: "once", 2: "twice"}.get(count, f"{count:,} times")
