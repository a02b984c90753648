"""The language server on two streams, as an editor starts it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO

from netspec import limits
from netspec.server.lsp import Session

_END = None
_HEADERS = 100
_PAUSE = 1.0
"""Seconds without a message."""
_MOST = 8 * limits.BYTES
"""Bytes in a message; a character of a text may take six."""


def serve(
    stdin: BinaryIO, stdout: BinaryIO, start: Callable[[Callable[[str], None]], Session]
) -> int:
    """Answer what comes in until the client ends; return its exit code.

    `start` makes the session from what sends a message. Texts that wait unread are compiled
    together: whoever types fast is told of the last text alone.
    """
    session = start(lambda message: _send(stdout, message))
    waiting: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=_read, args=(stdin, waiting), daemon=True).start()
    while session.exit_code is None:
        message = _next(waiting)
        if message is _END:
            return 0
        session.receive(message)
        if waiting.empty():
            session.settle()
    return session.exit_code


def _next(waiting: SimpleQueue[str | None]) -> str | None:
    """Return the next message; garbage is collected while the user pauses, and not before."""
    gc.disable()
    try:
        return waiting.get(timeout=_PAUSE)
    except Empty:
        gc.collect()
        return waiting.get()


def messages(stream: BinaryIO) -> Iterator[str]:
    """Yield the bodies of messages until the stream ends, or is none of the protocol."""
    while (length := _length(stream)) is not None:
        body = b""
        while len(body) < length and (part := stream.read(length - len(body))):
            body += part
        if len(body) < length:
            return
        yield body.decode("utf-8", "replace")


def _read(stream: BinaryIO, waiting: SimpleQueue[str | None]) -> None:
    for message in messages(stream):
        waiting.put(message)
    waiting.put(_END)


def _length(stream: BinaryIO) -> int | None:
    """Read a message's headers; return how many bytes its body has, None for no message."""
    length = None
    for _ in range(_HEADERS):
        line = stream.readline(1000)
        if not line.strip():
            break
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    return length if length is not None and length <= _MOST else None


def _send(stream: BinaryIO, message: str) -> None:
    body = message.encode()
    stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    stream.flush()
