"""Files: bounded reads, and writes that are whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from netspec.syntax import MAX_BYTES


class Failure(Exception):
    """What ends a command beside a wrong spec: a message and an exit code (2 usage, 3 I/O)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.message, self.code = message, code


USAGE, ENVIRONMENT = 2, 3


def read(path: str) -> bytes:
    """Return a file's bytes, at most one more than a spec may have; `-` is standard input."""
    if path == "-":
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
        raise Failure(f"cannot read {path}: {_reason(error)}", ENVIRONMENT) from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write(path: str, data: bytes) -> None:
    """Replace a file's content in one step; links and modes stay. `-` is standard output.

    Readers see the old file or the new one. Raises Failure, and then leaves the old file as it was.
    """
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise Failure(f"{path} is not a regular file", USAGE)
    if not target.parent.is_dir():
        raise Failure(f"there is no directory {Path(path).parent}", USAGE)
    try:
        _replace(target, data)
    except OSError as error:
        raise Failure(f"cannot write {path}: {_reason(error)}", ENVIRONMENT) from None


def _replace(target: Path, data: bytes) -> None:
    mode = _mode(target)
    # The name is known before the file is there, so that no signal can come in between.
    new = target.parent / f".{target.name[:50]}.{os.urandom(8).hex()}.tmp"
    try:
        with new.open("xb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    """Return the mode that the file has, or that a new file gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
