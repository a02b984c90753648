"""What a project says to netspec: the table `[tool.netspec]` of its pyproject.toml.

The file comes with whoever wrote the project. So what it says of code (`ops`) is a wish that the
user has to allow, and `root` names a folder below it, never one above or beside it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from netspec.ops.own import is_path
from netspec.text import files
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, Span, SpecError, listed, suggest

PROJECT = "pyproject.toml"
PAGES = ("letter", "a4", "slide", "none")
"""The pages that a figure can be fitted to."""


class Configured(NamedTuple):
    """What a project says; `folder` is that of its file, links followed, None for no project."""

    folder: Path | None = None
    ops: tuple[str, ...] = ()
    strict: bool = False
    page: str = PAGES[0]
    root: Path | None = None
    """Where the files lie that its specs may extend, links followed; None: it says nothing."""


def folder_of(directory: Path) -> Path | None:
    """Return the folder of the project that a directory belongs to, links followed.

    It is the nearest with a pyproject.toml, and none above a repository's own.
    """
    real = Path(os.path.realpath(directory))
    for folder in (real, *real.parents):
        # Before Python 3.12 a `Path` raises for a folder that is closed to us.
        if os.path.isfile(folder / PROJECT):  # noqa: PTH113
            return folder
        if os.path.lexists(folder / ".git"):
            return None
    return None


def configured(directory: Path) -> Configured:
    """Return what the project of a directory says. Raises SpecError and OSError."""
    folder = folder_of(directory)
    if folder is None:
        return Configured()
    path = folder / PROJECT
    data = files.read(str(path))
    # Most files do not speak of netspec, and need no parser.
    if b"netspec" not in data:
        return Configured(folder)
    here = Path.cwd()
    name = path.relative_to(here) if path.is_relative_to(here) else path
    found, mistakes, source = _understood(folder, data, str(name))
    if found.root and not found.root.is_dir():
        message = f"there is no directory {os.path.relpath(found.root, folder)}"
        mistakes += (Diagnostic(Code.FORM, message, _place(source, "root")),)
    if mistakes:
        raise SpecError(mistakes)
    return found


_Understood = tuple[Configured, tuple[Diagnostic, ...], Source]


@lru_cache(maxsize=32)
def _understood(folder: Path, data: bytes, name: str) -> _Understood:
    """Return what a file says, and its mistakes: the same ones for all specs of the project."""
    source = Source(name, data.decode("utf-8", "replace"))
    try:
        said = _parsed(data.decode())
    except (ValueError, RecursionError) as error:
        line = str(error).partition("\n")[0]
        return Configured(folder), (_no_toml(source, line),), source
    for key in ("tool", "netspec"):
        said = said.get(key, {}) if isinstance(said, dict) else None
    if not isinstance(said, dict):
        mistake = Diagnostic(Code.FORM, "`[tool.netspec]` is a table", _place(source, "netspec"))
        return Configured(folder), (mistake,), source
    found = (_mistake(source, folder, key, value) for key, value in said.items())
    if mistakes := tuple(filter(None, found)):
        return Configured(folder), mistakes, source
    if "ops" in said:
        said["ops"] = tuple(said["ops"])
    if "root" in said:
        said["root"] = Path(os.path.realpath(folder / said["root"]))
    return Configured(folder, **said), (), source


def _parsed(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


# ------------------------------------------------------------------ mistakes


def _mistake(source: Source, folder: Path, key: str, value: object) -> Diagnostic | None:
    """Say what is wrong with a key or its value."""
    if key not in _KEYS:
        place = _place(source, key)
        message = f"`[tool.netspec]` has no key `{key[:64]}`"
        help = suggest(key, _KEYS, place) or f"it may have {listed(_KEYS)}"
        return Diagnostic(Code.UNKNOWN_KEY, message, place, help=help)
    if _KEYS[key][1](value, folder):
        return None
    return Diagnostic(Code.FORM, f"`{key}` is {_KEYS[key][0]}", _place(source, key))


def _is_below(value: object, folder: Path) -> bool:
    """Say whether a value leads to the folder or to one below it, links followed."""
    if not isinstance(value, str) or not value.isprintable() or Path(value).is_absolute():
        return False
    return Path(os.path.realpath(folder / value)).is_relative_to(folder)


def _are_modules(value: object, folder: Path) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) and is_path(x) for x in value)


_KEYS: dict[str, tuple[str, Callable[[object, Path], bool]]] = {
    "ops": ('a list of modules: ["mylib.netspec_ops"]', _are_modules),
    "strict": ("true or false", lambda value, _: isinstance(value, bool)),
    "page": (f"one of {listed(PAGES)}", lambda value, _: value in PAGES),
    "root": ("a relative path to a folder that is not above this file", _is_below),
}
"""What may be said, in words, and whether a value says it."""
_HEAD = re.compile(r"""(?m)^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*["']?netspec["']?[ \t]*\].*$""")
_AT = re.compile(r"at line (\d+), column (\d+)")


def _place(source: Source, key: str) -> Span:
    """Return where a key of the table stands; the table's head, or the file, if it is not found.

    The parser tells no places.
    """
    text = source.text
    head = _HEAD.search(text)
    if head is None:
        return Span(source, 0, 0)
    end = re.compile(r"(?m)^[ \t]*\[").search(text, head.end())
    line = re.compile(rf"(?m)^[ \t]*[\"']?({re.escape(key)})[\"']?[ \t]*=")
    found = line.search(text, head.end(), end.start() if end else len(text))
    return Span(source, *(found.span(1) if found else head.span()))


def _no_toml(source: Source, message: str) -> Diagnostic:
    at = _AT.search(message)
    start = source.start_of_line(int(at[1])) + int(at[2]) - 1 if at else 0
    said = message[: at.start()].rstrip(" (") if at else message
    return Diagnostic(Code.FORM, f"this is no TOML: {said}", Span(source, start, start))
