"""Ends the building of the site: adds the playground, and proves that every link leads somewhere.

    python -m docs.finish build/site [build/playground]

A page may load nothing from elsewhere: who reads it is nobody else's business. Links to other sites
are not followed, since what they lead to is not ours to prove.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import unquote, urlsplit

from docs.writers.markdown import PLAYGROUND
from netspec.version import SITE

LOADED = {"script": "src", "img": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; `link` loads what it is no mere statement about."""
        found = {key: value or "" for key, value in attrs}
        self.anchors |= {found[key] for key in ("id", "name") if key in found}
        loads = LOADED.get(tag)
        if tag == "link" and not {"canonical", "prev", "next"} & {*found.get("rel", "").split()}:
            loads = "href"
        if loads in found:
            self.loaded.append(found[loads])
        elif tag in ("a", "area", "link") and "href" in found:
            self.links.append(found["href"])


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with the links of a site, a line for each link."""
    pages, wrong = cache(Page), dict[str, list[str]]()
    for path in sorted(site.rglob("*.html")):
        place = path.relative_to(site).as_posix()
        if place.startswith("playground/"):
            continue  # a program, which its own tests try
        page = pages(path)
        for link in page.loaded:
            if re.match(r"([a-z]+:)?//", link):
                wrong.setdefault(f"{link} is loaded from elsewhere", []).append(place)
        for link in {*page.links, *page.loaded}:
            if not is_sound(link, place, site, pages):
                wrong.setdefault(f"{link[:120]} leads nowhere", []).append(place)
    for what, places in wrong.items():
        yield f"{what}: {', '.join(places[:3])}{' …' if places[3:] else ''}"


def is_sound(link: str, place: str, site: Path, pages: Callable[[Path], Page]) -> bool:
    """Tell whether a link leads to a file of the site, and to its anchor if it has one."""
    start = next((root for root in (SITE, urlsplit(SITE).path) if link.startswith(root)), "")
    if not start and re.match(r"(https:|mailto:|data:)", link):
        return True
    name, _, anchor = unquote(link.removeprefix(start)).partition("#")
    name = name.partition("?")[0]
    folder = "" if start else Path(place).parent.as_posix()
    target = site / normpath(f"{folder}/{name}".lstrip("/")) if name or start else site / place
    if target.is_dir():
        target /= "index.html"
    if "playground" in target.relative_to(site).parts[:1]:
        return target.is_file() or not (site / "playground").exists()
    if not target.is_file():
        return False
    return not anchor or target.suffix != ".html" or anchor in pages(target).anchors


def relative(site: Path) -> None:
    """Make the links to the playground relative, so that they also lead there on another host."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        to = relpath("playground/", path.parent.relative_to(site).as_posix()) + "/"
        path.write_text(text.replace(f'href="{PLAYGROUND}', f'href="{to}'), encoding="utf-8")


def finish(site: Path, playground: Path | None) -> int:
    """End the building; return the exit code. Prints what is wrong, or how large the site is."""
    relative(site)
    if playground and playground.is_dir():
        shutil.copytree(playground, site / "playground", dirs_exist_ok=True)
    found = list(problems(site))
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    files = [path for path in site.rglob("*") if path.is_file()]
    pages = sum(path.suffix == ".html" for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{site}: {pages} pages, {len(files)} files, {size:.1f} MB; every link leads somewhere")
    return 0


if __name__ == "__main__":
    sys.exit(finish(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
