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
from docs.writers.pages import written

ROOT = Path(__file__).parents[1]
ELSEWHERE = {"specs/README.md": "language.md", "CHANGELOG.md": "changelog.md"}
"""Pages that stand outside of this folder, and their places in the site."""
PICTURES = ("*.svg", "*.png")


def pages(wrong: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the path of each page in the site's sources, and its Markdown.

    `wrong` receives what the pages that are written by hand must not have.
    """
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield str(path.relative_to(ROOT / "docs")), written(path, wrong)
    for origin, place in ELSEWHERE.items():
        yield place, written(ROOT / origin, wrong)
    for writer in (api, commands, diagnostics, gallery, ops):
        for place, text in writer.pages():
            yield place, text


def generate(folder: Path) -> list[str]:
    """Write the sources into a folder, in place of what is there; return what is wrong."""
    wrong: list[str] = []
    shutil.rmtree(folder, ignore_errors=True)
    for place, text in pages(wrong):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for path in (path for kind in PICTURES for path in (ROOT / "docs").rglob(kind)):
        target = folder / path.relative_to(ROOT / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name in ("figures", "plots"):
        shutil.copytree(ROOT / "examples" / name, folder / "assets" / name)
    shutil.copy(ROOT / "docs/site.css", folder / "assets")
    shutil.copy(ROOT / "netspec/data/live/icon.svg", folder / "assets")
    return wrong


if __name__ == "__main__":
    sys.exit("\n".join(generate(Path(sys.argv[1]))) or None)
