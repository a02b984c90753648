"""What asks a run to stop: Ctrl-C, or the SIGTERM that schedulers send before they kill."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stop(Exception):
    """A process of the run was asked to stop."""


class Request:
    """Whether this process was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int = 0
        self.before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.signal != 0

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self.leave()  # a second one ends the process at once

    def leave(self) -> None:
        """Give the signals back to who had them."""
        while self.before:
            signal.signal(*self.before.popitem())


@contextmanager
def listening() -> Iterator[Request]:
    """Note the first signal instead of dying of it; only a main thread can."""
    request = Request()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            request.before[number] = signal.signal(number, request)
    try:
        yield request
    finally:
        request.leave()
