"""What each code means, with an example that yields it and one that does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from netspec.text.rendered import wrap

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


def flowed(page: str, width: int) -> str:
    """Return a page with its paragraphs in lines of so many columns at most; code stays."""
    parts = page.split("```")
    parts[::2] = ["\n\n".join(_paragraphs(part, width)) for part in parts[::2]]
    return "```".join(parts)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Yield paragraphs; one whose lines are the rows of a table or a list stays."""
    for paragraph in text.split("\n\n"):
        is_prose = paragraph.strip() and not re.search(r"(?m)^(\||[-*] |\d+\. )", paragraph)
        yield "\n".join(wrap(paragraph, width)) if is_prose else paragraph


def title(code: str) -> str:
    """Return in a few words what a code means."""
    return explain(code).partition("\n")[0]
