"""Where each image is: a table that is made once, and that all processes of a machine share.

Reading ImageNet's directories takes longer than starting a run. So the table is a file in the
user's cache (`NETSPEC_CACHE`, else `~/.cache/netspec`), mapped into memory rather than read. It is
made anew when a directory or a shard that it was made from has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray

from netspec.text.diagnostics import escape
from recipe import checkpoint
from recipe.errors import UserError

Columns = dict[str, NDArray[numpy.int64]]
_VERSION = 1
_COARSEST_CLOCK = 2_000_000_000  # nanoseconds: two changes of a file may have one time


class Rows:
    """A table being made: a few bytes a row, no object."""

    def __init__(self, *columns: str) -> None:
        self.started = time.time_ns()
        self.classes: list[str] = []
        self.sources: list[tuple[str, int, int]] = []
        self.names = bytearray()
        self.columns = {column: array("q") for column in ("end", "label", *columns)}

    def add(self, name: str, **values: int) -> None:
        """Add an image by its name, its label, and what its layout wants to know."""
        self.names += os.fsencode(name)
        for column, value in {"end": len(self.names), **values}.items():
            self.columns[column].append(value)

    def made_from(self, path: Path) -> None:
        """Remember the state of a directory or file, before it is read."""
        self.sources.append(_state_of(Path(path).absolute()))

    def write(self, path: Path) -> None:
        columns = {
            name: torch.frombuffer(values, dtype=torch.int64)
            for name, values in self.columns.items()
        }
        names = torch.frombuffer(self.names, dtype=torch.uint8)
        facts = {
            "version": _VERSION,
            "started": self.started,
            "sources": self.sources,
            "classes": self.classes,
        }
        checkpoint.write(path, {**facts, "names": names, "columns": columns})


@dataclass(frozen=True)
class Table:
    """A row an image: its name, its label, and what its layout wants to know."""

    path: Path
    classes: tuple[str, ...]
    names: NDArray[numpy.uint8]
    columns: Columns

    @property
    def labels(self) -> NDArray[numpy.int64]:
        return self.columns["label"]

    def name(self, row: int) -> str:
        ends = self.columns["end"]
        start = ends[row - 1] if row else 0
        return os.fsdecode(self.names[start : ends[row]].tobytes())

    def __reduce__(self) -> tuple[Callable[[Path], Table], tuple[Path]]:
        """Map the file anew in another process, instead of sending what it holds."""
        return _open, (self.path,)


def table(root: Path, part: str, make: Callable[[Path, str], Rows]) -> Table:
    """Return the table of a part of the data, made anew if what it was made from has changed."""
    key = hashlib.blake2b(os.fsencode(root.resolve() / part), digest_size=8).hexdigest()
    path = _cache() / f"{key}.index"
    if not _is_current(path):
        with _alone(path):
            if not _is_current(path):
                _make(path, root, part, make)
    return _open(path)


def _make(path: Path, root: Path, part: str, make: Callable[[Path, str], Rows]) -> None:
    rows = make(root, part)
    rows.write(path)
    count = f"{len(rows.columns['label']):,} images of {len(rows.classes):,} classes"
    print(f"indexed {count} in {escape(str(root / part))}: {escape(str(path))}", file=sys.stderr)


def _cache() -> Path:
    named = os.environ.get("NETSPEC_CACHE")
    if named:
        return Path(named)
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    except RuntimeError:
        cure = "set NETSPEC_CACHE to a directory for the index of the images"
        raise UserError(f"there is no home directory: {cure}") from None
    return Path(home) / "netspec"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process of those that start together make the table; the others wait for it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        cure = "set NETSPEC_CACHE to a directory that can be written"
        raise UserError(
            f"{path.parent}: no index of the images can be kept here: {error.strerror}; {cure}"
        ) from error
    with lock:
        yield


def _read(path: Path) -> checkpoint.State:
    state: checkpoint.State = torch.load(path, mmap=True, weights_only=True)
    return state


def _open(path: Path) -> Table:
    state = _read(path)
    columns = {name: values.numpy() for name, values in state["columns"].items()}
    return Table(path, tuple(state["classes"]), state["names"].numpy(), columns)


def _is_current(path: Path) -> bool:
    """Tell whether nothing has changed since a table was made."""
    try:
        state = _read(path)
        sources = state["sources"]
        settled = state["started"] - _COARSEST_CLOCK
        return state["version"] == _VERSION and all(
            source == _state_of(source[0]) and source[1] < settled for source in sources
        )
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError):
        return False


def _state_of(path: str | Path) -> tuple[str, int, int]:
    found = Path(path).stat()
    return str(path), found.st_mtime_ns, found.st_size


def few(names: Sequence[str]) -> str:
    """Name the first of what is wrong, and how many more there are."""
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + rest
