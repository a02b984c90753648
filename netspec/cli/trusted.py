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
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from netspec.cli.exits import Exit, Failure
from netspec.cli.show import warn
from netspec.language import shipped
from netspec.language.configured import configured, folder_of
from netspec.text import files
from netspec.text.diagnostics import SpecError, escape


class Wish(NamedTuple):
    """The modules of ops that a project wants; the folder is a real path."""

    folder: str
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What tells one list from another."""
        return hashlib.sha256(json.dumps(self.modules).encode()).hexdigest()


def project_of(spec: str) -> Path | None:
    """Return the folder of the project that a spec belongs to, links followed; None for none."""
    if spec == "-" or shipped.find(spec):  # text from anywhere, and netspec's own
        return None
    return folder_of(Path(os.path.realpath(spec)).parent)


def wish_of(folder: Path) -> Wish:
    """Return what a project wants. Raises SpecError for a file that does not say it properly."""
    return Wish(str(folder), configured(folder).ops)


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
    if not path.is_absolute() or not _is_ours(found):
        warn(f"{escape(str(path))} may be another's, so no folder is trusted; chmod 600")
        return {}
    lines = files.read(str(path)).decode("utf-8", "surrogateescape").split("\n")
    pairs = (line.partition(" ") for line in lines if line)
    return {folder: digest for digest, _, folder in pairs}


def _is_ours(found: os.stat_result) -> bool:
    """Tell whether a file is the user's own, and nobody else's to write.

    Windows has no such modes: a home is its user's there by lists of who has access.
    """
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def write(trusted: dict[str, str]) -> None:
    """Record what is trusted, readable and writable by the user alone. Raises OSError."""
    path = record()
    if not path.is_absolute():
        raise Failure("there is no home directory to record it in", Exit.ENVIRONMENT)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise files.barred("write", str(path), error) from None
    text = "".join(f"{digest} {folder}\n" for folder, digest in trusted.items())
    files.write({str(path): text.encode("utf-8", "surrogateescape")})


def trusted_modules(spec: str) -> Sequence[str]:
    """Return the modules that a spec's project wants, if the user trusts it with just these."""
    known = recorded()
    folder = project_of(spec) if known else None
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
        folder = project_of(spec)
        wish = wish_of(folder) if folder else None
    except (SpecError, OSError):
        return ""
    if wish is None or {*wish.modules} <= {*enabled}:
        return ""
    options = " ".join(f"--ops {module}" for module in wish.modules)
    where = escape(wish.folder)
    return f"{where} wants `{options}`; `{command(where)}` allows it once and for all"
