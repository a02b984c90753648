"""The specs that come with netspec, each called by its name alone: `googlenet`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from netspec.text.diagnostics import meant, suggest

_PACKAGE = Path(__file__).parents[1]
_INSTALLED, _REPOSITORY = _PACKAGE / "data" / "specs", _PACKAGE.parent / "specs"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _REPOSITORY
"""Where they are: beside the package's data, in a checkout where they are written."""
_BARE = re.compile(r"[^./\\:]+")
"""What can be no path: it has neither a folder nor a suffix."""


def names() -> list[str]:
    """Return the names of all, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def file_of(name: str) -> Path:
    """Return the file of the shipped spec of this name."""
    return FOLDER / f"{name}.yaml"


def find(spec: str) -> Path | None:
    """Return the file of a shipped spec; None for a path, and for a name that is not known.

    A file or a directory of that name in the working directory is what is meant.
    """
    return file_of(spec) if _is_name(spec) and spec in names() else None


def missing(spec: str) -> str:
    """Say that there is no file, and which shipped spec may be meant."""
    stem, near = Path(spec).stem, _beside(spec)
    if not _is_name(spec):
        hint = f"netspec has one of its own: `{stem}`, without more" if stem in names() else ""
        hint = hint or suggest(spec, near)
        return f"there is no file {spec}" + (f"; {hint}" if hint else "")
    if hint := meant([path for path in near if Path(path).stem == spec]):
        return f"there is no file {spec}; {hint}"
    hint = suggest(spec, [*names(), *near])
    return (
        f"no file and no shipped spec is called `{spec[:64]}`; "
        f"{hint + ' ' if hint else ''}`netspec list` shows them"
    )


def _beside(spec: str) -> list[str]:
    """Return the paths of the YAML files in the folder in which a spec would be."""
    try:
        found = sorted(map(str, Path(spec).parent.iterdir()))
    except (OSError, ValueError):
        return []
    return [path for path in found if path.endswith((".yaml", ".yml"))]


def origin(doc: str) -> tuple[str, str]:
    """Return the paper that a shipped spec's description begins with, and what is special of it."""
    paper, _, special = " ".join(doc.split()).partition("; ")
    return paper, special


def _is_name(spec: str) -> bool:
    return bool(_BARE.fullmatch(spec)) and spec != "-" and not os.path.lexists(spec)
