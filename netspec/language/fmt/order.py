"""What a part of a spec is, and in which order its keys stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from netspec.language.blocks import BLOCK_KEYS
from netspec.language.extras import LAYER_KEYS
from netspec.language.layers import BODY_KEYS
from netspec.language.sections import SECTIONS
from netspec.ops.base import REGISTRY
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

Role = Literal["spec", "blocks", "block", "chain", "branches", "layer", "patch", "plain"]
Entry = tuple[Scalar, Tree]

VARIANT_KEYS = ("netspec", "extends", "name", "doc", "params", "init", "change", "insert", "remove")
LAST_KEYS = ("from", "repeat", "first", "when", "weight", "init", "shape", "doc")
"""What follows a layer's op and its arguments; `shape` stands late, where its column is."""
_PLACES = ("after", "before")

_CHILDREN: dict[str, Role] = {
    "blocks": "blocks",
    "graph": "chain",
    "outputs": "chain",
    "change": "patch",
    "insert": "patch",
    "chain": "chain",
    "parallel": "branches",
}


def child(role: Role, key: str) -> Role:
    """Return what stands at a key of a mapping, or (key "") in a list."""
    match role:
        case "spec":
            return _CHILDREN.get(key, "plain")
        case "blocks":
            return "block"
        case "block" | "layer":
            return (
                _CHILDREN[key] if key in ("chain", "parallel") else "layer" if not key else "plain"
            )
        case "branches":
            return "chain"
        case "patch":
            is_block = key.startswith("blocks.") and key.count(".") == 1
            return "block" if is_block else "layer"
        case "chain":
            return "layer"
    return "plain"


def ordered(node: Mapping, role: Role, blocks: dict[str, list[str]]) -> list[Entry]:
    """Return the entries of a mapping in canonical order; names that people give keep theirs."""
    match role:
        case "spec":
            is_variant = node.find("extends") is not None
            keys = (*VARIANT_KEYS, "expect") if is_variant else SECTIONS
            return _sorted(node.items, keys)
        case "block":
            return _sorted(node.items, BLOCK_KEYS)
        case "layer":
            return _layer(node, blocks)
    return list(node.items)


def _sorted(items: Iterable[Entry], keys: Iterable[str]) -> list[Entry]:
    """Sort entries by a list of keys; the others follow as they are."""
    rank = {key: i for i, key in enumerate(keys)}
    return sorted(items, key=lambda entry: rank.get(entry[0].text, len(rank)))


def _layer(node: Mapping, blocks: dict[str, list[str]]) -> list[Entry]:
    first = operator(node, blocks)
    cls = REGISTRY.get(first or "")
    arguments = list(cls.model_fields) if cls else blocks.get(first or "", [])
    tail = {key: i for i, key in enumerate((*LAST_KEYS, *_PLACES))}
    early = [first or "", "share", *BODY_KEYS, *arguments]

    def rank(entry: Entry) -> tuple[int, int]:
        key = entry[0].text
        if key == first:
            return 0, 0
        if key in tail:
            return 2, tail[key]
        return 1, early.index(key) if key in early else len(early)

    return sorted(node.items, key=rank)


def operator(node: Mapping, blocks: Iterable[str]) -> str | None:
    """Return the key that names a layer's op, found as the reader of specs finds it."""
    keys = [key.text for key, _ in node.items if key.text not in (*LAYER_KEYS, *_PLACES)]
    if any(key in BODY_KEYS for key in keys):
        return None
    tests: tuple[Callable[[str], bool], ...] = (
        lambda key: key in REGISTRY or key in blocks,
        lambda key: key[:1].isupper(),
        lambda key: True,
    )
    return next((key for test in tests for key in keys if test(key)), None)


def signatures(spec: Tree) -> dict[str, list[str]]:
    """Return the parameters of each block of a file, in order."""
    found = spec.find("blocks") if isinstance(spec, Mapping) else None
    blocks = found[1].items if found and isinstance(found[1], Mapping) else ()
    return {key.text: _params(value) for key, value in blocks}


def _params(block: Tree) -> list[str]:
    found = block.find("params") if isinstance(block, Mapping) else None
    items = found[1].items if found and isinstance(found[1], Sequence) else ()
    return [item.text.partition("=")[0].strip() for item in items if isinstance(item, Scalar)]
