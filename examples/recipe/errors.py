"""How a program ends that cannot go on: its user's mistakes are a line, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from netspec import SpecError
from netspec.compiler import ParameterError
from netspec.text.diagnostics import escape


class UserError(Exception):
    """What a user can mend: a line that names the file or the option, and the cure; or several."""


def command(main: Callable[[], None]) -> None:
    """Run a program; it exits with 2 after a mistake of its user, with 130 after Ctrl-C."""
    try:
        main()
    except (UserError, SpecError, ParameterError, ValidationError, OSError) as error:
        sys.stdout.flush()
        for line in _lines(error):
            print(f"{Path(sys.argv[0]).name}: error: {escape(line)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _lines(error: Exception) -> Iterator[str]:
    """Say what went wrong: a line for each mistake."""
    if isinstance(error, SpecError):
        yield from str(error).splitlines()
    elif isinstance(error, ValidationError):
        for found in error.errors():
            yield f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    elif isinstance(error, OSError) and error.strerror == str(error):  # netspec's are lines
        yield str(error)
    elif isinstance(error, OSError) and error.strerror:
        yield ": ".join(filter(None, (str(error.filename or ""), error.strerror.lower())))
    else:
        yield from map(str, error.args)
