"""What the documents show is what happens. `pytest --update` rewrites what commands print."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

import netspec
from netspec.cli import COMMANDS, parser
from tests.support import ROOT
from tests.transcripts import BLOCK, Page

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_NOT_RUN = 3


def page_of(path: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> Page:
    folder = tmp_path / "net"
    folder.mkdir()
    return Page(path, folder, patch)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are typed into a POSIX shell")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_true(
    path: Path, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(path, tmp_path, monkeypatch)
    text = page.done()
    if update:
        path.write_text(text, encoding="utf-8", newline="\n")
        for picture, data in page.pictures().items():
            picture.write_bytes(data)
    assert text == page.text or update
    assert all(picture.read_bytes() == data for picture, data in page.pictures().items())


def test_few_blocks_are_not_run() -> None:
    notes = [m["note"] or "" for path in PAGES for m in BLOCK.finditer(path.read_text("utf-8"))]
    reasons = [note for note in notes if note.startswith("not run")]
    assert all(re.fullmatch("not run: .{10,}", reason) for reason in reasons)
    assert len(reasons) <= MOST_NOT_RUN


def test_versions_are_the_one_that_is_released() -> None:
    pattern = re.compile(r"(?:rev: v|netspec-compiler==)([\w.]+)")
    found = [version for path in PAGES for version in pattern.findall(path.read_text("utf-8"))]
    assert found and set(found) == {netspec.__version__}


def strange(text: str) -> list[str]:
    """Return the commands in a page's sentences that netspec does not have, or their options."""
    sentences, found = BLOCK.sub("", text), []
    for said in re.findall(r"`netspec\s([^`]+)`", sentences):
        name, *words = said.split()
        if name in COMMANDS:
            known = parser(name, import_module(f"netspec.cli.{name}"))._option_string_actions
            found += [said for word in words if word[0] == "-" != word and word not in known]
        elif name.islower() and not name.startswith("-"):
            found.append(said)
    return found


def test_sentences_name_commands_that_exist() -> None:
    assert not [said for path in PAGES for said in strange(path.read_text(encoding="utf-8"))]
    wrong = strange("`netspec chekc`, `netspec\nbuild --verfy` and `netspec COMMAND --help`")
    assert wrong == ["chekc", "build --verfy"]


SPEC = "netspec: 1\nname: Net\ninputs: {image: [3, 8, 8]}\ngraph:\n  out: {conv2d: [4, 3]}\n"
GOOD = SPEC + "outputs: {y: out}\n"
MISTAKES = {
    "a command that fails to parse": "```sh\nnetspec check net.yaml --no-such-option\n```\n",
    "a command that is none": "```sh\nnetspec chekc specs/googlenet.yaml\n```\n",
    "a file that is not there": "```sh\nnetspec check specs/googelnet.yaml\n```\n",
    "a program that is not there": "```sh\nFOO=1 python examples/trian.py && echo\n```\n",
    "a spec that is wrong": f'```yaml title="net.yaml"\n{SPEC}```\n',
    "an excerpt of nothing": "```yaml\nconv1: {conv2d: 63}\n```\n",
    "lines in another order": "```yaml\nname: GoogLeNet\n# …\nnetspec: 1\n```\n",
    "Python that raises": "```python\nassert 1 == 2\n```\n",
    "a session that answers otherwise": "```python\n>>> 1 + 1\n3\n```\n",
    "a fence within a list": "- item\n  ```sh\n  true\n  ```\n",
    "output of no command": "```console\nhello\n```\n",
}


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError):
        page_of(path, tmp_path, monkeypatch).done()


def test_what_commands_print_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    blocks = (
        f'```yaml title="net.yaml"\n{GOOD}```',
        '```python\nimport netspec\nnet = netspec.load("net.yaml")\n```',
        "```python\n>>> len(net.params)\n0\n```",
        "```yaml\nname: Net\n# …\ngraph:\n  out: {conv2d: [4, 3]}\n```",
        "```console\n$ netspec check net.yaml \\\n    --strict\nwrong\n$ echo $?\n```",
        "```console\n$ echo a; echo b\n…\n$ echo a; echo b\nc\n…\n```",
        f'```yaml title="net.yaml"\n{SPEC}```',
        "```console\n$ netspec check net.yaml --format concise\n$ echo $?\n```",
        "```sh\nnetspec build net.yaml -o net.py && python examples/train.py --help > log\n```",
    )
    path.write_text("\n\n".join(blocks), encoding="utf-8")
    text = page_of(path, tmp_path, monkeypatch).done()
    assert "    --strict\nwrong" not in text and "$ echo $?\n0\n```" in text
    assert "$ echo a; echo b\n…\n$ echo a; echo b\na\n…\n```" in text
    assert re.search(r"concise\nnet\.yaml:1:1: error\[NS\d+\].+\n\$ echo \$\?\n1\n", text)
