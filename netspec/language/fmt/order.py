"""What a part of a spec is, and in which order its keys stand."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.language import grammar
from netspec.language.keys import Keys, Role
from netspec.ops.base import REGISTRY
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree, entries

_MODELS: dict[Role, tuple[type[Keys], ...]] = {
    "spec": (grammar.SpecKeys, grammar.VariantKeys),
    "extern": (grammar.ExternKeys,),
    "block": (grammar.BlockKeys,),
    "layer": (grammar.InlineKeys,),
}
_PATCHED: dict[str, Role] = {
    "blocks": "block",
    "externs": "extern",
    "inputs": "plain",
    "params": "plain",
}
"""What a variant puts at `blocks.B`, `inputs.image` and `params.width`; else it is a layer."""
_BELOW: dict[Role, Role] = {
    "externs": "extern",
    "blocks": "block",
    "branches": "chain",
    "chain": "layer",
}


def child(role: Role, key: str) -> Role:
    """Return what stands at a key of a mapping, or (key "") in a list."""
    if role == "patch":
        section, _, inner = key.partition(".")
        _, _, name = inner.partition(".")
        if section == "blocks" and name in grammar.SignatureKeys.kinds():
            return "plain"
        return _PATCHED.get(section, "layer") if not name else "layer"
    if role in ("block", "layer") and not key:
        return "layer"
    found = (keys.kinds()[key] for keys in _MODELS.get(role, ()) if key in keys.kinds())
    return next((kind.role for kind in found), _BELOW.get(role, "plain"))


def ordered(node: Mapping, role: Role, blocks: dict[str, list[str]]) -> list[Entry]:
    """Return the entries of a mapping in canonical order; names that people give keep theirs."""
    if role == "layer":
        return _layer(node, blocks)
    if role not in _MODELS:
        return list(node.items)
    keys = _MODELS[role][-1 if node.find("extends") else 0].kinds()
    rank = {key: i for i, key in enumerate(keys)}
    return sorted(node.items, key=lambda entry: rank.get(entry[0].text, len(rank)))


def _layer(node: Mapping, blocks: dict[str, list[str]]) -> list[Entry]:
    first = operator(node, blocks)
    cls = REGISTRY.get(first or "")
    arguments = list(cls.model_fields) if cls else blocks.get(first or "", [])
    tail = {key: i for i, key in enumerate(grammar.InsertionKeys.kinds())}
    early = [*grammar.BodyKeys.kinds(), *arguments]

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
    keys = [key.text for key, _ in node.items if key.text not in grammar.InsertionKeys.kinds()]
    if any(key in grammar.BodyKeys.kinds() for key in keys):
        return None
    known = [key for key in keys if key in REGISTRY or key in blocks]
    capital = [key for key in keys if key[:1].isupper()]
    return next(iter(known or capital or keys), None)


def signatures(spec: Tree) -> dict[str, list[str]]:
    """Return the parameters of each block and extern of a file, in order."""
    sections = ("externs", "blocks") if isinstance(spec, Mapping) else ()
    parts = (entry for section in sections for entry in entries(spec.get(section)))  # type: ignore[union-attr]  # a mapping
    return {key.text: _params(value) for key, value in parts}


def _params(block: Tree) -> list[str]:
    params = block.get("params") if isinstance(block, Mapping) else None
    items = params.items if isinstance(params, Sequence) else ()
    return [item.text.partition("=")[0].strip() for item in items if isinstance(item, Scalar)]
