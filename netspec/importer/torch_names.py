"""Drafts → steps: a path for each, that of its module where it is all that the module does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from netspec.importer.flat import Path, Read, Step
from netspec.importer.lifting import Held
from netspec.importer.lines import PLACE
from netspec.importer.refusal import Unliftable
from netspec.importer.torch_lift import Draft
from netspec.language.names import check_name
from netspec.text.diagnostics import Sink


def named(
    drafts: Mapping[int, Draft],
    inputs: Sequence[str],
    training: frozenset[int],
    keys: Iterable[str],
) -> tuple[tuple[Step, ...], dict[int, Path], list[Unliftable]]:
    """Return steps with their paths, the path of each draft, and names that no spec can have.

    `training` are the drafts that only training runs; `keys` those of the state_dict.
    """
    paths = _paths(drafts, keys)
    found: list[Unliftable] = []
    steps: list[Step] = []
    owners: dict[str, Path] = {}
    for number, draft in drafts.items():
        path = paths[number]
        shares = _owner(draft, path, owners)
        if wrong := _refused(draft, path, shares):
            found.append(wrong)
        reads = tuple(read_of(read, paths, inputs) for read in draft.reads)
        classes = draft.scope.classes[: len(path) - 1]
        is_training = number in training
        tensors = {} if shares else draft.tensors
        steps.append(
            Step(
                path,
                draft.op,
                draft.arguments,
                reads,
                classes,
                is_training,
                shares,
                tensors,
                place=draft.place,
            )
        )
    return tuple(steps), paths, found


def read_of(held: Held, paths: Mapping[int, Path], inputs: Sequence[str]) -> Read:
    """Return what a draft reads by its path."""
    if held.draft < 0:
        return Read((inputs[-1 - held.draft],))
    return Read(paths[held.draft], held.port)


def _owner(draft: Draft, path: Path, owners: dict[str, Path]) -> Path:
    """Return the step whose weights a draft uses too; note whose they are otherwise."""
    keys = [*draft.tensors.values()]
    if keys and keys[0] in owners:
        return owners[keys[0]]
    owners.update(dict.fromkeys(keys, path))
    return ()


def _paths(drafts: Mapping[int, Draft], keys: Iterable[str]) -> dict[int, Path]:
    """Return a path for each draft."""
    homes = {home for draft in drafts.values() if (home := _home(draft))}
    scopes = {number: _outside(draft, homes) for number, draft in drafts.items()}
    places = Counter((scopes[i], x.scope.call) for i, x in drafts.items() if not x.path)
    around = {path[:i] for path in scopes.values() for i in range(len(path))}
    around |= {path[:i] for path in homes for i in range(len(path))}
    around |= {x.path[:-1] for x in drafts.values() if x.path}
    taken = {path[:i] for path in (tuple(key.split(".")) for key in keys) for i in range(len(path))}
    taken |= {*scopes.values()} | {x.path for x in drafts.values()}
    found: dict[int, Path] = {}
    used: set[Path] = {path for path in taken if path in around}
    for number, draft in drafts.items():
        where = scopes[number]
        if draft.path:
            path = draft.path
        elif owner := _home(draft):
            path = _unused(owner, used)
        elif where and where not in around and places[where, draft.scope.call] == 1:
            path = _unused(where, used)
        else:
            path = _unused((*where, draft.op), used | taken)
        found[number] = path
        used.add(path)
    return found


def _outside(draft: Draft, homes: set[Path]) -> Path:
    """Return the module around a draft, or a name beside it if that is one op with weights."""
    path = draft.scope.path
    if draft.tensors:
        return path
    for i in range(len(path)):
        if path[: i + 1] in homes:
            name = "_".join(path[i:]) if path[i + 1 :] else f"{path[i]}_{draft.op}"
            return (*path[:i], name)
    return path


def _home(draft: Draft) -> Path:
    """Return the module that a draft's weights belong to by their keys."""
    homes = {
        key.removesuffix(f".{name}") if key.endswith(f".{name}") else ""
        for name, key in draft.tensors.items()
    }
    home = homes.pop() if len(homes) == 1 else ""
    return tuple(home.split(".")) if home else ()


def _unused(path: Path, used: set[Path]) -> Path:
    """Return a path that no step has: the last name with a number behind it."""
    number, made = 0, path
    while made in used or not (made[-1].isdecimal() or _is_name(made[-1])):
        number += 1
        made = (*path[:-1], f"{'x' if path[-1].isdecimal() else ''}{path[-1]}_{number}")
    return made


def _is_name(text: str) -> bool:
    return check_name(Sink(), text, PLACE, "layer")


def _refused(draft: Draft, path: Path, shares: Path) -> Unliftable | None:
    """Return what is wrong with the names around a draft's weights."""
    for name, key in draft.tensors.items():
        own = ".".join((*path, name)) if name else ".".join(path)
        if not shares and key != own:
            nearest = f"a module of its own with `{name or 'the tensor'}`"
            return Unliftable(f"{draft.op} with {key}", draft.scope.path, draft.place, nearest)
    if path[0].isdecimal():
        nearest = "a class around the list, `self.layers = nn.Sequential(…)`"
        return Unliftable(f"a network of numbers, {path[0]}", (), draft.place, nearest)
    for i, name in enumerate(path):
        is_copy = "-" in name and i < len(path) - 1
        if not (name.isdecimal() or is_copy or _is_name(name)):
            return Unliftable(
                f"the name {name}", path, draft.place, "a name that begins with a letter"
            )
    return None
