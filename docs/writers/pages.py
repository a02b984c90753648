"""Markdown that is written by hand, for GitHub → the same for the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import unquote

from docs.writers.markdown import edit
from netspec.version import SITE

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


def written(path: Path, wrong: list[str]) -> str:
    """Return a page of the repository as the site has it; `wrong` receives what it cannot have."""
    origin = path.relative_to(ROOT).as_posix()
    text, parts, start = path.read_text(encoding="utf-8"), [], 0
    specs = _before(path)
    for match in FENCE.finditer(text):
        parts += [_prose(text[start : match.start()], origin, wrong), _block(match, specs)]
        start = match.end()
    return "".join([*parts, _prose(text[start:], origin, wrong)])


def _block(match: re.Match[str], specs: dict[str, str]) -> str:
    """Give a whole spec its link to the playground; `specs` are those of the page so far."""
    indent, _, info, text = match.groups()
    title = TITLE.fullmatch(info.strip())
    block = re.sub(r" columns=\d+", "", match[0].rstrip("\n"), count=1) + "\n"
    if indent or not title or not re.search(r"^netspec: 1$", text, re.MULTILINE):
        return block
    name = Path(title[1]).name
    specs[name] = text
    beside, base = {}, _base(text)
    while base in specs and base not in beside:
        beside[base] = specs[base]
        base = _base(specs[base])
    # The playground has the specs that ship, and no others.
    is_whole = not base or base in beside or (ROOT / "specs" / base).is_file()
    return f"{block}\n{edit(text, name, beside)}\n" if is_whole else block


def _before(path: Path) -> dict[str, str]:
    """Return the specs, by their names, of the page that this one goes on from."""
    after = re.search(r"<!-- after: (\S+) -->", path.read_text(encoding="utf-8"))
    if not after:
        return {}
    origin = path.parent / after[1]
    specs = _before(origin)
    for match in FENCE.finditer(origin.read_text(encoding="utf-8")):
        _block(match, specs)
    return specs


def _base(text: str) -> str:
    """Return the name of the file that a spec extends, nothing if it extends none."""
    found = re.search(r"^extends: (\S+)$", text, re.MULTILINE)
    return Path(found[1]).name if found else ""


def _prose(text: str, origin: str, wrong: list[str]) -> str:
    """Change what is outside of blocks of code."""

    def turned(match: re.Match[str]) -> str:
        if (found := target(match[2], origin)) is None:
            wrong.append(f"{origin}: `{match[2]}` leads nowhere")
        return f"{match[1]}{found or match[2]}"

    text = LINK.sub(turned, COMMENT.sub("\n", text))
    nested = re.findall(r"^ {1,3}(?:[-*]|\d+\.) .{,60}", text, re.MULTILINE)
    wrong += [f"{origin}: indent a list in a list by four: `{line.strip()}`" for line in nested]
    return "".join(_spaced(text.splitlines(keepends=True)))


def _spaced(lines: list[str]) -> Iterator[str]:
    """Put a blank line before each list, without which Python-Markdown sees none."""
    before = "\n"
    for line in lines:
        starts = re.match(r"([-*]|\d+\.) ", line)
        if starts and before.strip() and not re.match(r"([-*]|\d+\.) | ", before):
            yield "\n"
        yield line
        before = line


def target(link: str, origin: str) -> str | None:
    """Return where a link of a page of the repository leads in the site; None: nowhere."""
    page = PLACES.get(origin, origin.removeprefix("docs/"))
    if link.startswith(SITE):
        return _within(link.removeprefix(SITE), page)
    if re.match(r"[a-z]+:|#", link):
        return link
    name, mark, anchor = unquote(link).partition("#")
    path = normpath(f"{Path(origin).parent.as_posix()}/{name}")
    if path.startswith("..") or not (ROOT / path).exists():
        return None
    return f"{_found(path, page)}{mark}{anchor}"


def _found(path: str, page: str) -> str:
    """Return where a file of the repository stands in the site, seen from a page."""
    folder = str(Path(page).parent)
    if path in PLACES:
        return relpath(PLACES[path], folder)
    if re.fullmatch(r"docs/.*\.(md|svg|png)", path):
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
