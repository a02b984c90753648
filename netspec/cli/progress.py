"""A progress bar on a terminal's standard error: tqdm's, and without it a line that counts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Step = Callable[[str], None]


@contextmanager
def progress(total: int) -> Iterator[Step]:
    """Give what is called with a few words at each step; where nobody looks it says nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda what: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        with _counting(total) as step:
            yield step
        return
    with tqdm(total=total, file=sys.stderr, leave=False, mininterval=0) as bar:

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
        sys.stderr.write(f"\r\x1b[K{count}/{total} {what}")
        sys.stderr.flush()

    try:
        yield advance
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
