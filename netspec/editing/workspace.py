"""Open texts over files: each is compiled as it changes, and keeps the last network that held.

Offsets are code points of a source's text; paths are as `os.path.normpath` leaves them.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from netspec.analysis.network import Network
from netspec.compiler import ContractError, compile_spec
from netspec.editing.facts import Facts
from netspec.editing.index import Index
from netspec.editing.kept import Kept, moved, whole
from netspec.editing.loose import read_loosely
from netspec.language.project import check_extended
from netspec.language.variant.lineage import Lineage, Loader, LoadError
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError
from netspec.text.syntax import Tree, decode


@dataclass(frozen=True, eq=False)
class Document:
    """One text, what the compiler says of it, and the last network that held.

    `network` is of this very text, whether or not it keeps its contracts, `good` perhaps of an
    older one. The span of a diagnostic has its own source, which may be that of a file that this
    one extends.
    """

    path: str
    source: Source
    diagnostics: Sequence[Diagnostic]
    network: Network | None
    good: Network | None
    kept: Sequence[Kept]
    """What of the text of `good` still stands, and where."""
    trees: dict[Source, Tree] = field(repr=False)
    """The YAML of this text and of those that it extends, where it is not broken."""
    asked: Mapping[str, Source]
    """The text at each path that it extends, at any remove; an empty one where there is no file."""

    @property
    def good_source(self) -> Source | None:
        """The text that `good` was compiled from."""
        return self.good.sources[0] if self.good else None

    @property
    def tree(self) -> Tree | None:
        """The YAML of this text with its places; None where it is broken."""
        return self.trees.get(self.source)

    @cached_property
    def loose(self) -> Tree:
        """The same, or what can be read of it all the same where it is broken."""
        return self.tree or read_loosely(self.source)

    @cached_property
    def index(self) -> Index:
        """What stands where in this text, and in those that it extends."""
        empty = Source(self.path, "")

        def load(origin: Source, extended: str) -> Source:
            return self.asked.get(_target(origin, extended), empty)

        return Index(self.source, load, {**self.trees, self.source: self.loose})

    def now(self, span: Span) -> Span | None:
        """Return where a span of `good_source` stands today; None where that text has changed."""
        return _followed(span, self.kept, self.source) if span.source is self.good_source else None

    def was(self, span: Span) -> Span | None:
        """Return where a span of today's text stood in `good_source`; None for a newer one."""
        if span.source is not self.source or self.good_source is None:
            return None
        back = [Kept(kept.after, kept.before, kept.length) for kept in self.kept]
        return _followed(span, back, self.good_source)

    @cached_property
    def facts(self) -> Facts | None:
        """What is true of `good` by the lines of its text."""
        return Facts(self.good) if self.good else None


def _followed(span: Span, kept: Sequence[Kept], source: Source) -> Span | None:
    """Return where a span stands in the text to which `kept` leads."""
    found = (run.now(span.start, span.end) for run in kept)
    start = next((start for start in found if start is not None), None)
    return None if start is None else Span(source, start, start + span.end - span.start)


class Workspace:
    """The open documents. `read` gives the text of a path; it raises OSError, or LoadError."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._open: dict[str, Document] = {}

    def document(self, path: str) -> Document:
        """Return an open document. Raises KeyError."""
        return self._open[path]

    def documents(self) -> Sequence[Document]:
        """Return the open documents."""
        return [*self._open.values()]

    def close(self, path: str) -> None:
        """Forget a buffer: from now on the file counts."""
        self._open.pop(path, None)

    def dependents(self, path: str) -> Sequence[str]:
        """Return the open documents that extend a path, to be changed again when it changes."""
        return [item.path for item in self._open.values() if path in item.asked]

    def change(self, path: str, text: str) -> Document:
        """Open or change a buffer, and compile it."""
        self._open[path] = made = self._made(path, text)
        return made

    def look(self, path: str) -> Document:
        """Compile a file without opening it. Raises OSError, LoadError and SpecError."""
        return self._open.get(path) or self._made(path, self._read(path))

    def is_variant(self, path: str) -> bool:
        """Tell whether a file may extend another. Raises OSError, LoadError and SpecError."""
        return "extends" in self._read(path)

    def _made(self, path: str, text: str) -> Document:
        asked: dict[str, Source] = {}
        source = Source(path, text)
        found: tuple[Diagnostic, ...]
        trees: dict[Source, Tree] = {}
        network = None
        try:
            source = decode(text.encode("utf-8", "surrogatepass"), path)
            with growing():
                network = compile_spec(source, load=self._loader(source, asked), trees=trees)
            found = network.warnings
        except SpecError as error:
            found = error.diagnostics
            # Broken contracts are about numbers, which are to be seen.
            network = error.made() if isinstance(error, ContractError) else None
        old = self._open.get(path)
        good, kept = network, whole(source.text)
        if network is None:
            good = old.good if old else None
            kept = moved(old.kept, old.source.text, source.text) if old and good else ()
        if source not in trees:  # what it extends is known though it is no YAML now
            _follow(source, self._loader(source, asked))
            asked = {**(old.asked if old else {}), **asked}
        return Document(path, source, found, network, good, kept, trees, asked)

    def _loader(self, own: Source, asked: dict[str, Source]) -> Loader:
        """Return what gives extended sources, and notes them: an open buffer, or a file."""

        def load(origin: Source, extended: str) -> Source:
            check_extended(extended)
            path = _target(origin, extended)
            if path not in asked:
                asked[path] = Source(path, "")
                asked[path] = own if path == own.name else self._source(path)
            return asked[path]

        return load

    def _source(self, path: str) -> Source:
        if path in self._open:
            return self._open[path].source
        try:
            return decode(self._read(path).encode("utf-8", "surrogatepass"), path)
        except OSError as error:
            raise LoadError(Code.UNREADABLE, str(error)) from None


def _follow(source: Source, load: Loader) -> None:
    """Ask for what a text extends, though the text itself cannot be read."""
    if link := _LINK.search(source.text):
        with suppress(LoadError, SpecError):
            Lineage([load(source, link[1])]).resolve(load)


_LINK = re.compile(r"^extends:[ \t]+([^\s#]+)", re.MULTILINE)


@contextmanager
def growing() -> Iterator[None]:
    """Look for no cycles while a network is made or shown: of a large one that takes longest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _target(origin: Source, extended: str) -> str:
    """Return the path that a text extends."""
    return os.path.normpath(Path(origin.name).parent / extended)
