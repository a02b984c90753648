"""Waits for files to change by asking the file system, so that every kind of save counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from netspec.language.project import Stamp, stamp

INTERVAL = 0.02
SETTLED = 0.01
MISSING = 0.3


def watch(run: Callable[[], Mapping[str, Stamp]]) -> NoReturn:
    """Run now and whenever a file changes that the last run has read.

    `run` returns the stamps that the files had before it read them, so that no save is missed.
    """
    while True:
        _wait(run())


def _stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    return {path: stamp(path) for path in paths}


def _wait(stamps: Mapping[str, Stamp]) -> None:
    """Return when a file differs from its stamp and no longer changes.

    A file that is missing gets a moment to come back: many programs save by delete and create.
    """
    while (now := _stamps(stamps)) == stamps:
        time.sleep(INTERVAL)
    deadline = time.monotonic() + MISSING
    while True:
        time.sleep(SETTLED)
        before, now = now, _stamps(stamps)
        gone = any(now[path] is None and stamps[path] is not None for path in stamps)
        if now == before and not (gone and time.monotonic() < deadline):
            return
