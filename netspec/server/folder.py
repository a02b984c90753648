"""The directory that a page works in: its specs, and nothing else."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from netspec import limits
from netspec.language.project import root_of
from netspec.server.files import read_inside
from netspec.text import files
from netspec.text.syntax import decode

SUFFIX = ".yaml"


class State(NamedTuple):
    """What a file holds, and a stamp for it; both None where there is no file."""

    text: str | None
    stamp: str | None


class Saved(NamedTuple):
    """What came of a save: the new stamp, or, where the file is another one by now, its state."""

    saved: bool
    stamp: str | None
    text: str | None = None


class Folder:
    """The specs below a directory. Paths are absolute; what leads out of it is refused.

    `start` is the one to begin with. Methods raise OSError with a line for the user.
    """

    def __init__(self, root: str, start: str | None = None) -> None:
        self.root = os.path.realpath(root)
        self.start = start
        self._project = root_of(Path(self.root))

    def paths(self) -> list[str]:
        """Return the specs, sorted."""
        found = [path for _, path in zip(range(limits.LISTED_FILES), self._walk(), strict=False)]
        return sorted(found)

    def _walk(self) -> Iterator[str]:
        for folder, inner, names in os.walk(self.root):
            inner[:] = sorted(name for name in inner if not _is_hidden(name))
            yield from filter(self.has, (str(Path(folder, name)) for name in sorted(names)))

    def has(self, path: str) -> bool:
        """Tell whether a path is that of a spec below the directory, whether or not it is there."""
        try:
            path.encode()
            real = Path(os.path.realpath(path))  # links first: they may lead out
        except ValueError:  # a name that no address can have
            return False
        if Path(path).suffix != SUFFIX or real.suffix != SUFFIX or files.is_stream(path):
            return False
        is_inside = real.is_relative_to(self.root)
        return is_inside and not any(map(_is_hidden, real.relative_to(self.root).parts))

    def state(self, path: str) -> State:
        """Return what a spec holds. A text that is not UTF-8 raises SpecError."""
        try:
            data = files.read(self._own(path))
        except FileNotFoundError:
            return State(None, None)
        return State(decode(data, path).text, _stamp(data))

    def save(self, path: str, text: str, stamp: str | None) -> Saved:
        """Write a spec, but only if it is still as its stamp says."""
        own, data = self._own(path), text.encode()
        found = self.state(path)
        if found.stamp != stamp:
            return Saved(False, found.stamp, found.text)
        files.write({own: data})
        return Saved(True, _stamp(data))

    def extended(self, spec: str, path: str) -> str:
        """Return the text of what a spec extends, which may lie in the project around."""
        return read_inside(self._project, path)

    def _own(self, path: str) -> str:
        if not self.has(path):
            message = f"{path} is no {SUFFIX} file below {self.root}"
            raise files.refusal(errno.EACCES, message, path)
        return path


def _stamp(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "node_modules"
