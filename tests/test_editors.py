"""Real editors with the language server, where they are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.test_lsp import BAD, GOOD
from tests.test_lsp_stdio import ENVIRONMENT

NEOVIM = shutil.which("nvim")
NPM = shutil.which("npm")
VSCODE = ROOT / "examples/editors/vscode"


@pytest.mark.skipif(NEOVIM is None, reason="Neovim is not installed")
def test_neovim_shows_a_mistake_mends_it_and_tells_of_a_layer(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(BAD)
    script = f"luafile {ROOT / 'tests/editor/neovim.lua'}"
    state = {name: str(tmp_path) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    result = subprocess.run(
        [str(NEOVIM), "--headless", "-u", "NONE", "-c", script, str(path)],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **state, "PYTHON": sys.executable},
        timeout=120,
        check=False,
    )
    said = json.loads(result.stdout)
    assert said["good"], said["result"]
    found = said["result"]
    assert [item["code"] for item in found["mistakes"]] == ["NS020"]
    assert "max_pool2d" in found["action"]
    assert found["lines"] == GOOD.splitlines()
    assert "16×16×16" in found["hover"]


def test_the_extension_of_vs_code_starts_what_the_user_has_set():
    package = json.loads((VSCODE / "package.json").read_text())
    command = package["contributes"]["configuration"]["properties"]["netspec.command"]
    assert command["default"] == ["netspec", "lsp"]
    # Settings of a folder come with whoever made it.
    assert command["scope"] == "machine"
    assert (VSCODE / package["main"]).is_file()


@pytest.mark.long
@pytest.mark.skipif(NPM is None, reason="npm is not installed")
def test_the_extension_of_vs_code_is_packaged(tmp_path):
    for name in ("package.json", "package-lock.json", "extension.js"):
        shutil.copy(VSCODE / name, tmp_path)
    for words in (["ci", "--no-audit", "--no-fund"], ["run", "package"]):
        result = subprocess.run(
            [str(NPM), *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        if "ENOTFOUND" in result.stderr or "EAI_AGAIN" in result.stderr:
            pytest.skip("npm cannot reach its registry")
        assert result.returncode == 0, result.stderr
    (made,) = Path(tmp_path).glob("*.vsix")
    from zipfile import ZipFile

    names = set(ZipFile(made).namelist())
    assert {"extension/extension.js", "extension/package.json"} <= names
    assert any(name.startswith("extension/node_modules/vscode-languageclient/") for name in names)
