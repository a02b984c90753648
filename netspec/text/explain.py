"""What each code means, with an example that yields it and one that does not."""

from __future__ import annotations

import re
from pathlib import Path

_DIRECTORY = Path(__file__).parents[1] / "data" / "explain"


def codes() -> list[str]:
    """Return every code, in order."""
    return sorted(path.stem for path in _DIRECTORY.glob("NS*.md"))


def explain(code: str) -> str:
    """Return the page about a code. Raises KeyError for one that does not exist."""
    # The code is typed by a user: it must not lead to another file.
    if not re.fullmatch(r"NS[0-9]{3}", code):
        raise KeyError(code)
    try:
        return (_DIRECTORY / f"{code}.md").read_text(encoding="utf-8").removeprefix("# ")
    except FileNotFoundError:
        raise KeyError(code) from None


def title(code: str) -> str:
    """Return in a few words what a code means."""
    return explain(code).partition("\n")[0]
