"""A cloned project tries to have its code imported, and only what the user says imports it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspec.cli import main
from tests.support import ROOT, mostly, one_block

SCRIPT = "from netspec.__main__ import run; run()"
LIST = '[tool.netspec]\nops = ["evil.ops"]\n'
OPS = '''
from typing import ClassVar
from netspec.ops.base import Op, op

open(__file__ + ".imported", "w").close()

@op("evil.gate")
class Gate(Op):
    """Do nothing."""
    module: ClassVar[str] = "nn.Identity"
    style: ClassVar[str] = "other"
'''
SPEC = one_block("out: evil.gate")
PLAIN = one_block("out: relu")
EXTERN = PLAIN.replace("graph:", "externs: {Gate: {import: evil.ops, shape: same}}\ngraph:")
EXTERN = EXTERN.replace("out: relu", "out: Gate")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give every test a user's configuration of its own, and none of the modules of another."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield tmp_path / "config" / "netspec" / "trusted"
    for name in ("evil", "evil.ops"):
        sys.modules.pop(name, None)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that Python would import from, and in which the user is."""
    place = project(tmp_path / "clone")
    monkeypatch.syspath_prepend(place)
    monkeypatch.chdir(place)
    return place


def project(place: Path, said: str = LIST) -> Path:
    (place / "evil").mkdir(parents=True)
    (place / "evil" / "__init__.py").write_text("")
    (place / "evil" / "ops.py").write_text(OPS)
    (place / "pyproject.toml").write_text(said)
    for name, text in {"net": SPEC, "plain": PLAIN, "extern": EXTERN}.items():
        (place / f"{name}.yaml").write_text(text)
    (place / "variant.yaml").write_text("netspec: 1\nextends: net.yaml\nname: Other\n")
    info = place / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[netspec.ops]\nevil = evil.ops\n")
    return place


def is_imported(place: Path) -> bool:
    mark = place / "evil" / "ops.py.imported"
    found = mark.exists()
    mark.unlink(missing_ok=True)
    sys.modules.pop("evil.ops", None)
    return found


STARTS = [["-m", "netspec"], ["-c", "from netspec.__main__ import run; run()"]]


@pytest.mark.parametrize(
    "command",
    mostly(
        ["check net.yaml", "check .", "build extern.yaml -o - --verify", "ops", "schema"],
        [
            *(
                "check net.yaml",
                "check variant.yaml",
                "check extern.yaml",
                "check plain.yaml",
                "check .",
            ),
            *("build net.yaml -o -", "build extern.yaml -o -", "build extern.yaml -o - --verify"),
            *(
                "report extern.yaml",
                "render extern.yaml -o - --format svg",
                "diff plain.yaml net.yaml",
            ),
            *("compare plain.yaml net.yaml", "optimize extern.yaml -o -", "fmt --check net.yaml"),
            *("ops", "ops evil.gate", "schema", "explain NS064", "trust --list", "trust ."),
            *("sweep net.yaml --set a=1", "fit net.yaml --to macs<=1 --vary a"),
        ],
    ),
)
@pytest.mark.parametrize("start", mostly([STARTS[0]], STARTS))
def test_no_command_imports_a_clones_modules(command: str, start: list[str], clone: Path) -> None:
    """Neither that of the script nor `python -m`, which looks into the folder first."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(clone / "home")}
    words = [sys.executable, *start, *command.split()]
    subprocess.run(words, cwd=clone, env=environment, capture_output=True)
    assert not is_imported(clone)
    assert main(["check", "net.yaml", "--ops", "evil.ops"]) == 0
    assert is_imported(clone), "it could have been"


def test_a_project_only_says_what_it_wants(
    clone: Path, capfd: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(["check", "net.yaml"]) == 1
    told = capfd.readouterr().err
    assert f"netspec: {clone} wants `--ops evil.ops`; `netspec trust {clone}` allows" in told
    assert not home.exists()
    assert main(["check", "plain.yaml"]) == 0
    assert "wants" not in capfd.readouterr().err
    assert not is_imported(clone)


def test_a_trusted_folders_ops_are_imported(
    clone: Path, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", "."]) == 0
    assert not is_imported(clone)
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert home.read_text().split(" ", 1)[1] == f"{clone}\n"
    for command in ("check net.yaml", "check variant.yaml", "build net.yaml -o -", "check ."):
        assert main(command.split()) == 0, command
        assert is_imported(clone)
    capfd.readouterr()
    assert main(["trust", "--list"]) == 0
    assert capfd.readouterr().out == f"{clone}: evil.ops\n"
    assert main(["trust", ".", "--remove"]) == 0
    assert main(["check", "net.yaml"]) == 1
    assert not is_imported(clone)
    assert main(["trust", ".", "--remove"]) == 2


def test_another_list_has_to_be_trusted_again(
    clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (clone / "pyproject.toml").write_text('[tool.netspec]\nops = ["json"]\n')
    assert main(["trust", "."]) == 0
    (clone / "pyproject.toml").write_text(LIST)
    assert main(["check", "net.yaml"]) == 1
    assert "wants other ops than you have trusted" in capfd.readouterr().err
    assert main(["trust", "--list"]) == 0
    assert "wants others now" in capfd.readouterr().out
    assert not is_imported(clone)
    assert main(["trust", "."]) == 0
    assert main(["check", "net.yaml"]) == 0
    assert is_imported(clone)


def test_trust_is_of_one_folder_and_follows_links(clone: Path, tmp_path: Path) -> None:
    """Neither of what lies below it, nor of what links to it or is linked from it."""
    mine = project(tmp_path / "mine")
    assert main(["trust", str(mine)]) == 0
    below = project(mine / "vendor" / "theirs")
    (clone / "linked").symlink_to(mine)
    (clone / "net.yaml").unlink()
    (clone / "net.yaml").symlink_to(below / "net.yaml")
    (mine / "link.yaml").symlink_to(clone / "variant.yaml")
    (clone / "pyproject.toml").unlink()
    (clone / "pyproject.toml").symlink_to(mine / "pyproject.toml")
    for path in (below / "net.yaml", clone / "net.yaml", mine / "link.yaml", clone / "plain.yaml"):
        main(["check", str(path)])
        assert not is_imported(clone), path
    (clone / "up.yaml").write_text("netspec: 1\nextends: linked/net.yaml\nname: Other\n")
    main(["check", "up.yaml", "--root", "/"])
    main(["check", "linked/../variant.yaml"])
    assert not is_imported(clone)
    # The user's own spec has the user's own ops, whatever path leads to it.
    assert main(["check", "linked/net.yaml"]) == 0


def test_a_repository_below_a_trusted_folder_is_another_project(
    clone: Path, tmp_path: Path
) -> None:
    assert main(["trust", "."]) == 0
    (clone / "vendor" / ".git").mkdir(parents=True)
    (clone / "vendor" / "net.yaml").write_text(SPEC)
    assert main(["check", "vendor/net.yaml"]) == 1
    assert not is_imported(clone)
    (clone / "own").mkdir()
    (clone / "own" / "net.yaml").write_text(SPEC)
    assert main(["check", "own/net.yaml"]) == 0
    assert is_imported(clone)


def test_one_call_gives_no_spec_the_ops_of_another(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.yaml").write_text(SPEC)
    assert main(["trust", "."]) == 0
    assert main(["check", "net.yaml", str(other / "net.yaml")]) == 1
    assert main(["check", str(other / "net.yaml"), "net.yaml"]) == 1
    assert main(["check", "net.yaml"]) == 0


def test_standard_input_is_of_no_project(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["trust", "."]) == 0
    with (clone / "net.yaml").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["check", "-"]) == 1
    assert not is_imported(clone)


# ------------------------------------------------------------------ the record


def test_the_record_is_the_users_own(
    clone: Path, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["trust", "."]) == 0
    for mode in (0o620, 0o602, 0o666):
        home.chmod(mode)
        assert main(["check", "net.yaml"]) == 1
        assert "may be another's" in capfd.readouterr().err
    home.chmod(0o600)
    if hasattr(os, "geteuid"):
        monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
        assert main(["check", "net.yaml"]) == 1
    assert not is_imported(clone)


@pytest.mark.parametrize("given", ["config", ".", "./config", ""])
def test_a_relative_configuration_is_none(
    given: str, clone: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lie in the clone."""
    assert main(["trust", "."]) == 0
    place = clone / given / "netspec"
    place.mkdir(parents=True)
    (place / "trusted").write_bytes(home.read_bytes())
    (place / "trusted").chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", given)
    monkeypatch.setenv("HOME", str(clone.parent))
    assert main(["check", "net.yaml"]) == 1
    assert not is_imported(clone)
    monkeypatch.setenv("HOME", given)
    assert main(["check", "net.yaml"]) == 1
    assert not is_imported(clone)


def test_a_name_with_a_line_break_records_no_other_folder(clone: Path, home: Path) -> None:
    mine = project(clone / f"a\n{'0' * 64} {clone}")
    assert main(["trust", str(mine)]) == 2
    assert not home.exists()


def test_a_name_cannot_become_a_command(clone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = project(clone / "$(touch x); echo")
    assert main(["check", str(place / "net.yaml")]) == 1
    assert f"`netspec trust '{place}'`" in capfd.readouterr().err


@pytest.mark.parametrize(
    "said", ["", "[tool.netspec]\nops = []", "a = 1\na = 2", "[netspecs]", "\xff", "tool = 1"]
)
def test_what_wants_nothing_is_not_trusted(
    said: str, clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (clone / "pyproject.toml").write_text(said, "latin-1")
    assert main(["trust", "."]) == 2
    assert "has no `[tool.netspec] ops`" in capfd.readouterr().err
    assert main(["check", "net.yaml"]) == 1
    assert main(["check", "plain.yaml"]) == 0


@pytest.mark.parametrize("words", [[], [".", "--list"], ["--remove"], ["--list", "--remove"]])
def test_wrong_usage(words: list[str], clone: Path) -> None:
    assert main(["trust", *words]) == 2


def test_what_is_no_project_is_not_trusted(tmp_path: Path) -> None:
    assert main(["trust", str(tmp_path)]) == 2
    assert main(["trust", str(tmp_path / "absent")]) == 2


def test_a_trusted_module_that_is_gone_is_told(
    clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", "."]) == 0
    (clone / "evil" / "ops.py").unlink()
    assert main(["check", "plain.yaml"]) == 3
    assert f"{clone}/pyproject.toml: cannot import the ops of `evil.ops`" in capfd.readouterr().err
