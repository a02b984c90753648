"""Files and streams: bounded reads, and writes that are whole or not at all.

What goes wrong is an OSError whose text is a line for the user, with `errno` and `filename`:
FileNotFoundError or IsADirectoryError for a path that was not meant, anything else for what the
system refuses.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from netspec import limits

unfinished: set[Path] = set()
"""The files that are being written, for a signal to remove."""
_DESCRIPTOR = re.compile(r"/dev/fd/(\d{1,4})|/proc/self/fd/(\d{1,4})")
_STANDARD = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}


class Refused(OSError):
    """An error of the system whose text is a line for the user: errno, the line, the file."""

    def __str__(self) -> str:
        return str(self.strerror)


def refusal(number: int, line: str, path: str | None = None) -> OSError:
    """Return the error of a number of the system, a FileNotFoundError for ENOENT, with a line."""
    kind = type(OSError(number, line))
    # Pickle looks for a class by its name, and this one has none.
    made = {"__reduce__": lambda self: (refusal, (number, line, path))}
    error: OSError = type(kind.__name__, (Refused, kind), made)(number, line, path)
    return error


def absent(path: str) -> OSError:
    """Return the error of a file that is not there."""
    return refusal(errno.ENOENT, f"there is no file {path}", path)


def barred(verb: str, path: str, error: OSError | ValueError, help: str = "") -> OSError:
    """Return why the system does not let a file be read or written, as `verb` says."""
    number = getattr(error, "errno", None) or errno.EINVAL
    return refusal(number, f"cannot {verb} {path}: {reason(error)}{help}", path)


def standard_output() -> TextIO:
    """Return standard output. Raises OSError if the caller has closed it."""
    if sys.stdout is None:
        raise refusal(errno.EBADF, "standard output is closed")
    return sys.stdout


def read(path: str, most: int = limits.BYTES) -> bytes:
    """Return a file's bytes, at most one more than it may have; `-` is standard input.

    Raises OSError.
    """
    if path == "-":
        if sys.stdin is None:
            raise refusal(errno.ENOENT, "standard input is closed; name a spec file", path)
        if sys.stdin.isatty():
            raise refusal(errno.ENOENT, "standard input is a terminal; name a spec file", path)
        return sys.stdin.buffer.read(most + 1)
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read(most + 1)
    except IsADirectoryError:
        raise refusal(errno.EISDIR, f"{path} is a directory", path) from None
    except FileNotFoundError:
        raise absent(path) from None
    except (OSError, ValueError) as error:
        raise barred("read", path, error) from None
    raise refusal(errno.ENOENT, f"{path} is not a regular file", path)


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


def is_terminal(path: str) -> bool:
    """Say whether what is written there is shown on a terminal."""
    number = _descriptor(path)
    stream = {1: sys.stdout, 2: sys.stderr}.get(number or 0)
    return number is not None and (stream.isatty() if stream else os.isatty(number))


def write(contents: Mapping[str, bytes]) -> None:
    """Replace the content of files, each in one step, once all are there to be put in their places.

    Links and modes stay. Readers see the old file or the new one; where one cannot be written, all
    stay as they were. A pipe or a device takes the bytes as they come, and so does standard output,
    which is `-`. Raises OSError.
    """
    targets = {path: _target(path) for path in contents if not is_stream(path)}
    with ExitStack() as stack:
        made = [
            (path, stack.enter_context(_made(path, target, contents[path])), target)
            for path, target in targets.items()
        ]
        for path in contents.keys() - targets.keys():
            _pour(path, contents[path])
        for path, new, target in made:
            with _told(path):
                new.replace(target)


def check(path: str) -> None:
    """Raise OSError for a path at which there can be no file."""
    if not is_stream(path):
        _target(path)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say in a line what the system refuses inside."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise barred("write", path, error) from None


def _descriptor(path: str) -> int | None:
    """Return the number of the open file that a path stands for."""
    if path in _STANDARD:
        return _STANDARD[path]
    found = _DESCRIPTOR.fullmatch(path)
    return int(found[1] or found[2]) if found else None


def _pour(path: str, data: bytes) -> None:
    """Write into what is there; a pipe waits for its reader."""
    number = _descriptor(path)
    if number == 1:
        stream = standard_output()
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
        return
    with (
        _told(path),
        Path(path).open("wb") if number is None else os.fdopen(os.dup(number), "wb") as file,
    ):
        file.write(data)


def _target(path: str) -> Path:
    """Return the file that a path leads to, or will make."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise refusal(errno.EISDIR, f"{path} is a directory", path)
    if not target.parent.is_dir():
        folder = str(Path(path).parent)
        raise refusal(errno.ENOENT, f"there is no directory {folder}", folder)
    return target


@contextmanager
def _made(path: str, target: Path, data: bytes) -> Iterator[Path]:
    """Yield a whole file beside the target, to be put in its place; nobody sees half of one."""
    new = target.parent / f".{target.name[:50]}.{os.urandom(8).hex()}.tmp"
    unfinished.add(new)
    try:
        with _told(path):
            mode = _mode(target)
            with new.open("xb") as file:
                new.chmod(mode)
                file.write(data)
                file.flush()
                # Before it takes the place of the old one: after a crash one of the two is there.
                os.fsync(file.fileno())
        yield new
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
