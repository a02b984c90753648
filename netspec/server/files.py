"""The files on disk that an open spec may extend."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from netspec import limits
from netspec.language.project import check_inside, root_of
from netspec.text import files
from netspec.text.syntax import decode


def read(spec: str, path: str) -> str:
    """Return the text of a file that a spec extends. Raises OSError, LoadError and SpecError."""
    return read_inside(root_of(Path(spec).parent), path)


def read_inside(root: Path | None, path: str) -> str:
    """Return the text of a file below a root. Raises OSError, LoadError and SpecError."""
    real = os.path.realpath(path)
    check_inside(root, real, path)
    return decode(files.read(real), path).text


def beside(spec: str) -> list[str]:
    """Return the paths that a spec could extend of what stands in its directory and below."""
    if not Path(spec).is_absolute():
        return []
    directory, found = Path(spec).parent, []
    for place, folders, names in islice(os.walk(directory), limits.LISTED_FILES):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place, name).relative_to(directory) for name in sorted(names))
        found += [path.as_posix() for path in paths if path.suffix == ".yaml"]
    own = Path(spec).name
    return [path for path in found if path != own]
