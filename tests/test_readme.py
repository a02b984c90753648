"""What the README shows is what the program prints. `pytest --update` rewrites it."""

from __future__ import annotations

import doctest
import re

import pytest

from netspec.language import grammar
from tests.support import ROOT, SPECS, load, printed

README = ROOT / "README.md"
LANGUAGE = ROOT / "specs" / "README.md"
_OUTPUT = re.compile(r"<!-- output: netspec (.+?) -->\n```text\n(.*?)```", re.DOTALL)
_CLASS = re.compile(r"<!-- from: (\S+) class (\w+) -->\n```python\n(.*?)```", re.DOTALL)
_KEYS = re.compile(r"<!-- keys: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
_SPECS = re.compile(r"<!-- specs -->\n(.*?)<!-- end -->", re.DOTALL)


def output(match: re.Match[str]) -> str:
    # What a command says while it writes a file goes to standard error.
    text = (printed(match[1], errors=False) or printed(match[1])).rstrip("\n") + "\n"
    return f"<!-- output: netspec {match[1]} -->\n```text\n{text}```"


def class_of(match: re.Match[str]) -> str:
    """Return a class of a generated file."""
    text = (ROOT / match[1]).read_text()
    found = re.search(rf"^class {match[2]}\(.*?(?=\n\n\n)", text, re.DOTALL | re.MULTILINE)
    assert found, match[2]
    return f"<!-- from: {match[1]} class {match[2]} -->\n```python\n{found[0]}\n```"


def table(match: re.Match[str]) -> str:
    rows = []
    for path in SPECS:
        net = load(path)
        cost = net.network.totals
        params = f"{cost.inference.params:,}"
        if cost.heads.params:
            params += f" ({cost.training.params:,} with heads)"
        doc = net.network.spec.doc.replace("|", "\\|")
        name = f"[`{path.stem}`](specs/{path.name})"
        rows.append(
            f"| {name} | {doc}: {params} parameters, {cost.inference.macs:,} multiply-adds |"
        )
    return "<!-- specs -->\n" + "\n".join(rows) + "\n<!-- end -->"


def keys(match: re.Match[str]) -> str:
    """Return the table of a model's keys."""
    fields = getattr(grammar, match[1]).model_fields
    rows = ["| key | what it says |", "|---|---|"]
    for name, field in fields.items():
        key = field.alias or name
        shown = ", ".join(f"`{key}: {example}`" for example in field.examples) or f"`{key}`"
        rows.append(f"| {shown} | {field.description} |")
    return f"<!-- keys: {match[1]} -->\n" + "\n".join(rows) + "\n<!-- end -->"


def test_the_language_page_has_every_key(update: bool):
    text = LANGUAGE.read_text()
    new = _KEYS.sub(keys, text)
    assert len(_KEYS.findall(text)) == 6
    if update:
        LANGUAGE.write_text(new)
    assert new == text or update


def test_readme_shows_what_the_program_prints(update, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_COLOR", "1")
    text = README.read_text()
    new = _SPECS.sub(table, _CLASS.sub(class_of, _OUTPUT.sub(output, text)))
    if update:
        README.write_text(new)
    assert text == new or update


def test_the_readmes_sessions_answer_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted > 0 and result.failed == 0
