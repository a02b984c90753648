"""Concatenations that grow: each one reads the one before, and stands behind what it adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.importer.flat import Flat, Path, Read, Result, Step


def grown(flat: Flat) -> Flat:
    """Return a network in which a concatenation of all so far is one of two.

    `concat(a, b)` and `concat(a, b, c)` become `concat(a, b)` and `concat(that, c)`: a dense block
    is then a stack of equal layers, each of which puts its channels behind what it has read.
    """
    bases = _bases(flat.steps)
    if not bases:
        return flat
    by_path = {step.path: step for step in flat.steps}
    moved: dict[Path, Path] = {}
    taken = by_path.keys() - bases.keys()
    for path, reads in bases.items():
        moved[path] = _unused((*reads[-1].path[:-1], path[-1]), taken)
        taken.add(moved[path])
    steps = []
    for step in flat.steps:
        reads = bases.get(step.path, step.reads)
        classes = by_path[reads[-1].path].classes if step.path in bases else step.classes
        reads = tuple(_renamed(read, moved) for read in reads)
        path = moved.get(step.path, step.path)
        steps.append(replace(step, path=path, classes=classes, reads=reads))
    outputs = {name: Result(_renamed(x.read, moved), x.weight) for name, x in flat.outputs.items()}
    return replace(flat, steps=tuple(steps), outputs=outputs)


def _bases(steps: Sequence[Step]) -> dict[Path, tuple[Read, ...]]:
    """Return the concatenations that grow, and what each reads of the one before."""
    by_reads = {step.reads: step for step in steps if step.op == "concat"}
    found: dict[Path, tuple[Read, ...]] = {}
    for reads, step in by_reads.items():
        base = by_reads.get(reads[:-1])
        if base is not None and base.arguments == step.arguments:
            found[step.path] = (Read(base.path), reads[-1])
            if len(base.reads) == 2:
                found.setdefault(base.path, base.reads)
    return found


def _renamed(read: Read, moved: dict[Path, Path]) -> Read:
    return read._replace(path=moved.get(read.path, read.path))


def _unused(path: Path, taken: set[Path]) -> Path:
    number, made = 0, path
    while made in taken:
        number += 1
        made = (*path[:-1], f"{path[-1]}_{number}")
    return made
