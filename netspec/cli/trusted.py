"""Which projects the user trusts, and with which modules: a file outside of all of them.

A project's pyproject.toml comes with whoever wrote it, so it only says what the project wants. What
is trusted is a folder together with that list: another list has to be trusted again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from netspec.cli.exits import Exit, Failure
from netspec.cli.show import warn
from netspec.language import shipped
from netspec.ops.own import is_path
from netspec.text import files
from netspec.text.diagnostics import escape

PROJECT = "pyproject.toml"


class Wish(NamedTuple):
    """The modules of ops that a project wants; the folder is a real path."""

    folder: str
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What tells one list from another."""
        return hashlib.sha256(json.dumps(self.modules).encode()).hexdigest()


def folder_of(spec: str) -> Path | None:
    """Return the folder of the project that a spec belongs to, links followed; None for none.

    It is the nearest with a pyproject.toml, and none above a repository's own.
    """
    if spec == "-" or shipped.find(spec):  # text from anywhere, and netspec's own
        return None
    for folder in Path(os.path.realpath(spec)).parents:
        if (folder / PROJECT).is_file():
            return folder
        if (folder / ".git").exists():
            return None
    return None


def wish_of(folder: Path) -> Wish:
    """Return what a project wants. Raises Failure for a file that does not say it properly."""
    path = str(folder / PROJECT)
    try:
        said = _parsed(files.read(path).decode())
    except (ValueError, RecursionError) as error:  # of TOML too, with its line and column
        message = f"{path} is no TOML: {str(error).partition(chr(10))[0]}"
        raise Failure(message, Exit.USAGE) from None
    for key in ("tool", "netspec", "ops"):
        said = said.get(key, {}) if isinstance(said, dict) else None
    if said == {}:
        return Wish(str(folder), ())
    is_list = isinstance(said, list) and all(isinstance(x, str) and is_path(x) for x in said)
    if not is_list:
        message = f'{path}: `[tool.netspec] ops` is a list of modules: ["mylib.netspec_ops"]'
        raise Failure(message, Exit.USAGE)
    return Wish(str(folder), tuple(said))


def _parsed(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


# ------------------------------------------------------------------ the file


def record() -> Path:
    """Return where trusted folders are recorded: in the user's own configuration."""
    # A relative path would lead into whatever folder the user is in.
    given = os.environ.get("XDG_CONFIG_HOME", "")
    base = given if os.path.isabs(given) else os.path.expanduser("~/.config")  # noqa: PTH111, PTH117
    return Path(base, "netspec", "trusted")


def recorded() -> dict[str, str]:
    """Return the digest of the list with which each folder is trusted."""
    path = record()
    try:
        found = path.stat()
    except (OSError, ValueError):
        return {}
    is_ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if not path.is_absolute() or not is_ours or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        warn(f"{escape(str(path))} may be another's, so no folder is trusted; chmod 600")
        return {}
    lines = files.read(str(path)).decode("utf-8", "surrogateescape").split("\n")
    pairs = (line.partition(" ") for line in lines if line)
    return {folder: digest for digest, _, folder in pairs}


def write(trusted: dict[str, str]) -> None:
    """Record what is trusted, readable and writable by the user alone. Raises OSError."""
    path = record()
    if not path.is_absolute():
        raise Failure("there is no home directory to record it in", Exit.ENVIRONMENT)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    text = "".join(f"{digest} {folder}\n" for folder, digest in trusted.items())
    files.write({str(path): text.encode("utf-8", "surrogateescape")})


def trusted_modules(spec: str) -> Sequence[str]:
    """Return the modules that a spec's project wants, if the user trusts it with just these."""
    known = recorded()
    folder = folder_of(spec) if known else None
    if folder is None or str(folder) not in known:
        return ()
    wish = wish_of(folder)
    if wish.digest == known[str(folder)]:
        return wish.modules
    shown = escape(str(folder))
    warn(f"{shown} wants other ops than you have trusted; `{command(shown)}` again")
    return ()


def command(folder: str) -> str:
    """Return what to type to trust a folder, whose name a stranger may have chosen."""
    return f"netspec trust {shlex.quote(folder)}"


def hint(spec: str, enabled: Sequence[str]) -> str:
    """Return how the ops are enabled that a spec's project wants, nothing if it wants none."""
    try:
        folder = folder_of(spec)
        wish = wish_of(folder) if folder else None
    except (Failure, OSError):
        return ""
    if wish is None or {*wish.modules} <= {*enabled}:
        return ""
    options = " ".join(f"--ops {module}" for module in wish.modules)
    where = escape(wish.folder)
    return f"{where} wants `{options}`; `{command(where)}` allows it once and for all"
