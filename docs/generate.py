"""Writes the sources of the site: the pages of this folder, and those that follow from the program.

    python -m docs.generate build/docs

What reads well on GitHub is Python-Markdown's with its links changed: what lies outside of this
folder is a page of the site where it has one, and else a file of the repository's.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.writers import api, commands, diagnostics, gallery, ops
from docs.writers.pages import WrittenWrong, written

ROOT = Path(__file__).parents[1]
ELSEWHERE = {"specs/README.md": "language.md", "CHANGELOG.md": "changelog.md"}
"""Pages that stand outside of this folder, and their places in the site."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path of each page in the site's sources, and its Markdown."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield str(path.relative_to(ROOT / "docs")), written(path)
    for origin, place in ELSEWHERE.items():
        yield place, written(ROOT / origin)
    for writer in (api, commands, diagnostics, gallery, ops):
        for place, text in writer.pages():
            yield place, text


def generate(folder: Path) -> None:
    """Write the sources into a folder, in place of what is there. Raises WrittenWrong."""
    shutil.rmtree(folder, ignore_errors=True)
    for place, text in pages():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for name in ("figures", "plots"):
        shutil.copytree(ROOT / "examples" / name, folder / "assets" / name)
    shutil.copy(ROOT / "docs/site.css", folder / "assets")
    shutil.copy(ROOT / "netspec/data/live/icon.svg", folder / "assets")


if __name__ == "__main__":
    try:
        generate(Path(sys.argv[1]))
    except WrittenWrong as error:
        sys.exit(f"docs: {error}")
