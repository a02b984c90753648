"""Tree × variant → tree: a strict patch, in which every path must fit.

All paths are looked up in the extended spec. What is new keeps its place in the variant's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netspec.language.grammar import PlaceKeys, SignatureKeys, VariantKeys
from netspec.language.keys import as_mapping
from netspec.language.kinds import Replaced
from netspec.language.variant.places import Finder, Place, name_in
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, listed, suggest
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree, entries

_REPLACED = [k for k, kind in VariantKeys.kinds().items() if isinstance(kind, Replaced)]
_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as written, what it says, and the path that it extends."""

    tree: Mapping
    said: VariantKeys
    link: Scalar
    removed: tuple[Scalar, ...]
    """The paths of what goes."""


def patch(base: Mapping, variant: Variant, sink: Sink) -> Mapping:
    """Return a spec with a variant's patch applied, but for what misfits, which is reported."""
    base = _with_sections(base, variant)
    patcher = _Patcher(Finder(base, sink), sink)
    for key, value in entries(variant.said.change):
        patcher.change(key, value)
    for key, value in entries(variant.said.insert):
        patcher.insert(key, value)
    for path in variant.removed:
        patcher.remove(path)
    result = patcher.apply(base)
    patcher.refuse_unreached()
    assert isinstance(result, Mapping)
    return _sections(result, variant.tree, sink)


def _with_sections(base: Mapping, variant: Variant) -> Mapping:
    """Return a spec with an empty section for each that a variant inserts the first part of."""
    first = {key.text.partition(".")[0]: key for key, _ in entries(variant.said.insert)}
    found: list[Entry] = []
    for section in ("params", "externs", "blocks"):
        if section in first and not base.find(section):
            place = name_in(first[section], 0)
            found.append((place, Mapping((), place.span)))
    return Mapping((*base.items, *found), base.span)


def _sections(base: Mapping, variant: Mapping, sink: Sink) -> Mapping:
    """Return a spec with the sections that a variant writes itself, in the order of the spec."""
    found: dict[str, Entry] = {key.text: (key, value) for key, value in base.items}
    for key, value in variant.items:
        if key.text in _REPLACED:
            found[key.text] = key, value
        elif key.text == "params" and (params := as_mapping(value, sink, "`params`")):
            place, old = found.get("params", (key, None))
            found["params"] = place, _params(old, params, sink)
    return Mapping(tuple(found.values()), variant.span)


def _params(base: Tree | None, variant: Mapping, sink: Sink) -> Mapping:
    """Return parameters with the variant's values."""
    found: dict[str, Entry] = {key.text: (key, value) for key, value in entries(base)}
    known = tuple(name for name in found if not variant.find(name)) or tuple(found)
    for key, value in variant.items:
        if key.text in found:
            found[key.text] = key, value
        else:
            help = suggest(key.text, known, key.span) or f"it has: {', '.join(found) or 'none'}"
            message = f"the extended spec has no parameter `{key.text}`"
            sink.add(Diagnostic(Code.NO_TARGET, message, key.span, help=help, guesses=known))
    return Mapping(tuple(found.values()), variant.span)


@dataclass(slots=True, eq=False)
class _Edits:
    """What happens to one mapping or list, by the index or the name of the entry."""

    container: Mapping | Sequence
    path: Scalar
    changed: dict[int, Entry] = field(default_factory=dict)
    removed: dict[int, Scalar] = field(default_factory=dict)
    before: dict[str, list[Entry]] = field(default_factory=dict)
    after: dict[str, list[Entry]] = field(default_factory=dict)
    appended: list[Entry] = field(default_factory=list)

    def woven(self) -> Iterator[Entry]:
        """Yield the entries of the mapping that results."""
        assert isinstance(self.container, Mapping)
        todo = [(entry, i) for i, entry in enumerate(self.container.items)][::-1]
        ready: set[str] = set()
        while todo:
            entry, i = todo.pop()
            name = entry[0].text
            if name in ready:
                if i not in self.removed:
                    yield self.changed.get(i, entry)
                continue
            ready.add(name)
            todo += [(new, -1) for new in reversed(self.after.get(name, ()))]
            todo.append((entry, i))
            todo += [(new, -1) for new in reversed(self.before.get(name, ()))]
        yield from self.appended

    def listed(self) -> Iterator[Tree]:
        """Yield the items of the list that results."""
        assert isinstance(self.container, Sequence)
        for i, item in enumerate(self.container.items):
            if i not in self.removed:
                yield self.changed[i][1] if i in self.changed else item


class _Patcher:
    """Collects what a variant says about each mapping and list, then rebuilds the tree once."""

    def __init__(self, finder: Finder, sink: Sink) -> None:
        self._finder = finder
        self._sink = sink
        self._edits: dict[int, _Edits] = {}
        self._inserted: dict[tuple[str, str], Mapping] = {}

    def change(self, path: Scalar, value: Tree) -> None:
        section, *names = path.text.split(".")
        if section == "params" and names:
            message = "another value of a parameter stands in the section `params`"
            help = f"write `params: {{{names[0]}: …}}`"
            self._sink.error(Code.NO_TARGET, message, path.span, help=help)
        elif place := self._finder.find(path, value):
            self._edit(place.container, path).changed[place.index] = name_in(path, -1), value

    def remove(self, path: Scalar) -> None:
        place = self._finder.find(path)
        if place is None:
            return
        edits = self._edit(place.container, path)
        if first := edits.removed.get(place.index):
            note = Label(first.span, "the first time")
            self._refuse(Code.NO_TARGET, f"`{path.text}` is removed twice", path.span, note)
        if changed := edits.changed.get(place.index):
            note = Label(changed[0].span, "changed here")
            self._refuse(Code.NO_TARGET, f"`{path.text}` is changed and removed", path.span, note)
        edits.removed[place.index] = path
        above, _, name = path.text.rpartition(".")
        grows = edits.before or edits.after or edits.appended
        is_empty = len(edits.removed) == len(edits.container.items) and not grows
        if above not in ("blocks", "externs", "params") and is_empty:
            message = f"without `{name}` nothing is left of `{above}`"
            help = "change the layer or the block around it"
            if above in ("inputs", "outputs"):
                help = f"a network needs an {above[:-1]}: keep one, or `insert` another"
            self._sink.error(Code.NO_TARGET, message, path.span, help=help)

    def insert(self, path: Scalar, value: Tree) -> None:
        parent = self._finder.parent(path)
        if parent is None:
            return
        name = name_in(path, -1)
        if hit := parent.parts.get(name.text):
            help = "`change` replaces it"
            if parent.form == "values" and path.text.startswith("params."):
                help = f"`params: {{{name.text}: …}}` gives it another value"
            elif hit.form == "body":
                help += f"; {name.text} needs another name to stand beside it"
            note = Label(hit.span, "here")
            message = f"`{path.text}` is there already"
            self._refuse(Code.NO_PLACE, message, name.span, note, help)
            return
        anchors, layer = _anchors(value)
        is_key = parent.form == "block" and name.text in SignatureKeys.kinds()
        is_free = is_key or parent.form in ("blocks", "heads", "values")
        if not anchors and is_free and isinstance(parent.tree, Mapping):
            self._edit(parent.tree, path).appended.append((name, layer))
        elif len(anchors) != 1:
            message = f"`{path.text}` must say one place: `after:` or `before:` a layer"
            text = _placed(layer, next(iter(parent.parts), "conv1"))
            help = f"for example `{path.text}: {text}`"
            self._sink.error(Code.NO_PLACE, message, name.span, help=help)
        else:
            self._weave(parent, path, anchors[0], layer)

    def _weave(self, parent: Place, path: Scalar, anchor: Entry, layer: Tree) -> None:
        word, target = anchor
        text = target.text if isinstance(target, Scalar) else ""
        place = parent.parts.get(text)
        name, above = name_in(path, -1), path.text.rpartition(".")[0]
        container = place.container if place else self._inserted.get((above, text))
        if container is None:
            known = [*parent.parts, *(n for p, n in self._inserted if p == above)]
            help = suggest(text, known, target.span) or f"it has: {listed(known)}"
            message = f"`{above}` has no `{text}` to stand {word.text}"
            self._sink.error(Code.NO_PLACE, message, target.span, help=help)
        elif isinstance(container, Sequence):
            message = f"the layers of `{above}` have no names, so `{name.text}` cannot join them"
            help = f"change `{above}` as a whole"
            self._sink.error(Code.NO_PLACE, message, name.span, help=help)
        else:
            edits = self._edit(container, path)
            side = edits.after if word.text == "after" else edits.before
            side.setdefault(text, []).append((name, layer))
            self._inserted[above, name.text] = container

    def _edit(self, container: Mapping | Sequence, path: Scalar) -> _Edits:
        # By identity: two containers at different places may hold the same.
        return self._edits.setdefault(id(container), _Edits(container, path))

    def _refuse(self, code: str, message: str, span: Span, note: Label, help: str = "") -> None:
        self._sink.add(Diagnostic(code, message, span, notes=(note,), help=help))

    def apply(self, tree: Tree) -> Tree:
        """Rebuild a tree of the extended spec; edits that were reached are used up."""
        edits = self._edits.pop(id(tree), None)
        match tree:
            case Mapping():
                entries = tuple(edits.woven()) if edits else tree.items
                return Mapping(tuple((key, self.apply(value)) for key, value in entries), tree.span)
            case Sequence():
                items = tuple(edits.listed()) if edits else tree.items
                return Sequence(tuple(map(self.apply, items)), tree.span)
        return tree

    def refuse_unreached(self) -> None:
        """Report patches inside a part that is itself replaced or removed."""
        for edits in self._edits.values():
            message = f"`{edits.path.text}` stands in a part that the variant replaces or removes"
            self._sink.error(Code.NO_TARGET, message, edits.path.span, help="keep one of the two")


def _placed(layer: Tree, anchor: str) -> str:
    """Write a layer with a place behind another one."""
    text = f"{{{layer.text}: []}}" if isinstance(layer, Scalar) else layer.span.text
    is_short = text.startswith("{") and "\n" not in text and len(text) <= _MAX_SHOWN
    return f"{text[:-1] if is_short else '{relu: []'}, after: {anchor}}}"


def _anchors(value: Tree) -> tuple[list[Entry], Tree]:
    """Split an inserted layer into where it says to stand, and what it is."""
    if not isinstance(value, Mapping):
        return [], value
    places = [entry for entry in value.items if entry[0].text in PlaceKeys.kinds()]
    rest = tuple(entry for entry in value.items if entry[0].text not in PlaceKeys.kinds())
    return places, Mapping(rest, value.span)
