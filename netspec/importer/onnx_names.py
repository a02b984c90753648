"""What ONNX's exporters keep of modules: where each node stood, and the names of its weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from netspec.importer.flat import Path
from netspec.importer.lines import PLACE
from netspec.importer.naming import legal
from netspec.importer.onnx_file import Node
from netspec.importer.onnx_lift import Draft
from netspec.language.names import NAME, check_name
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import Sink

_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
_RULES = "pkg.onnxscript.rewriter.rule_name"
_QUOTED = re.compile(r"'([^'\\]*)'")
_DEPTH = 40
"""Names around a node that are read."""


class Scope(NamedTuple):
    """The module around a node by its path, if the file says it, and what each level is called."""

    path: Path
    classes: tuple[str, ...]
    is_known: bool


def scope_of(node: Node) -> Scope:
    """Return the module that a node stood in."""
    if _SCOPES in node.metadata:
        return _dynamo(node.metadata)
    if node.name.startswith("/"):
        return Scope(_traced(node.name.split("/")[1:-1]), (), True)
    return Scope((), (), False)


def _dynamo(metadata: Mapping[str, str]) -> Scope:
    """Read the lists of torch's newer exporter: modules from the outside in, then the call."""
    scopes = _QUOTED.findall(metadata[_SCOPES])[:-1][-_DEPTH:]
    names = _QUOTED.findall(metadata.get(_CLASSES, ""))[:-1][-_DEPTH:]
    classes = {_path(scope): name.rpartition(".")[2] for scope, name in zip(scopes, names)}  # noqa: B905
    inner = _path(scopes[-1]) if scopes else ()
    return Scope(inner, tuple(classes.get(inner[: i + 1], "") for i in range(len(inner))), True)


def _traced(words: Sequence[str]) -> Path:
    """Read a node's name of torch's older exporter: in `layer1/layer1.0` the second is `0`."""
    found: list[str] = []
    before = ""
    for word in words[:_DEPTH]:
        found += _path(word.removeprefix(f"{before}.") if before else word)
        before = word
    return tuple(found)


def _path(text: str) -> Path:
    return tuple(map(_legal, text.split("."))) if text else ()


def _legal(text: str) -> str:
    """Return a name as near to a text as a spec's can be; numbers are names in lists."""
    is_number = text.isdecimal() and text.isascii() and len(text) < 6
    if is_number or re.fullmatch(
        f"{NAME}-[A-Za-z0-9_]+", text, re.ASCII
    ):  # as copies may be called
        return text
    return text if check_name(Sink(), text, PLACE, "layer") else legal(text, "layer")


def is_folded(node: Node) -> bool:
    """Tell whether the newer exporter has folded a batch normalisation into a node."""
    return "FuseBatchNorm" in node.metadata.get(_RULES, "")


def network_of(nodes: Iterable[Node]) -> str:
    """Return the class of the network, if a node says it."""
    for node in nodes:
        names = _QUOTED.findall(node.metadata.get(_CLASSES, ""))
        if len(names) > 1 and "." in names[0]:
            return str(names[0]).rpartition(".")[2]
    return ""


# -------------------------------------------------------------------- drafts


def scopes(drafts: Mapping[int, Draft]) -> dict[int, Scope]:
    """Return the module around each draft; where a weight is called after one, that one.

    A convolution with a batch normalisation folded into it stands where that one was.
    """
    found = {}
    for number, draft in drafts.items():
        scope = scope_of(draft.node)
        owner = owner_of(draft)
        if owner and (is_folded(draft.node) or not scope.is_known):
            classes = scope.classes if owner[:-1] == scope.path[:-1] else ()
            scope = Scope(owner, classes[: len(owner) - 1], True)
        found[number] = scope
    return _guessed(drafts, found)


def _guessed(drafts: Mapping[int, Draft], found: dict[int, Scope]) -> dict[int, Scope]:
    """Return modules also for what has none: of what it follows, or around what reads it."""
    known = [scope for scope in found.values() if scope.is_known]
    if len(known) in (0, len(found)):
        return found
    inside = Counter(scope.path for scope in known)
    around = {scope.path[:i] for scope in known for i in range(len(scope.path))}
    outer = {  # without the module that does nothing else
        number: path[:-1] if path not in around and inside[path] == 1 else path
        for number, (path, _, is_known) in found.items()
        if is_known
    }
    for _ in range(2):
        for number, draft in drafts.items():
            sources = [outer[read.draft] for read in draft.reads if read.draft in outer]
            if number not in outer and sources and REGISTRY[draft.op].style in _FOLLOWING:
                outer[number] = _common(sources) or sources[-1]
        readers: dict[int, list[Path]] = {}
        for number in sorted(drafts, reverse=True):
            if number not in outer and number in readers:
                outer[number] = _common(readers[number])
            for read in drafts[number].reads if number in outer else ():
                readers.setdefault(read.draft, []).append(outer[number])
    classes = {x.path[:i]: x.classes[:i] for x in known for i in range(len(x.path) + 1)}
    guessed = {number: outer.get(number, ()) for number in drafts if not found[number].is_known}
    return {**found, **{i: Scope(path, classes[path], True) for i, path in guessed.items()}}


_FOLLOWING = ("activation", "norm", "join", "dropout")
"""Styles of ops that belong to what they read."""


def _common(paths: Sequence[Path]) -> Path:
    """Return the module around several that is no list."""
    first, last = min(paths), max(paths)
    same = [a == b for a, b in zip(first, last, strict=False)]
    path = first[: same.index(False) if False in same else len(same)]
    while path and len(path) < len(last) and last[len(path)].isdecimal():
        path = path[:-1]
    return path


def owner_of(draft: Draft) -> Path:
    """Return the module that a weight is called after; equal biases may be one in a file."""
    weight = draft.weights.get("weight")
    name = weight.name if weight else ""
    owner = name.removesuffix(".weight")
    return _path(owner) if owner != name and re.fullmatch(r"[\w.-]+", owner) else ()


def paths(drafts: Mapping[int, Draft], around: Mapping[int, Scope]) -> dict[int, Path]:
    """Return a path for each draft: that of its module where it is all that the module does."""
    calls: Counter[Path] = Counter()
    numbers: Counter[Path] = Counter()
    inside: dict[Path, set[str]] = {}
    outer = {scope.path[:i] for scope in around.values() for i in range(len(scope.path))}
    for number, draft in drafts.items():
        inside.setdefault(around[number].path, set()).add(draft.op)
    used = {*outer, *inside}
    found: dict[int, Path] = {}
    for number, draft in drafts.items():
        path = around[number].path
        if tuple(draft.weights) == ("",):
            path = _tensor(draft.weights[""].name, around[number])
        elif path and path not in outer and len(inside[path]) == 1:
            # A module that is called again is another step.
            calls[path] += 1
            if calls[path] == 1 and "-" not in path[-1]:
                found[number] = path
                continue
        else:
            path = (*path, draft.op)
        found[number] = _unused(path, used, numbers)
        used.add(found[number])
    return found


def _tensor(name: str, scope: Scope) -> Path:
    """Return the path of a tensor itself: equal ones of several modules may be one in the file."""
    own = _path(name) if re.fullmatch(r"[\w.]+", name) else ("parameter",)
    return (*scope.path, own[-1]) if scope.is_known else own


def _unused(path: Path, used: set[Path], numbers: Counter[Path]) -> Path:
    """Return a path that nothing has: the last name with a number behind it."""
    path = (*path[:-1], path[-1].replace("-", "_"))
    made = path
    while made in used or not (made[-1].isdecimal() or _legal(made[-1]) == made[-1]):
        numbers[path] += 1
        made = (*path[:-1], f"{'x' if path[-1].isdecimal() else ''}{path[-1]}_{numbers[path]}")
    return made
