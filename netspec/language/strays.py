"""Entries of a mapping that belong elsewhere, because a heading above them is lost or not above."""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Sequence as Items

from netspec.ops.base import REGISTRY
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, nearest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

Entry = tuple[Scalar, Tree]


def gathered(tree: Mapping, known: Container[str], headings: Items[str], sink: Sink) -> Mapping:
    """Report entries that are not indented below the heading before them, as one mistake.

    Later readers see them where they were meant.
    """
    items: list[Entry] = []
    strays: list[Entry] = []
    for entry in (*tree.items, None):
        if strays and (entry is None or entry[0].text in known):
            items[-1] = items[-1][0], _reported(items[-1][0], strays, sink)
            strays = []
        if entry is None:
            break
        is_open = bool(items) and items[-1][0].text in headings and is_empty(items[-1][1])
        if entry[0].text not in known and is_open:
            strays.append(entry)
        else:
            items.append(entry)
    return Mapping(tuple(items), tree.span)


def is_empty(tree: Tree) -> bool:
    """Tell whether nothing stands where a value could."""
    return isinstance(tree, Scalar) and tree.value is None and tree.span.start == tree.span.end


def _reported(heading: Scalar, strays: list[Entry], sink: Sink) -> Mapping:
    first = strays[0][0]
    more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
    message = f"`{first.text}`{more} must be indented below `{heading.text}:`"
    notes = (Label(heading.span, "nothing stands below this"),)
    help = "indent by two spaces more"
    sink.add(Diagnostic(Code.FORM, message, first.span, notes=notes, help=help))
    return around(strays)


def around(entries: Items[Entry]) -> Mapping:
    """Return the mapping of entries that stand one behind the other."""
    start, end = entries[0][0].span, entries[-1][1].span
    return Mapping(tuple(entries), Span(start.source, start.start, max(start.end, end.end)))


# ------------------------------------------------------------------ a lost heading


def restored(tree: Mapping, sink: Sink) -> Mapping:
    """Report a section whose heading is lost, so that its lines stand in the section above.

    Later readers see the sections that were meant.
    """
    for section in ("blocks", "graph", "outputs"):
        if tree.find(section):
            continue
        for index, (key, value) in enumerate(tree.items):
            first = _first_of(section, key.text, value) if isinstance(value, Mapping) else None
            if isinstance(value, Mapping) and first is not None:
                _report_lost(section, key, value.items[first][0], sink)
                own = Mapping(value.items[:first], value.span)
                new = Scalar(section, key.span), around(value.items[first:])
                items = (*tree.items[:index], (key, own), new, *tree.items[index + 1 :])
                tree = Mapping(items, tree.span)
                break
    return tree


def _report_lost(section: str, holder: Scalar, first: Scalar, sink: Sink) -> None:
    message = f"a spec needs `{section}:`; without it `{first.text}` stands in `{holder.text}`"
    notes = (Label(holder.span, "the section above"),)
    help = f"write `{section}:` above `{first.text}`"
    sink.add(Diagnostic(Code.MISSING, message, first.span, notes=notes, help=help))


def _first_of(section: str, holder: str, tree: Tree) -> int | None:
    """Return the index of the first entry of a section that is one of another."""
    items = tree.items if isinstance(tree, Mapping) else ()
    names = {key.text for key, _ in items}
    for index, (key, value) in enumerate(items):
        is_block = isinstance(value, Mapping) and any(map(value.find, ("chain", "parallel")))
        match section, holder:
            case "blocks", "params" | "inputs" | "init":
                found = is_block and key.text[:1].isupper()
            case "graph", "blocks":
                found = not is_block and (not key.text[:1].isupper() or _is_layer(value))
            case "graph", "params" | "inputs":
                found = isinstance(value, Mapping) and not is_block
            case "outputs", "graph":
                found = isinstance(value, Scalar) and _is_ref(value, names)
            case _:
                return None
        if found:
            return index
    return None


def _is_ref(value: Scalar, names: set[str]) -> bool:
    return value.text not in REGISTRY and value.text.partition(".")[0] in names


def key_meant(tree: Tree, absent: Items[str]) -> str:
    """Return which of the absent keys of a spec, a variant or a block has such values, if any."""
    if found := next((key for key in absent if _is_sign_of(key, tree)), ""):
        return found
    if "chain" in absent or "join" in absent:
        return next((key for key in absent if _looks_like(key, tree)), "")
    return _section_meant(tree, absent)


def _is_sign_of(key: str, tree: Tree) -> bool:
    """Tell whether a value stands at no other key than this one."""
    values = [value for _, value in _entries(tree)]
    match key, tree:
        case "netspec", Scalar():
            return tree.value == 1
        case "doc", Scalar():
            return isinstance(tree.value, str) and bool(_SENTENCE.match(tree.value))
        case "extends", Scalar():
            return tree.text.endswith(".yaml")
        case "remove", Sequence():
            items = [item.text if isinstance(item, Scalar) else "" for item in tree.items]
            return bool(items) and all(map(_PATH.match, items))
        case "change" | "insert", Mapping():
            is_new = any(isinstance(value, Mapping) and _is_anchored(value) for value in values)
            paths = [item.text for item, _ in tree.items]
            return bool(paths) and all(map(_PATH.match, paths)) and is_new == (key == "insert")
        case "expect", Mapping():
            return any(map(tree.find, ("macs", "depth", "train_params")))
        case "params", Mapping():
            is_number = (isinstance(x, Scalar) and type(x.value) in (int, float) for x in values)
            return bool(values) and all(is_number)
    return False


_SENTENCE = re.compile(r"[^$\s]+\s[^$]*$")
_PATH = re.compile(r"(graph|blocks|outputs)\.")


def _is_anchored(layer: Mapping) -> bool:
    return any(map(layer.find, ("after", "before")))


def _looks_like(key: str, tree: Tree) -> bool:
    """Tell whether a value is what stands at a key of a block."""
    match key, tree:
        case "join", Scalar():
            return tree.text in ("concat", "add", "mul")
        case "params", Sequence():
            return bool(tree.items) and all(isinstance(item, Scalar) for item in tree.items)
        case "parallel", Sequence():
            return any(isinstance(item, Mapping) for item in tree.items)
        case "chain", Mapping():
            return any(_is_layer(value) for _, value in tree.items)
    return False


def _is_layer(tree: Tree) -> bool:
    """Tell whether a value uses an op, or what may be a block."""
    names = [key for key, _ in tree.items] if isinstance(tree, Mapping) else [tree]
    words = [name.text for name in names if isinstance(name, Scalar)]
    return any(word in REGISTRY or word[:1].isupper() for word in words)


def _section_meant(tree: Tree, absent: Items[str]) -> str:
    """Return which of the absent sections a mapping looks like, or nothing."""
    values = [value for _, value in _entries(tree)]
    fits = {
        "blocks": all(_first_of("blocks", "init", around([e])) == 0 for e in _entries(tree)),
        "inputs": all(isinstance(value, Sequence) for value in values),
        "outputs": all(isinstance(value, Scalar) for value in values[:1]),
        "graph": True,
    }
    return next((name for name, fit in fits.items() if values and fit and name in absent), "")


def _entries(tree: Tree) -> tuple[Entry, ...]:
    return tree.items if isinstance(tree, Mapping) else ()


def bodied(block: Mapping, what: str, known: Container[str], sink: Sink) -> Mapping:
    """Report layers of a block that stand below no `chain:`; later readers see them in one."""
    layers = [entry for entry in block.items if entry[0].text not in known]
    bodies = ("chain", "parallel")
    if any(map(block.find, bodies)) or not layers:
        return block
    if any(nearest(key.text, bodies) or key_meant(value, bodies) for key, value in layers):
        return block
    first = layers[0][0]
    message = f"{what} needs `chain:`, below which its layers stand"
    help = f"write `chain:` above `{first.text}`, and indent the layers below it"
    sink.error(Code.MISSING, message, first.span, help=help)
    rest = tuple(entry for entry in block.items if entry not in layers)
    return Mapping((*rest, (Scalar("chain", first.span), around(layers))), block.span)
