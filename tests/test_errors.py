"""Every code has an example that yields it, and the corpus of mistakes says what it should.

In `tests/errors/*.yaml` a comment states what the compiler says about the line above it:
`#! NS018 [12:20] words of the message`, with the columns of the underlined text.
"""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pytest

from netspec.cli.common import diagnose
from netspec.text.diagnostics import Diagnostic, SpecError
from netspec.text.explain import codes, explain
from tests.support import ROOT, mistakes

ERRORS = sorted((ROOT / "tests" / "errors").glob("*.yaml"))
USED = {
    code
    for path in (ROOT / "netspec").rglob("*.py")
    for code in re.findall(r'"(NS\d{3})"', path.read_text())
}


def found_in(text: str, directory: Path, others: dict[str, str]) -> list[Diagnostic]:
    """Return what is said about a spec beside other files, up to its PyTorch code."""
    from netspec.emit.torch.module import to_python

    for name, content in {**others, "spec.yaml": text}.items():
        (directory / name).write_text(content)
    options = Namespace(set=[], strict=False, root=str(directory))
    network, items = diagnose(str(directory / "spec.yaml"), options)
    if network is not None:
        try:
            to_python(network, "0")
        except SpecError as error:
            return list(error.diagnostics)
    return list(items)


def test_every_code_is_explained():
    assert set(codes()) == USED


@pytest.mark.parametrize("code", codes())
def test_the_wrong_example_yields_exactly_its_code_and_the_right_one_none(code, tmp_path):
    examples = dict(explain(code).examples)
    wrong, right = examples.pop("wrong"), examples.pop("right")
    assert {item.code for item in found_in(wrong, tmp_path, examples)} == {code}
    assert found_in(right, tmp_path, examples) == []


def test_an_unknown_code_is_no_path():
    for code in ("NS999", "../../../etc/passwd", "", "NS0011", "ns018"):
        with pytest.raises(KeyError):
            explain(code)


# ------------------------------------------------------------------ the corpus

EXPECTED = re.compile(r"^\s*#! (NS\d{3}) \[(\d+):(\d+)\] (.*)$")


def expectations(text: str) -> list[tuple[str, int, int, int, str]]:
    """Return code, line, columns and words of every expected diagnostic."""
    found = []
    above = 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := EXPECTED.match(line):
            found.append((match[1], above, int(match[2]), int(match[3]), match[4]))
        else:
            above = number
    return found


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_mistakes_are_said_where_they_are(path):
    text = path.read_text()
    said = [
        (item.code, item.span.line, item.span.column, item.span.column + len(item.span.text), item)
        for item in mistakes(text)
        if item.span
    ]
    wanted = expectations(text)
    assert [one[:4] for one in said] == [one[:4] for one in wanted]
    for (*_, item), (*_, words) in zip(said, wanted, strict=True):
        assert words in f"{item.message}; {item.help}"


def test_the_corpus_is_there():
    assert len(ERRORS) >= 30
    assert all(expectations(path.read_text()) for path in ERRORS)
