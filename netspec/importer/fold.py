"""Flat → Spec: equal modules are one block, what differs is its parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from netspec.importer.concat import grown
from netspec.importer.flat import Flat, Path, Read, Step
from netspec.importer.lines import Body, Line, Local, Template, spec_of
from netspec.importer.merge import Part, merged
from netspec.importer.repeat import repeated, spliced
from netspec.importer.slots import Slot, filled, same, structure
from netspec.importer.solve import UNKNOWN, solved
from netspec.importer.tree import Group, Interleaved, tree_of
from netspec.language.model import INPUT, Spec
from netspec.language.names import widths
from netspec.language.terms import Maker, Value
from netspec.ops.apply import apply
from netspec.ops.base import REGISTRY, numbers
from netspec.ops.split import Cut


def fold(flat: Flat) -> Spec:
    """Return the spec of a network, with a block for each kind of module that is used often.

    Raises Interleaved for modules whose parts no spec can keep together.
    """
    flat = grown(flat)
    root = tree_of(flat)
    folder = _Folder(flat, shapes_of(flat))
    for kind in _kinds(root):
        folder.block(kind)
    body = folder.body(root)
    body = replace(spliced(body, folder.known), inputs=tuple(flat.inputs))
    return spec_of(flat, folder.templates, body)


Sizes = tuple[int, ...]


def shapes_of(flat: Flat) -> dict[Read, Sizes]:
    """Return the shapes of what steps and inputs give. Refused steps have none."""
    shapes = {Read((name,)): shape for name, shape in flat.inputs.items()}
    for step in flat.steps:
        op = REGISTRY[step.op].model_validate({**step.arguments})
        inputs = tuple(shapes[read] for read in step.reads if read in shapes)
        if len(inputs) < len(step.reads):
            continue
        if isinstance(op, Cut):
            for i, port in enumerate(op.called()):
                shapes[Read(step.path, port)] = numbers(op.piece(i, inputs[0]))
        else:
            shapes[Read(step.path)] = apply(op, inputs)[0]
    return shapes


CONTAINERS = ("", "Sequential", "ModuleList", "ModuleDict")
"""Modules that are nothing but their parts."""


def _kinds(root: Group) -> list[list[Group]]:
    """Return the modules of each kind that is to become a block, inner kinds first."""
    import networkx as nx

    groups = [group for group in root.groups() if group is not root]
    knots = _knots(groups)
    kinds: dict[str, list[Group]] = {}
    keys: dict[Path, str] = {}
    for group in groups:
        if group.kind not in CONTAINERS and group.kind not in knots:
            keys[group.path] = group.kind
        elif len(group.reads) > 1 or len(group.gives) > 1:
            keys[group.path] = ".".join(group.path)  # only a block has several inputs or outputs
        else:
            continue
        kinds.setdefault(keys[group.path], []).append(group)
    inside: nx.DiGraph[str] = nx.DiGraph()
    inside.add_nodes_from(kinds)
    for group in groups:
        for inner in group.groups():
            if inner is not group and group.path in keys and inner.path in keys:
                inside.add_edge(keys[inner.path], keys[group.path])
    turn = {kind: i for i, kind in enumerate(kinds)}
    order = nx.lexicographical_topological_sort(inside, key=turn.__getitem__)
    return [kinds[kind] for kind in order]


def _knots(groups: Sequence[Group]) -> set[str]:
    """Return the kinds that have modules of the same kind inside, however deep."""
    import networkx as nx

    inside: nx.DiGraph[str] = nx.DiGraph()
    for group in groups:
        inside.add_edges_from((x.kind, group.kind) for x in group.groups() if x is not group)
    for kind in CONTAINERS:
        if kind in inside:
            inside.remove_node(kind)
    knots = [x for x in nx.strongly_connected_components(inside) if len(x) > 1]
    return {kind for knot in knots for kind in knot} | set(nx.nodes_with_selfloops(inside))


@dataclass(slots=True)
class _Folder:
    """Finds the blocks of a network, and the uses of each."""

    flat: Flat
    shapes: dict[Read, Sizes]
    templates: list[Template] = field(default_factory=list)
    known: dict[str, dict[str, Value]] = field(default_factory=dict)
    uses: dict[Path, Line] = field(default_factory=dict)
    ports: dict[Path, dict[Read, str]] = field(default_factory=dict)

    def block(self, groups: Sequence[Group]) -> None:
        """Make blocks of the modules of one kind."""
        bodies = [(group, self.body(group)) for group in groups]
        chosen = [(x, body) for x, body in bodies if repeated(body, self.known) is None]
        ranks: dict[tuple[int, ...], list[tuple[Group, Body]]] = {}
        for group, body in chosen:
            rank = tuple(len(self.shapes.get(read, ())) for read in group.reads)
            ranks.setdefault(rank, []).append((group, body))
        for alike in ranks.values():
            for body, parts in merged([body for _, body in alike], self.known):
                family = [(alike[i][0], part) for i, part in parts]
                must = any(len(group.reads) != 1 or len(group.gives) > 1 for group, _ in family)
                if len(family) > 1 or must:
                    self._template(body, family)

    def _template(self, body: Body, family: Sequence[tuple[Group, Part]]) -> None:
        slots: dict[Slot, list[object]] = {
            slot: [part.values.get(slot, UNKNOWN) for _, part in family]
            for slot in structure(body, self.known)[1]
        }
        for place in sorted({place for _, part in family for place in part.absent}):
            slots[Slot(place, "@when")] = [place not in part.absent for _, part in family]
        groups = [group for group, _ in family]
        found = solved(body, slots, self._widths(groups), body.inputs)
        kind = groups[0].kind
        name = self._name(groups[0].path[-1] if kind in CONTAINERS else kind)
        made = spliced(filled(body, found.values, self.known), self.known)
        self.templates.append(Template(name, found.params, made))
        defaults: dict[str, Value] = {
            key: Maker(x.default) if isinstance(x.default, str) else x.default
            for key, x in found.params.items()
        }
        self.known[name] = defaults
        for i, group in enumerate(groups):
            given = found.given[i] if found.given else {}
            left = {k: x for k, x in given.items() if not same(x, defaults[k])}
            self.uses[group.path] = Line(group.path[-1], name, left)

    def _widths(self, groups: Sequence[Group]) -> dict[str, list[object]]:
        """Return the widths of the inputs of a block in each use, by the names that it has."""
        inputs = self.body(groups[0]).inputs
        found: dict[str, list[object]] = {}
        for text, (number, axis) in widths(inputs).items():
            shapes = [self.shapes.get([*group.reads][number]) for group in groups if group.reads]
            if shapes and all(x and (len(x) > 1 or axis) for x in shapes):
                found[text] = [x[axis] for x in shapes if x]
        return found

    def _name(self, kind: str) -> str:
        """Return a name for a block of a kind."""
        text = re.sub(r"\W", "", kind.rpartition(".")[2]).strip("_") or "Part"
        text = text[0].upper() + text[1:]
        taken = {self.flat.name, "Module", "Tensor", "F", *self.known}
        number, name = 2, text
        while name in taken:
            name, number = f"{text}{number}", number + 1
        return name

    # ------------------------------------------------------------- bodies

    def body(self, group: Group) -> Body:
        """Return a module's lines, with its inner modules as uses of blocks or bodies."""
        names = self._inputs(group)
        lines = []
        for name, part in group.parts.items():
            reads = tuple(self._local(group, read, names) for read in part.reads)
            line = self._line(name, part, reads)
            # What is inside of something that only training runs need not say so again.
            when = "train" if _is_training(part) and not _is_training(group) else None
            lines.append(replace(line, when=when))
        outputs = tuple(self._local(group, read, names) for read in self._given(group))
        numbered = self._numbered(group, lines, names)
        if not numbered and group.path and len(outputs) == 1 and outputs[0].name != lines[-1].name:
            # What a block gives is its last line; the order of the others is that of the weights.
            lines.append(Line(self._unused("out", group), "identity", reads=outputs))
            outputs = (Local(lines[-1].name),)
        return Body(tuple(numbered or lines), tuple(names.values()), outputs, not numbered)

    @staticmethod
    def _unused(name: str, group: Group) -> str:
        while name in group.parts:
            name += "_"
        return name

    def _given(self, group: Group) -> Sequence[Read]:
        if group.path:
            return [*group.gives]
        return [result.read for result in self.flat.outputs.values()]

    def _inputs(self, group: Group) -> dict[Read, str]:
        """Return what a module calls what it reads."""
        if not group.path:
            return {Read((name,)): name for name in self.flat.inputs}
        if len(group.reads) <= 1:
            return dict.fromkeys(group.reads, INPUT)
        names: dict[Read, str] = {}
        for read in group.reads:
            text = read.port if read.port and not read.port.isdecimal() else read.path[-1]
            text = text if not text.isdecimal() else "_".join(("x", *read.path[-2:]))
            taken = {*names.values(), *group.parts}
            tried = (f"{text}_{i}" if i else text for i in count())
            names[read] = next(x for x in tried if x not in taken)
        return names

    def _local(self, group: Group, read: Read, names: dict[Read, str]) -> Local:
        """Return what a module calls what one of its parts reads."""
        depth = len(group.path)
        if read in names:
            return Local(names[read])
        part = group.parts[read.path[depth]]
        if isinstance(part, Step):
            return Local(read.path[depth], read.port)
        port = ""
        if len(part.gives) > 1:
            port = self._local(part, read, self._inputs(part)).name
        return Local(read.path[depth], port)

    def _line(self, name: str, part: Step | Group, reads: tuple[Local, ...]) -> Line:
        if isinstance(part, Step):
            if part.shares:
                return Line(name, reads=reads, share=part.shares[-1])
            return Line(name, part.op, part.arguments, reads, init=part.init)
        if part.path in self.uses:
            return replace(self.uses[part.path], reads=reads)
        body = self.body(part)
        if line := repeated(body, self.known):
            return replace(line, name=name, reads=reads)
        return Line(name, reads=reads, body=body)

    def _numbered(
        self, group: Group, lines: Sequence[Line], names: dict[Read, str]
    ) -> list[Line] | None:
        """Return the lines of a list, with an `identity` for each number that does nothing."""
        if not any(line.name.isdecimal() for line in lines):
            return None
        if not all(line.name.isdecimal() for line in lines):
            raise Interleaved(group.path, "there are parts beside its numbered ones")
        found: list[Line] = []
        last = Local(next(iter(names.values()), INPUT))
        for line in lines:
            if line.reads != (last,) or int(line.name) < len(found):
                raise Interleaved(group.path, "its numbered parts do not read one another in order")
            read = last if not found else Local(found[-1].name)
            while len(found) < int(line.name):
                found.append(Line(str(len(found)), "identity", reads=(read,)))
                read = Local(found[-1].name)
            found.append(replace(line, reads=(read,)))
            last = Local(line.name)
        return found


def _is_training(part: Step | Group) -> bool:
    """Tell whether only training runs a part."""
    if isinstance(part, Step):
        return part.is_training
    return bool(part.path) and all(map(_is_training, part.parts.values()))
