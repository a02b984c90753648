"""Files and streams: bounded reads, and writes that are whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import TextIO


class Failure(Exception):
    """What ends a command beside a wrong spec: a message and an exit code (2 usage, 3 I/O).

    The message is one line, whatever stands in the names that it holds; `details` are further ones.
    """

    def __init__(self, message: str, code: int, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.code, self.details = message, code, details


USAGE, ENVIRONMENT = 2, 3

unfinished: set[Path] = set()
"""The files that are being written, for a signal to remove."""
_DESCRIPTOR = re.compile(r"/dev/fd/(\d{1,4})|/proc/self/fd/(\d{1,4})")
_STANDARD = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}


def standard_output() -> TextIO:
    """Return standard output. Raises Failure if the caller has closed it."""
    if sys.stdout is None:
        raise Failure("standard output is closed", ENVIRONMENT)
    return sys.stdout


def read(path: str) -> bytes:
    """Return a file's bytes, at most one more than a spec may have; `-` is standard input."""
    from netspec.text.syntax import MAX_BYTES  # imports yaml, which `--help` does without

    if path == "-":
        if sys.stdin is None:
            raise Failure("standard input is closed; name a spec file", USAGE)
        if sys.stdin.isatty():
            raise Failure("standard input is a terminal; name a spec file", USAGE)
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Failure(f"{path} is not a regular file", USAGE)
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise Failure(f"{path} is a directory", USAGE) from None
    except FileNotFoundError:
        raise Failure(f"there is no file {path}", USAGE) from None
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {reason(error)}", ENVIRONMENT) from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_stream(path: str) -> bool:
    """Say whether what is written there flows away: standard output, a pipe, a device."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def write(path: str, data: bytes) -> None:
    """Replace a file's content in one step; links and modes stay. `-` is standard output.

    Readers see the old file or the new one. Raises Failure, and then leaves the old file as it was.
    A pipe or a device takes the bytes as they come.
    """
    if _descriptor(path) == 1:
        stream = standard_output()
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
        return
    try:
        if is_stream(path):
            _pour(path, data)
        else:
            _replace(_target(path), data)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise Failure(f"cannot write {path}: {reason(error)}", ENVIRONMENT) from None


def _descriptor(path: str) -> int | None:
    """Return the number of the open file that a path stands for."""
    if path in _STANDARD:
        return _STANDARD[path]
    found = _DESCRIPTOR.fullmatch(path)
    return int(found[1] or found[2]) if found else None


def _pour(path: str, data: bytes) -> None:
    """Write into what is there; a pipe waits for its reader."""
    number = _descriptor(path)
    with Path(path).open("wb") if number is None else os.fdopen(os.dup(number), "wb") as file:
        file.write(data)


def _target(path: str) -> Path:
    """Return the file that a path leads to, or will make."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise Failure(f"{path} is a directory", USAGE)
    if not target.parent.is_dir():
        raise Failure(f"there is no directory {Path(path).parent}", USAGE)
    return target


def _replace(target: Path, data: bytes) -> None:
    mode = _mode(target)
    new = target.parent / f".{target.name[:50]}.{os.urandom(8).hex()}.tmp"
    unfinished.add(new)
    try:
        with new.open("xb") as file:
            new.chmod(mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
        unfinished.discard(new)


def _mode(target: Path) -> int:
    """Return the mode that the file has, or that a new file gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def reason(error: OSError | ValueError) -> str:
    """Return in a few words why the system refused."""
    return (getattr(error, "strerror", None) or str(error)).lower()
