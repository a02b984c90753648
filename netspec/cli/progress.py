"""A progress bar on a terminal's standard error: tqdm's, and without it a line that counts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netspec.cli.show import put

Step = Callable[[str], None]
_CLEAR = "\r\x1b[K"
"""Goes back to the beginning of the line and empties it."""


@contextmanager
def progress(total: int) -> Iterator[Step]:
    """Give what is called with a few words at each step; where nobody looks it says nothing."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield lambda what: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        with _counting(total) as step:
            yield step
        return
    with tqdm(total=total, file=stream, leave=False, mininterval=0) as bar:

        def advance(what: str) -> None:
            bar.set_description(what, refresh=False)
            bar.update()

        yield advance


@contextmanager
def _counting(total: int) -> Iterator[Step]:
    count = 0

    def advance(what: str) -> None:
        nonlocal count
        count += 1
        put(f"{_CLEAR}{count}/{total} {what}", sys.stderr)

    try:
        yield advance
    finally:
        put(_CLEAR, sys.stderr)
