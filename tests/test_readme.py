"""What README.md and the language page tell of the program is so. `pytest --update` rewrites it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netspec.cli import COMMANDS
from netspec.emit.zoo import spec_list
from netspec.language import grammar, shipped
from tests.support import ROOT, SPECS, load
from tests.transcripts import BLOCK

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs" / "guide").glob("*.md"))]
LANGUAGE = ROOT / "specs" / "README.md"
WIDTH = 97
"""Columns of a block of code that GitHub shows without scrolling."""
BESIDE = 88
"""Columns of two such blocks in one row of a table, of which one has the code of the other."""
_KEYS = re.compile(r"<!-- keys: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
_SPECS = re.compile(r"<!-- specs -->\n(.*?)<!-- end -->", re.DOTALL)
_ROW = re.compile(r"^<tr.*?</tr>$", re.DOTALL | re.MULTILINE)


def table(_: re.Match[str]) -> str:
    """Return a row for each spec. GitHub ends a table at a comment, so that none stands inside."""
    rows = [
        "| spec | paper | what is special | parameters | multiply-adds |",
        "|---|---|---|--:|--:|",
    ]
    networks = {path.stem: load(path).network for path in SPECS}
    for name, params, macs, authors, year, _ in spec_list(networks).tables[0].rows:
        _, special = shipped.origin(networks[str(name)].spec.doc)
        assert special, f"{name}: expected `doc: PAPER; WHAT IS SPECIAL`"
        short = special.partition("; ")[0].replace("|", "\\|")
        link = f"[`{name}`](specs/{name}.yaml)"
        rows.append(f"| {link} | {authors} {year} | {short} | {params:,} | {macs:,} |")
    return "<!-- specs -->\n\n" + "\n".join(rows) + "\n\n<!-- end -->"


def keys(match: re.Match[str]) -> str:
    """Return the table of a model's keys."""
    fields = getattr(grammar, match[1]).model_fields
    rows = ["| key | what it says |", "|---|---|"]
    for name, field in fields.items():
        key = field.alias or name
        shown = ", ".join(f"`{key}: {example}`" for example in field.examples) or f"`{key}`"
        rows.append(f"| {shown} | {field.description} |")
    return f"<!-- keys: {match[1]} -->\n" + "\n".join(rows) + "\n<!-- end -->"


def test_the_language_page_has_every_key(update: bool) -> None:
    text = LANGUAGE.read_text()
    new = _KEYS.sub(keys, text)
    assert len(_KEYS.findall(text)) == 6
    if update:
        LANGUAGE.write_text(new)
    assert new == text or update


def test_the_readme_has_every_spec(update: bool) -> None:
    text = README.read_text()
    new = _SPECS.sub(table, text)
    assert len(_SPECS.findall(text)) == 1
    if update:
        README.write_text(new)
    assert new == text or update


def widest(text: str) -> list[int]:
    """Return how many columns each block of code has."""
    return [max(map(len, block["body"].splitlines()), default=0) for block in BLOCK.finditer(text)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_nothing_is_wider_than_github_shows(path: Path) -> None:
    assert max(widest(path.read_text()), default=0) <= WIDTH


def test_the_spec_and_its_code_stand_beside_each_other() -> None:
    rows = [row.split("</td>") for row in _ROW.findall(README.read_text())]
    (cells,) = [row for row in rows if len(row) == 3]
    assert sum(max(widest(cell)) for cell in cells[:2]) <= BESIDE


def test_the_guide_has_every_command() -> None:
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "docs/guide/commands.md").read_text(), re.MULTILINE)
    assert set(COMMANDS) == set(re.findall(r"`(\w+)", " ".join(rows)))
