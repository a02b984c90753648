"""How a command ends."""

from __future__ import annotations

from enum import IntEnum

from netspec.text.files import Refused, reason


class Exit(IntEnum):
    """The exit codes, all of them; a signal's is 128 and its number (`interrupt`)."""

    FINE = 0
    WRONG = 1
    """The spec is wrong, or differs from what it is compared with."""
    USAGE = 2
    ENVIRONMENT = 3
    """The system refuses, or something that is needed is not installed."""
    BUG = 70
    BROKEN_PIPE = 141


class Failure(Exception):
    """What ends a command beside a wrong spec.

    The message is one line, whatever stands in the names that it holds; `details` are further ones.
    """

    def __init__(self, message: str, code: Exit, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.code, self.details = message, code, details


def failure(error: OSError) -> Failure:
    """Say how a command ends that cannot read or write."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return Failure(str(error), Exit.USAGE)
    message = str(error) if isinstance(error, Refused) else reason(error)
    return Failure(message, Exit.ENVIRONMENT)


def is_broken(error: Exception) -> bool:
    """Tell whether it is what we print to that fails, and no file that the error names."""
    return isinstance(error, OSError) and bool(error.errno) and not isinstance(error, Refused)
