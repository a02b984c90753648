"""The files that a spec may extend: those of its own project, and no others."""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from netspec import limits
from netspec.language import shipped
from netspec.language.configured import PROJECT, configured
from netspec.language.variant.lineage import LoadError
from netspec.text import files
from netspec.text.codes import Code
from netspec.text.diagnostics import Source, likely
from netspec.text.syntax import decode

Stamp = tuple[int, int, int] | None
"""What tells two states of a file apart: inode, size, time; None for no file."""
_KEY = re.compile(r"^netspec[ \t]*:", re.MULTILINE)


def stamp(path: str) -> Stamp:
    """Return the state that a file is in."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def says_spec(text: str) -> bool:
    """Tell a spec from another YAML file: whatever is wrong with it, it has the key `netspec`."""
    return _KEY.search(text) is not None


def real_path(path: str) -> str:
    """Return the one name of a file, however it is reached; standard input keeps its own."""
    try:
        return path if path == "-" else os.path.realpath(path)
    except ValueError:  # no system has a name with a zero in it: who reads it says so
        return path


class Project:
    """Reads one spec and what it extends.

    The root is `root` if given, else what `root_of` says of the spec's directory; of a shipped spec
    it is their folder. A link that leads out of the root is refused like any other path that does.
    `stamps` has every file that was asked for, as it was before it was read; `texts` are read in
    place of files, by their real paths, or `-`.
    """

    def __init__(
        self,
        root: str | None = None,
        stamps: dict[str, Stamp] | None = None,
        texts: Mapping[str, Source] = MappingProxyType({}),
    ) -> None:
        self._root = None if root is None else Path(os.path.realpath(root))
        self._sources: dict[str, Source] = {}
        self.stamps = {} if stamps is None else stamps
        self._texts = texts
        self._directories: dict[Source, Path] = {}
        self._is_shipped = False

    def open(self, path: str) -> Source:
        """Return the spec itself: a file, `-` for standard input, or the name of a shipped one.

        Raises OSError and SpecError.
        """
        if file := shipped.find(path):
            return self._open_shipped(file)
        directory = Path() if path == "-" else Path(path).parent
        self.stamps[path] = stamp(path)
        try:
            source = self._source(path, real_path(path), "<stdin>" if path == "-" else path)
        except FileNotFoundError:
            if path == "-" or os.path.lexists(path):
                raise
            raise files.refusal(errno.ENOENT, shipped.missing(path), path) from None
        self._directories[source] = directory
        if path != "-":
            self._sources[os.path.realpath(path)] = source
        if self._root is None:
            self._root = root_of(directory)
        return source

    def _open_shipped(self, file: Path) -> Source:
        """Return a shipped spec, which goes by its file's name wherever netspec is installed."""
        real = os.path.realpath(file)
        self.stamps[str(file)] = stamp(str(file))
        source = self._source(real, real, file.name)
        self._sources[real] = source
        self._directories[source] = file.parent
        self._root, self._is_shipped = Path(real).parent, True
        return source

    def load(self, origin: Source, path: str) -> Source:
        """Return what a spec extends. Raises LoadError, and SpecError if it is no text."""
        check_extended(path)
        target = self._directories[origin] / path
        real = os.path.realpath(target)  # links first: one below the root may lead out of it
        check_inside(self._root, real, path)
        if real not in self._sources:
            self.stamps[str(target)] = stamp(str(target))
            name = target.name if self._is_shipped else os.path.normpath(target)
            self._sources[real] = self._read(real, name, path)
            self._directories[self._sources[real]] = target.parent
        return self._sources[real]

    def _read(self, real: str, name: str, path: str) -> Source:
        try:
            return self._source(real, real, name)
        except OSError as error:
            help = "" if os.path.lexists(real) else self._file_meant(Path(real), path)
            raise LoadError(Code.UNREADABLE, str(error).replace(real, name), help) from None

    def _source(self, path: str, real: str, name: str) -> Source:
        return self._texts.get(real) or decode(files.read(path), name)

    def _file_meant(self, real: Path, path: str) -> str:
        """Suggest a file that stands where a missing one was looked for."""
        try:
            with os.scandir(real.parent) as entries:
                names = [entry.name for entry in itertools.islice(entries, limits.LISTED_FILES)]
        except OSError:
            return ""
        own = set(self._sources)
        beside = [name for name in sorted(names) if str(real.parent / name) not in own]
        folder = path[: len(path) - len(real.name)]
        known = {
            name.removesuffix(".yaml"): f"{folder}{name}" for name in beside if not _refusal(name)
        }
        near = [f"`{known[name]}`" for name in likely(real.name.removesuffix(".yaml"), known)]
        if near:
            return f"did you mean {' or '.join(near)}?"
        listed = list(known.values())
        more = f" and {len(listed) - _MAX_LISTED} more" if len(listed) > _MAX_LISTED else ""
        return f"there are {', '.join(listed[:_MAX_LISTED])}{more}" if listed else ""


_MAX_LISTED = 8
_HELP = "write the path of a .yaml file, relative to this one: `extends: googlenet.yaml`"


_MARKS = (".git", PROJECT)  # of a project, the surer first: a download has no .git


def root_of(directory: Path) -> Path:
    """Return where the files lie that a directory's specs may extend.

    It is what the project says; else the git repository around the directory; without one, the
    nearest folder with a pyproject.toml; else the directory itself. Raises SpecError and OSError
    for a project that says something wrong, or that cannot be read.
    """
    if said := configured(directory).root:
        return said
    folder = Path(os.path.realpath(directory))
    around = (folder, *folder.parents)
    return next((d for mark in _MARKS for d in around if os.path.lexists(d / mark)), folder)


def check_inside(root: Path | None, real: str, path: str) -> None:
    """Raise LoadError for a path that leads out of the root; `real` is it with links followed."""
    if root is None or not Path(real).is_relative_to(root):
        help = (
            "it may name files of the spec's project (the git repository around it, else the "
            "folder of the nearest pyproject.toml, else its own), or those below --root"
        )
        raise LoadError(Code.OUTSIDE, f"`{path[:80]}` leads out of the project", help)


def check_extended(path: str) -> None:
    """Raise LoadError for what may not stand in `extends`, whatever file it would lead to."""
    if reason := _refusal(path):
        raise LoadError(Code.OUTSIDE, f"`extends` takes no {reason}", _HELP)


def _refusal(path: str) -> str:
    """Name what a path has that may not stand in `extends`; nothing if it is fit."""
    checks = (
        (not path.isprintable(), "control character"),
        ("://" in path, "URL"),
        (path.startswith("/"), "absolute path"),
        (path.startswith("~"), "`~`"),
        ("\\" in path, "backslash"),
        (":" in path, "`:`"),
        (not path.endswith(".yaml"), "file but *.yaml"),
        (len(path) > 500, "path of more than 500 characters"),
    )
    return next((reason for is_so, reason in checks if is_so), "")
