"""Markdown that is written by hand, for GitHub → the same for the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import unquote

from docs.writers.markdown import SITE, edit

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/netspec-compiler/netspec"
PLACES = {
    "README.md": "index.md",
    "specs/README.md": "language.md",
    "specs": "gallery.md",
    "examples/figures": "gallery.md",
    "CHANGELOG.md": "changelog.md",
    "docs": "index.md",
}
"""What has a page of the site, though it does not lie in `docs`."""
FENCE = re.compile(r"^( *)(```+)(.*?)\n(.*?)^\1\2\n?", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(\]\(|(?:href|src)=\")([^)\s\"]+)")
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
TITLE = re.compile(r'yaml title="([^"]+)"')


class WrittenWrong(ValueError):
    """A page that the site cannot have as it stands; says which, and why."""


def written(path: Path) -> str:
    """Return a page of the repository as the site has it. Raises WrittenWrong."""
    origin = path.relative_to(ROOT).as_posix()
    text, parts, start = path.read_text(encoding="utf-8"), [], 0
    for match in FENCE.finditer(text):
        parts += [_prose(text[start : match.start()], origin), _block(match)]
        start = match.end()
    return "".join([*parts, _prose(text[start:], origin)])


def _block(match: re.Match[str]) -> str:
    """Give a whole spec its link to the playground, which has the specs that ship, no others."""
    indent, _, info, text = match.groups()
    title = TITLE.fullmatch(info.strip())
    is_spec = re.search(r"^netspec: 1$", text, re.MULTILINE) and not indent
    base = re.search(r"^extends: (\S+)$", text, re.MULTILINE)
    is_alone = not base or (ROOT / "specs" / base[1]).is_file()
    block = match[0] if match[0].endswith("\n") else f"{match[0]}\n"
    if title and is_spec and is_alone:
        return f"{block}\n{edit(text, Path(title[1]).name)}\n"
    return block


def _prose(text: str, origin: str) -> str:
    """Change what is outside of blocks of code."""
    text = COMMENT.sub("\n", text)
    text = LINK.sub(lambda match: match[1] + _target(match[2], origin), text)
    return "".join(_spaced(text.splitlines(keepends=True), origin))


def _spaced(lines: list[str], origin: str) -> Iterator[str]:
    """Put a blank line before each list, without which Python-Markdown sees none."""
    before = "\n"
    for line in lines:
        if re.match(r" {1,3}([-*]|\d+\.) ", line):
            raise WrittenWrong(f"{origin}: indent a list in a list by four: {line.strip()[:60]}")
        starts = re.match(r"([-*]|\d+\.) ", line)
        if starts and before.strip() and not re.match(r"([-*]|\d+\.) | ", before):
            yield "\n"
        yield line
        before = line


def _target(link: str, origin: str) -> str:
    """Return where a link of a page of the repository leads in the site."""
    page = PLACES.get(origin, origin.removeprefix("docs/"))
    if link.startswith(SITE):
        return _within(link.removeprefix(SITE), page)
    if re.match(r"[a-z]+:|#", link):
        return link
    name, mark, anchor = unquote(link).partition("#")
    path = normpath(f"{Path(origin).parent.as_posix()}/{name}")
    if path.startswith("..") or not (ROOT / path).exists():
        raise WrittenWrong(f"{origin}: `{link}` leads nowhere")
    return f"{_found(path, page)}{mark}{anchor}"


def _found(path: str, page: str) -> str:
    """Return where a file of the repository stands in the site, seen from a page."""
    folder = str(Path(page).parent)
    if path in PLACES:
        return relpath(PLACES[path], folder)
    if re.fullmatch(r"docs/.*\.md", path):
        return relpath(path.removeprefix("docs/"), folder)
    if re.fullmatch(r"specs/\w+\.yaml", path):
        return relpath(f"gallery/{Path(path).stem}.md", folder)
    if re.fullmatch(r"examples/(figures|plots)/[^/]+", path):
        return relpath(path.replace("examples", "assets", 1), folder)
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{path}"


def _within(rest: str, page: str) -> str:
    """Return a link to a page of the site, given as its address, as one to its source."""
    name, mark, anchor = rest.partition("#")
    if name.startswith("playground"):
        return f"{SITE}{rest}"
    source = f"{name.rstrip('/') or 'index'}.md" if not Path(name).suffix else name
    if source in ("ops.md", "diagnostics.md", "commands.md"):
        source = source.replace(".md", "/index.md")
    return relpath(source, str(Path(page).parent)) + mark + anchor
