"""The files on disk that an open spec may extend."""

from __future__ import annotations

import os
from pathlib import Path

from netspec.language.project import check_inside, root_of
from netspec.text import files
from netspec.text.syntax import decode


def read(spec: str, path: str) -> str:
    """Return the text of a file that a spec extends. Raises OSError, LoadError and SpecError."""
    real = os.path.realpath(path)
    check_inside(root_of(Path(spec).parent), real, path)
    return decode(files.read(real), path).text
