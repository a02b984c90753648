"""The playground: the same answers as elsewhere, and the same files each time."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netspec.server.folder import Folder
from tests.playground import IS_FETCHED, PARTS, REASON, build
from tests.support import ROOT, SPECS

pytest.importorskip("pygls")

from netspec.server.lsp import Session
from netspec.server.requests import requests

fetched = pytest.mark.skipif(not IS_FETCHED, reason=REASON)
NODE = shutil.which("node")
ZOO = "/packages/zoo"
SOME = ("googlenet", "googlenet_bn", "unet", "vit_b_16")
MISTAKES = {"typo": ("Inception:", "Inceptoin:"), "open": ("{", "[")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "playground"
    build(folder)
    return folder


def message(method: str, number: int | None = None, **params: Any) -> dict[str, Any]:
    named = {} if number is None else {"id": number}
    return {"jsonrpc": "2.0", "method": method, "params": params, **named}


def conversation(names: list[str]) -> list[list[dict[str, Any]]]:
    """Return what an editor asks of these specs, a list for each, and of two mistakes in each."""
    start = [
        message("initialize", 0, processId=None, rootUri=None, capabilities={}),
        message("initialized"),
        message("netspec/files", 1),
    ]
    return [start, *(asked(name, said) for name in names for said in (None, *MISTAKES.values()))]


def asked(name: str, mistake: tuple[str, str] | None) -> list[dict[str, Any]]:
    uri = f"file://{ZOO}/{name}.yaml"
    text = (ROOT / "specs" / f"{name}.yaml").read_text()
    text = text.replace(*mistake, 1) if mistake else text
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    shown = {"uri": uri, "version": 1, "parts": ["figure", "report", "code"], "theme": "light"}
    return [
        message("textDocument/didOpen", textDocument=document),
        message("netspec/view", 2, **shown),
        message("netspec/export", 3, uri=uri, format="tex"),
        message("textDocument/documentSymbol", 4, textDocument={"uri": uri}),
        message("textDocument/didClose", textDocument={"uri": uri}),
    ]


def in_pyodide(built: Path, lines: list[list[dict[str, Any]]]) -> list[list[str]]:
    """Return what the playground's Python says to each list of messages."""
    assert NODE
    command = [NODE, "tests/playground.mjs", str(PARTS / "node_modules/pyodide")]
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        [*command, str(built / "packages.zip")],
        input=given, capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def here(lines: list[list[dict[str, Any]]], folder: Path) -> list[list[str]]:
    """Return what this Python says to the same messages, about the same specs."""
    shutil.copytree(ROOT / "specs", folder, ignore=shutil.ignore_patterns("*.md"))
    real = Folder(str(folder))
    said: list[str] = []
    session = Session(said.append, real.extended, requests=requests(real))
    found = []
    for line in lines:
        said.clear()
        for item in line:
            session.receive(json.dumps(item).replace(ZOO, str(folder)))
        session.settle()
        found.append([text.replace(str(folder), ZOO) for text in said])
    return found


def values(said: list[list[str]]) -> list[list[Any]]:
    return [[json.loads(text) for text in line] for line in said]


@fetched
@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_browser_is_told_what_editors_are_told(
    built: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    names = [path.stem for path in SPECS] if request.config.getoption("--long") else [*SOME]
    lines = conversation(names)
    expected, found = values(here(lines, tmp_path / "zoo")), values(in_pyodide(built, lines))
    assert len(found) == len(expected) == 1 + 3 * len(names)
    for one, other in zip(found, expected, strict=True):
        assert one == other
    assert sum(answer.get("id") == 2 and "result" in answer for answer in found[1]) == 1


@fetched
def test_it_is_the_same_files_each_time(built: Path, tmp_path: Path):
    build(tmp_path / "again")
    paths = sorted(path.relative_to(built) for path in built.rglob("*") if path.is_file())
    assert Path("packages.zip") in paths
    for path in paths:
        assert (tmp_path / "again" / path).read_bytes() == (built / path).read_bytes(), path


def test_a_link_brings_specs_of_the_folder_alone(tmp_path: Path):
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "old.yaml").write_text("old")
    texts = [
        "old.yaml",
        "new.yaml",
        "../out.yaml",
        "x.py",
        ".hidden.yaml",
        "",
        "a\0.yaml",
    ]
    start = runpy.run_path(str(ROOT / "playground/worker.py"))["start"]
    start(str(zoo), dict.fromkeys(texts, "text"), print)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"zoo/old.yaml", "zoo/new.yaml"}
    assert (zoo / "old.yaml").read_text() == (zoo / "new.yaml").read_text() == "text"
