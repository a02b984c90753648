"""Source → tree: follows `extends` through the sources that a loader gives, and patches upwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from netspec import limits
from netspec.language.grammar import VariantKeys
from netspec.language.keys import Reading, corrected, read_known
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Source, Span, SpecError, in_order
from netspec.text.fixes import cure, either, without
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, parse

if TYPE_CHECKING:
    from netspec.language.variant.extension import Extension
    from netspec.language.variant.patch import Variant

_CONTRACTS = "NS05"
_EXTENDED = "extended here"
_LOOKUPS = (Code.UNKNOWN_LAYER, Code.UNKNOWN_OP, Code.UNKNOWN_BLOCK, Code.UNKNOWN_PARAM)
"""What is said of a name that nothing has."""
_IDLE = (Code.UNUSED_PARAM, Code.UNUSED_BLOCK, Code.UNREAD)
"""What is said of a part that nothing reads."""

Loader = Callable[[Source, str], Source]
"""Gives the source at a path that stands in another source; the same file gives the same object."""


class LoadError(Exception):
    """Why a loader gives no source."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


@dataclass(slots=True)
class Lineage:
    """A spec's own source, what it extends, and the places where that is said."""

    sources: list[Source]
    places: dict[Source, Span] = field(default_factory=dict)
    kept: Span | None = None
    """A path in `remove` that is passed over, to see what goes wrong because of it."""
    removed: list[Scalar] = field(default_factory=list)
    """What the variants remove: nothing may read its name any more."""
    extension: Extension | None = None
    """What the spec's own source extends, if it is a variant."""
    fitting: Tree | None = None
    """What the variants make of what they extend, but for what misfits."""
    trees: dict[Source, Tree] = field(default_factory=dict)
    """What has been read already: it grows, and may be handed on to others."""

    def trace(self, items: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Add to each mistake in an extended file the place that extends it."""
        return tuple(self._traced(item) for item in items)

    def _traced(self, item: Diagnostic) -> Diagnostic:
        if item.span is None:
            return item
        from netspec.language.variant.places import name_in

        name = item.span.text.partition(".")[0].removeprefix("$")
        gone = {name_in(path, -1).text: path.span for path in self.removed}
        if item.code in _LOOKUPS and name in gone:
            note = Label(item.span, f"`{name}` is used here")
            others = [label for label in item.notes if label.text == "and here"]
            keep = cure("keep it", without(gone[name]))
            help = either(self._change(item.span) or "`change` what uses it", keep)
            message = f"`{name}` is removed, but used"
            notes = (note, *others, *self._beside(item.span))
            return Diagnostic(Code.NO_TARGET, message, gone[name], notes=notes, help=help)
        place = self.places.get(item.span.source)
        if place is None:
            return item
        own = any(note.span.source is self.sources[0] for note in item.notes)
        # From the contracts on, the cure says itself what the variant has to change.
        change = self._change(item.span) if item.code < _CONTRACTS and not own else ""
        help = either(item.help, f"{change} in the variant" if change else "")
        beside = self._beside(item.span) if change else ()
        return replace(item, notes=(*item.notes, Label(place, _EXTENDED), *beside), help=help)

    def blame(
        self, found: Items[Diagnostic], without: Callable[[Span], Iterable[Diagnostic]]
    ) -> tuple[Diagnostic, ...]:
        """Report at a path of `remove` what would be right if that part were kept.

        `without` says what is wrong if a path is passed over.
        """
        known = {(item.code, item.span) for item in found}
        items = [*found]
        for path in self.removed[: limits.REMOVALS]:
            left = {(item.code, item.span) for item in without(path.span)}
            if left < known:  # otherwise it is missed for something else
                items = [
                    item if (item.code, item.span) in left else self._blamed(item, path)
                    for item in items
                ]
        return tuple(items)

    def _blamed(self, item: Diagnostic, path: Scalar) -> Diagnostic:
        """Return a mistake at the path whose removal makes it."""
        if item.span is None or item.code == Code.BROKEN_EXPECT or _is_within(item.span, path.span):
            return item
        change = self._change(item.span)
        keep = cure(f"keep `{path.text}`", without(path.span))
        help = either(keep, change, "remove that too" if item.code in _IDLE else "")
        notes = (Label(item.span, "here"), *(x for x in item.notes if x.text != _EXTENDED))
        message = f"without `{path.text}`: {item.message}"
        return replace(item, message=message, span=path.span, label="", notes=notes, help=help)

    def _change(self, place: Span) -> str:
        """Say how the variant changes what stands at a place of its base, if it can."""
        path = self.extension.path_at(place) if self.extension else ""
        section, _, name = path.partition(".")
        if section == "params":
            return f"add `{name}: …` to `params`"
        return f"add `{path}: …` to `change`" if path else ""

    def _beside(self, place: Span) -> Iterator[Label]:
        yield from self.extension.beside(place) if self.extension else ()

    def resolve(self, load: Loader | None) -> Tree:
        """Return the tree of the whole spec; `sources` and `places` grow. Raises SpecError."""
        sink = Sink()
        count, variants = 0, []
        tree = self._read(0)
        while variant := _variant(tree, sink, self.kept):
            variants.append(variant)
            count += _count(tree)
            try:
                self._follow(variant.link, load)
                tree = self._read(count)
            except SpecError as error:  # what was wrong before is told too
                raise SpecError(in_order([*sink.items, *error.diagnostics])) from None
        return self._patched(tree, variants, sink) if variants else tree

    def _read(self, count: int) -> Tree:
        """Return the tree of the last source; those before have `count` values."""
        source = self.sources[-1]
        if source not in self.trees:
            self.trees[source] = parse(source, count)
        return self.trees[source]

    def _patched(self, tree: Tree, variants: list[Variant], sink: Sink) -> Tree:
        """Return the whole spec with its variants' changes, the outermost last."""
        from netspec.language.variant.extension import Extension
        from netspec.language.variant.patch import patch

        for variant in reversed(variants):
            self.removed += variant.removed
            if isinstance(tree, Mapping):
                self.extension = Extension(variant.link, variant.tree, tree)
                tree = self.fitting = patch(tree, variant, sink)
                sink.stop()
        sink.stop()
        return tree

    def _follow(self, link: Scalar, load: Loader | None) -> None:
        if load is None:
            message = "this text has no place that `extends` could start at"
            _refuse(Code.OUTSIDE, message, link, "put the spec into a file")
        try:
            base = load(self.sources[-1], link.text)
        except LoadError as error:
            chain = f": {self._chain()} → {link.text}" if len(self.sources) > 1 else ""
            _refuse(error.code, error.message + chain, link, error.help)
        if base in self.sources:
            message = f"the files extend each other in a cycle: {self._chain(base)}"
            _refuse(Code.UNREADABLE, message, link, "one of them must be a whole spec")
        if len(self.sources) > limits.EXTENDED:
            message = f"more than {limits.EXTENDED} files extend each other: {self._chain(base)}"
            _refuse(Code.UNREADABLE, message, link)
        if sum(len(source.text) for source in (*self.sources, base)) > limits.BYTES:
            message = f"the files together have more than {limits.BYTES // 1024**2} MiB"
            _refuse(Code.LIMIT, message, link)
        self.sources.append(base)
        self.places[base] = link.span

    def _chain(self, *more: Source) -> str:
        return " → ".join(source.name for source in (*self.sources, *more))


def _refuse(code: str, message: str, link: Scalar, help: str = "") -> NoReturn:
    raise SpecError([Diagnostic(code, message, link.span, help=help)])


def _variant(tree: Tree, sink: Sink, kept: Span | None) -> Variant | None:
    """Return what a variant says, None for a whole spec. Raises SpecError if it extends nothing."""
    if not isinstance(tree, Mapping) or not _is_variant(tree):
        return None
    from netspec.language.variant.patch import Variant  # a whole spec, the common case, needs none

    tree = corrected(VariantKeys, tree, "a variant", sink)
    said = read_known(VariantKeys, tree, "a variant", Reading(sink))
    if said.extends is None:
        sink.stop()
    assert said.extends
    removed = tuple(path for path in said.remove if path.span != kept)
    return Variant(tree, said, said.extends, removed)


def _is_variant(tree: Mapping) -> bool:
    if tree.find("extends"):
        return True
    if isinstance(tree.get("graph"), Mapping | Sequence):
        return False
    names_file = any(isinstance(x, Scalar) and x.text.endswith(".yaml") for _, x in tree.items)
    return names_file or any(tree.find(key) for key in ("change", "insert", "remove"))


def _is_within(inner: Span, outer: Span) -> bool:
    is_inside = outer.start <= inner.start and inner.end <= outer.end
    return inner.source is outer.source and is_inside


def _count(tree: Tree) -> int:
    """Return how many values a tree has, keys included."""
    match tree:
        case Mapping():
            return 1 + sum(1 + _count(value) for _, value in tree.items)
        case Sequence():
            return 1 + sum(map(_count, tree.items))
    return 1
