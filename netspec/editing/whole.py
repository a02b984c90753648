"""The whole spec around a cursor: of a variant, the extended spec with what the variant says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as Table
from pathlib import Path

from netspec.editing.cursor import Cursor
from netspec.editing.workspace import Document
from netspec.language.grammar import VariantKeys
from netspec.language.keys import Reading, read_known
from netspec.language.variant.lineage import Lineage, LoadError
from netspec.language.variant.patch import Variant, patch
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Source, SpecError
from netspec.text.syntax import Mapping, Scalar, Tree


def base_of(document: Document, tree: Tree) -> Mapping | None:
    """Return the whole spec that a text extends, from what was read when it was compiled."""
    link = tree.get("extends") if isinstance(tree, Mapping) else None
    if not isinstance(link, Scalar):
        return None
    good = {source.name: source for source in document.good.sources} if document.good else {}
    bases = (
        _resolved(document.source, link, known) for known in ({**good, **document.asked}, good)
    )
    return next((base for base in bases if base is not None), None)


def _resolved(own: Source, link: Scalar, known: Table[str, Source]) -> Mapping | None:
    """Return the whole spec at a path, of texts by their paths."""

    def load(origin: Source, path: str) -> Source:
        target = os.path.normpath(Path(origin.name).parent / path)
        if target not in known:
            raise LoadError(Code.UNREADABLE, "it was not read")
        return known[target]

    try:
        base = Lineage([load(own, link.text)]).resolve(load)
    except (LoadError, SpecError):
        return None
    return base if isinstance(base, Mapping) else None


def whole_of(cursor: Cursor, base: Mapping | None) -> Mapping:
    """Return the spec that a text says, as far as it can be understood."""
    tree = cursor.tree
    if not isinstance(tree, Mapping):
        return Mapping((), tree.span)
    if base is None:
        return tree
    for variant in (tree, *_alone(tree, cursor)):
        try:
            said = read_known(VariantKeys, variant, "a variant", Reading(Sink()))
            if said.extends is not None:
                return patch(base, Variant(variant, said, said.extends, said.remove), Sink())
        except SpecError:
            continue
    return base


def _alone(tree: Mapping, cursor: Cursor) -> Iterator[Mapping]:
    """Yield a variant that says no more than the entry in which the cursor stands."""
    if len(cursor.trail) > 1:
        (key, _), inner = tree.items[cursor.trail[0].at], cursor.trail[1]
        entry = inner.node.items[inner.at]
        link = tuple(item for item in tree.items if item[0].text == "extends")
        if isinstance(entry, tuple):
            yield Mapping((*link, (key, Mapping((entry,), inner.node.span))), tree.span)
