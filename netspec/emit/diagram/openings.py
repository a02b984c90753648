"""Which blocks stand open: those that are asked for, and the order in which others close."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netspec.emit.diagram.parts import Part
from netspec.emit.diagram.tree import Outline, View
from netspec.emit.look import LookError
from netspec.graph.model import Node, NodeId, path
from netspec.text.diagnostics import suggest

_STEPS = 16
"""In which further uses close, and then the first ones: more steps would only differ a little."""


@dataclass(slots=True)
class _Form:
    """The uses of a block that have the same layers: a row of equal ones counts as one."""

    level: int = 0
    rows: list[list[Part]] = field(default_factory=list)

    @property
    def layers(self) -> int:
        """How many layers the further uses have."""
        return sum(part.count for row in self.rows[1:] for part in row)


def opened(outline: Outline, names: Iterable[str]) -> frozenset[NodeId]:
    """Return the blocks of some names, or at some paths, and all around them. Raises LookError."""
    uses: dict[str, list[NodeId]] = {}
    for part in _blocks(outline.parts):
        for name in dict.fromkeys([outline.block(part.id), path(part.id)]):
            uses.setdefault(name, []).append(part.id)
    uses.pop("", None)
    found: set[NodeId] = set()
    for name in names:
        if name not in uses:
            hint = suggest(name, uses) or "name a block, or the path of a use of one"
            raise LookError(f"no block is called `{name[:80]}`; {hint}")
        found.update(id[:end] for id in uses[name] for end in range(1, len(id) + 1))
    return frozenset(found)


def closings(outline: Outline, view: View) -> list[View]:
    """Return views that close ever more blocks, at last all that are not asked for.

    First go the further uses of a block, whose first use stays open: inner blocks before outer
    ones, and among those of a level the ones with most layers. Then go the first uses, inner ones
    before outer ones, and small ones before large ones.
    """
    forms = [*_forms(outline, view).values()]
    further = sorted(
        [form for form in forms if form.layers], key=lambda form: (-form.level, -form.layers)
    )
    first = sorted(forms, key=lambda form: (-form.level, sum(x.count for x in form.rows[0])))
    rest = [[part.id for row in form.rows[1:] for part in row] for form in further]
    exemplars = [[part.id for part in form.rows[0]] for form in first]
    closed = frozenset(view.closed)
    found = []
    for step in [*_joined(rest), *_joined(exemplars)]:
        closed |= set(step)
        found.append(view._replace(closed=closed))
    return found


def _joined(steps: Sequence[list[NodeId]]) -> Iterator[list[NodeId]]:
    """Yield no more than a number of steps in which all are taken."""
    size = -(-len(steps) // _STEPS) or 1
    for start in range(0, len(steps), size):
        yield [id for step in steps[start : start + size] for id in step]


def _forms(outline: Outline, view: View) -> dict[Hashable, _Form]:
    """Return the open blocks by what they are a use of and which layers they have."""
    forms = _numbered(outline, lambda node: type(node.op))
    twins = _numbered(outline, lambda node: (node.op.label(), outline.shape(node.id)))
    found: dict[Hashable, _Form] = {}
    last: dict[NodeId, int | None] = {}
    for part, level, is_box in outline.shown(view):
        equal = None if is_box else twins[part.id]
        if not is_box and part.id not in view.opened:
            form = found.setdefault(forms[part.id], _Form())
            form.level = max(form.level, level)
            if last.get(part.id[:-1]) == equal:
                form.rows[-1].append(part)
            else:
                form.rows.append([part])
        last[part.id[:-1]] = equal
    return found


def _numbered(outline: Outline, said: Callable[[Node], Hashable]) -> dict[NodeId, int]:
    """Return a number for each part; equal ones are uses of one block with layers said alike."""
    numbers: dict[Hashable, int] = {}
    found: dict[NodeId, int] = {}

    def number(part: Part) -> int:
        inner = tuple([(below.id[-1], number(below)) for below in part.children])
        key = (outline.block(part.id), inner or said(part.first))
        found[part.id] = numbers.setdefault(key, len(numbers))
        return found[part.id]

    number(outline.parts)
    return found


def _blocks(part: Part) -> Iterator[Part]:
    """Yield what has layers below it."""
    for below in part.children:
        if below.children:
            yield below
            yield from _blocks(below)
