"""What a part of a spec is, and in which order its keys stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netspec.language.grammar import (
    BlockKeys,
    BodyKeys,
    InlineKeys,
    InsertionKeys,
    SpecKeys,
    VariantKeys,
)
from netspec.language.keys import Keys, Role
from netspec.ops.base import REGISTRY
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

Entry = tuple[Scalar, Tree]

_MODELS: dict[Role, tuple[type[Keys], ...]] = {
    "spec": (SpecKeys, VariantKeys),
    "block": (BlockKeys,),
    "layer": (InlineKeys,),
}
_BELOW: dict[Role, Role] = {"blocks": "block", "branches": "chain", "chain": "layer"}


def child(role: Role, key: str) -> Role:
    """Return what stands at a key of a mapping, or (key "") in a list."""
    if role == "patch":
        return "block" if key.startswith("blocks.") and key.count(".") == 1 else "layer"
    if role in ("block", "layer") and not key:
        return "layer"
    found = (keys.kinds()[key] for keys in _MODELS.get(role, ()) if key in keys.kinds())
    return next((kind.role for kind in found), _BELOW.get(role, "plain"))


def ordered(node: Mapping, role: Role, blocks: dict[str, list[str]]) -> list[Entry]:
    """Return the entries of a mapping in canonical order; names that people give keep theirs."""
    match role:
        case "spec":
            keys = VariantKeys if node.find("extends") else SpecKeys
            return _sorted(node.items, keys.kinds())
        case "block":
            return _sorted(node.items, BlockKeys.kinds())
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
    tail = {key: i for i, key in enumerate(InsertionKeys.kinds())}
    early = [*BodyKeys.kinds(), *arguments]

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
    keys = [key.text for key, _ in node.items if key.text not in InsertionKeys.kinds()]
    if any(key in BodyKeys.kinds() for key in keys):
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
