"""What a terminal shows of long work: a line on standard error, for as long as it lasts.

Where nobody looks, and with --quiet, there is none, and none of what is done in a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netspec.cli import show

Step = Callable[[str], None]
DELAY = 0.5
"""Seconds that work may take unseen."""


@contextmanager
def progress(total: int) -> Iterator[Step]:
    """Give what is called with a few words at each step that is done."""
    if total < 2 or not show.is_watched():
        yield lambda what: None
        return
    started, count = time.monotonic(), 0

    def advance(what: str) -> None:
        nonlocal count
        count += 1
        passed = time.monotonic() - started
        if passed >= DELAY:
            left = passed / count * (total - count)
            show.pass_by(f"{count}/{total}, {left:.0f} s left: {what}")

    with show.passing():
        yield advance


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show what is being done, and for how long."""
    if not show.is_watched():
        yield
        return
    from threading import Event, Thread

    started, ended = time.monotonic(), Event()

    def count() -> None:
        wait = DELAY
        while not ended.wait(wait):
            show.pass_by(f"{what}: {time.monotonic() - started:.0f} s")
            wait = 1

    thread = Thread(target=count, daemon=True)
    with show.passing():
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
