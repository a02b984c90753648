"""What a rewritten network's tensors are made of → the function that makes them of a state_dict."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Brackets,
    Code,
    broken,
    call,
    flat,
    quoted,
    statement,
)
from netspec.rewrite.tensors import Arithmetic, Made, Old, keys

CONVERT = "convert"
_STATE, _PLACE, _RESULT = "state", "place", "result"


def convert(tensors: Mapping[str, Arithmetic]) -> str:
    """Return the source of `convert`, behind that of the functions that it calls."""
    kept = [key for key, value in tensors.items() if value == Old(key)]
    made = [*_made({key: value for key, value in tensors.items() if value != Old(key)})]
    lines = [
        f"def {CONVERT}({_STATE}: dict[str, Tensor]) -> dict[str, Tensor]:",
        f'{INDENT}"""Return the tensors of the network as written as this module has them.',
        "",
        f"{INDENT}Example: `model.load_state_dict({CONVERT}(original.state_dict()))`.",
        f'{INDENT}"""',
    ]
    if kept:
        lines += statement("kept = ", Brackets("(", tuple(map(quoted, kept))), depth=1)
        start = f"{_RESULT} =" if made else "return"
        lines.append(f"{INDENT}{start} {{key: {_STATE}[key] for key in kept}}")
    else:
        lines.append(f"{INDENT}{_RESULT}: dict[str, Tensor] = {{}}")
    return "\n".join([*lines, *made, *([f"{INDENT}return {_RESULT}"] if made else [])])


def functions(tensors: Mapping[str, Arithmetic]) -> dict[str, str]:
    """Return the source of each function that `convert` calls, those that they call first."""
    sources = _sources()
    found: dict[str, str] = {}

    def add(text: str) -> None:
        names = (
            node.id for node in ast.walk(ast.parse(sources[text])) if isinstance(node, ast.Name)
        )
        for name in names:
            if name in sources and name != text:
                add(name)
        found.setdefault(text, sources[text])

    for value in tensors.values():
        for text in _called(value):
            add(text)
    return found


def _called(value: object) -> Iterator[str]:
    if isinstance(value, Made):
        yield value.function
        for arg in value.args:
            yield from _called(arg)


@cache
def _sources() -> Mapping[str, str]:
    """Return the functions of `folding` as text; importing them would import torch."""
    text = (files("netspec.rewrite") / "folding.py").read_text("utf-8")
    parts = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(text, node) or "" for node in parts}


def _made(tensors: Mapping[str, Arithmetic]) -> Iterator[str]:
    """Yield statements; tensors that are made alike at several places are made in a loop."""
    alike: dict[tuple[str, Arithmetic], list[str]] = {}
    for key, value in tensors.items():
        place = _common([key, *keys(value)])
        alike.setdefault((key[len(place) :], _below(value, place)), []).append(place)
    loops: dict[tuple[str, ...], list[tuple[str, Arithmetic]]] = {}
    for made, places in alike.items():
        loops.setdefault(tuple(places), []).append(made)
    for several, items in loops.items():
        is_loop = len(several) > 1
        if is_loop:
            listed = Brackets("(", tuple(map(quoted, several)))
            yield from statement(f"for {_PLACE} in ", listed, ":", depth=1)
        place = "" if is_loop else several[0]
        for key, value in items:
            target = _item(_RESULT, key, place, is_loop)
            yield from _assigned(target, _code(value, place, is_loop), 1 + is_loop)


def _assigned(target: Brackets, value: Code, depth: int) -> list[str]:
    """Return an assignment; a target that leaves no room for the value's start is broken."""
    head = f"{flat(target)} = "
    if len(f"{INDENT * depth}{head}(") <= WIDTH:
        return statement(head, value, depth=depth)
    first, *key, last = broken("", target, "", depth)
    return [first, *key, *statement(f"{last.strip()} = ", value, depth=depth)]


def _common(texts: list[str]) -> str:
    """Return the path, with its dot, below which all keys lie."""
    words = [text.split(".")[:-1] for text in texts]
    shared = []
    for level in zip(*words, strict=False):
        if len({*level}) > 1:
            break
        shared.append(level[0] + ".")
    return "".join(shared)


def _below(value: Arithmetic, place: str) -> Arithmetic:
    """Return a tensor with its keys as they stand below a place."""
    if isinstance(value, Old):
        return Old(value.key[len(place) :])
    args = (_below(arg, place) if isinstance(arg, Old | Made) else arg for arg in value.args)
    return Made(value.function, tuple(args))


def _item(of: str, key: str, place: str, is_loop: bool) -> Brackets:
    """Write an item of a state_dict; in a loop keys stand below a place."""
    # Without a space inside, which a sum would have, a text of any length may have a line.
    text = f"f{quoted(f'{{{_PLACE}}}{key}')}" if is_loop else quoted(place + key)
    return Brackets(f"{of}[", (text,), "]", hugs=True)


def _code(value: object, place: str, is_loop: bool) -> Code:
    match value:
        case Old():
            return _item(_STATE, value.key, place, is_loop)
        case Made():
            return call(value.function, [_code(arg, place, is_loop) for arg in value.args])
    return repr(value)
