"""Entries of a mapping that belong elsewhere, because a heading above them is lost or not above."""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Sequence as Items
from dataclasses import replace

from netspec.ops.base import REGISTRY
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, nearest
from netspec.text.fixes import above, cure, indenting
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree, entries


def gathered(tree: Mapping, known: Container[str], headings: Items[str], sink: Sink) -> Mapping:
    """Report entries that are not indented below the heading before them, as one mistake.

    Later readers see them where they were meant.
    """
    items: list[Entry] = []
    strays: dict[int, list[Entry]] = {}
    for entry in tree.items:
        is_open = bool(items) and items[-1][0].text in headings and is_empty(items[-1][1])
        if entry[0].text not in known and is_open:
            strays.setdefault(len(items) - 1, []).append(entry)
        else:
            items.append(entry)
    for index, found in strays.items():
        items[index] = items[index][0], _reported(items[index][0], found, sink)
    return Mapping(tuple(items), tree.span)


def is_empty(tree: Tree) -> bool:
    """Tell whether nothing stands where a value could."""
    return isinstance(tree, Scalar) and tree.value is None and tree.span.start == tree.span.end


def _reported(heading: Scalar, strays: list[Entry], sink: Sink) -> Mapping:
    first = strays[0][0]
    more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
    message = f"`{first.text}`{more} must be indented below `{heading.text}:`"
    notes = (Label(heading.span, "nothing stands below this"),)
    help = cure("indent by two spaces more", *indenting(around(strays).span, 2), safe=True)
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
            first = _first_of(section, key.text, entries(value))
            if isinstance(value, Mapping) and first is not None:
                lost = value.items[first][0]
                message = (
                    f"a spec needs `{section}:`; without it `{lost.text}` stands in `{key.text}`"
                )
                notes = (Label(key.span, "the section above"),)
                words = f"write `{section}:` on a line above `{lost.text}`"
                indent = " " * (key.span.column - 1)
                help = cure(words, above(lost.span, f"{indent}{section}:"))
                sink.add(Diagnostic(Code.MISSING, message, lost.span, notes=notes, help=help))
                own = Mapping(value.items[:first], value.span)
                new = Scalar(section, key.span), around(value.items[first:])
                items = (*tree.items[:index], (key, own), new, *tree.items[index + 1 :])
                tree = Mapping(items, tree.span)
                break
    return tree


def _first_of(section: str, holder: str, items: Items[Entry]) -> int | None:
    """Return the index of the first entry of a section that is one of another."""
    names = {key.text for key, _ in items}
    # A layer of the graph may have a body of its own: what is a block has a capital.
    blocks = [
        i for i, (key, value) in enumerate(items) if key.text[:1].isupper() and _has_body(value)
    ]
    below = blocks[-1] + 1 if blocks else 0
    for index, (key, value) in enumerate(items):
        is_block = _has_body(value)
        match section, holder:
            case "blocks", "params" | "inputs" | "init":
                found = is_block and key.text[:1].isupper()
            case "graph", "blocks":
                found = index >= below and (not key.text[:1].isupper() or _is_layer(value))
            case "graph", "params" | "inputs":
                found = isinstance(value, Mapping) and not is_block
            case "outputs", "graph":
                found = isinstance(value, Scalar) and _is_ref(value, names)
            case _:
                return None
        if found:
            return index
    return None


def _has_body(tree: Tree) -> bool:
    return isinstance(tree, Mapping) and any(map(tree.find, ("chain", "parallel")))


def _is_ref(value: Scalar, names: set[str]) -> bool:
    return value.text not in REGISTRY and value.text.partition(".")[0] in names


def key_meant(tree: Tree, absent: Items[str]) -> str:
    """Return which of the absent keys of a spec, a variant or a block has such values, if any."""
    of_block = "chain" in absent or "join" in absent
    # Beside a join a list holds branches, and otherwise layers.
    sought = [
        key for key in absent if key != "chain" or "join" in absent or isinstance(tree, Mapping)
    ]
    if found := next((key for key in sought if _is_sign_of(key, tree, of_block)), ""):
        return found
    return "" if of_block else _section_meant(tree, absent)


def _is_sign_of(key: str, tree: Tree, of_block: bool) -> bool:
    """Tell whether a value stands at no other key than this one."""
    values = [value for _, value in entries(tree)]
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
            keys = {inner.text for value in values for inner, _ in entries(value)}
            paths = [item.text for item, _ in tree.items]
            is_new = not keys.isdisjoint(("after", "before"))
            return bool(paths) and all(map(_PATH.match, paths)) and is_new == (key == "insert")
        case "expect", Mapping():
            return any(map(tree.find, ("macs", "depth", "train_params")))
        case "params", Mapping():
            is_number = (isinstance(x, Scalar) and type(x.value) in (int, float) for x in values)
            return bool(values) and all(is_number)
        case "params", Sequence() if of_block:
            return bool(tree.items) and all(isinstance(item, Scalar) for item in tree.items)
        case "join", Scalar():
            return tree.text in ("concat", "add", "mul")
        case "parallel", Sequence():
            return any(isinstance(item, Mapping) for item in tree.items)
        case "chain", Mapping():
            return any(map(_is_layer, values))
        case "chain", Sequence():
            return any(isinstance(item, Mapping) and _is_layer(item) for item in tree.items)
    return False


_SENTENCE = re.compile(r"[^$\s]+\s[^$]*$")
_PATH = re.compile(r"(graph|blocks|outputs)\.")


def _is_layer(tree: Tree) -> bool:
    """Tell whether a value uses an op, or what may be a block, or is a list of such."""
    if isinstance(tree, Sequence):
        return any(map(_is_layer, tree.items))
    words = [tree] if isinstance(tree, Scalar) else [key for key, _ in entries(tree)]
    return any(word.text in REGISTRY or word.text[:1].isupper() for word in words)


def _section_meant(tree: Tree, absent: Items[str]) -> str:
    """Return which of the absent sections a mapping looks like, or nothing."""
    values = [value for _, value in entries(tree)]
    fits = {
        "blocks": all(_first_of("blocks", "init", [entry]) == 0 for entry in entries(tree)),
        "inputs": all(isinstance(value, Sequence) for value in values),
        "outputs": all(isinstance(value, Scalar) for value in values[:1]),
        "graph": True,
    }
    return next((name for name, fit in fits.items() if values and fit and name in absent), "")


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
    words = f"write `chain:` above `{first.text}`, and indent the layers below it"
    heading = above(first.span, " " * (first.span.column - 1) + "chain:")
    first_line, *others = indenting(around(layers).span, 2)
    # What is written above the first line starts where its indent does.
    top = replace(heading, text=heading.text + first_line.text)
    help = cure(words, top, *others, safe=True)
    sink.error(Code.MISSING, message, first.span, help=help)
    rest = tuple(entry for entry in block.items if entry not in layers)
    return Mapping((*rest, (Scalar("chain", first.span), around(layers))), block.span)
