"""Ctrl-C and SIGTERM end the program silently and at once, wherever it is.

They raise nothing: an exception is lost in a callback, and within an import becomes another one.
This module imports nothing that takes time, in which Ctrl-C would still print a traceback.
"""

# Not `signal`, which imports `enum` first.
import _signal  # type: ignore[import-not-found]  # built in, and unknown to type checkers
import os
import sys

Handlers = dict[int, object]


def leave(number: int, frame: object = None) -> None:
    """Remove what is half written, and exit with the code that a shell gives to a signal."""
    from contextlib import suppress

    files = sys.modules.get("netspec.text.files")
    for path in tuple(getattr(files, "unfinished", ())):
        with suppress(OSError):
            path.unlink()
    os._exit(128 + number)


def install() -> Handlers:
    """Let the signals end the program, unless they are ignored; return what they did before."""
    handlers = {n: _signal.getsignal(n) for n in (_signal.SIGINT, _signal.SIGTERM)}
    found = {n: old for n, old in handlers.items() if old not in (None, _signal.SIG_IGN)}
    restore(dict.fromkeys(found, leave))
    return found


def restore(handlers: Handlers) -> None:
    """Let the signals do this."""
    for number, handler in handlers.items():
        _signal.signal(number, handler)
