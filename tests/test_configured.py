"""`[tool.netspec]` of a project's pyproject.toml: settings under those of the command line."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

import netspec
from netspec.cli import main
from netspec.cli.own import ops_for
from netspec.emit.figure import room
from netspec.language.configured import PAGES, PROJECT, configured
from netspec.ops.own import OpsError
from netspec.text.diagnostics import SpecError
from tests.support import ROOT, one_block, printed

SPEC = one_block("out: relu")
WARNED = SPEC.replace("graph:", "params: {unused: 1}\ngraph:")
VARIANT = "netspec: 1\nextends: {}\nname: Other\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a project with specs in a folder, and another file beside it."""
    (tmp_path / "outside.yaml").write_text(SPEC)
    place = tmp_path / "project"
    (place / "specs" / "inner").mkdir(parents=True)
    (place / "top.yaml").write_text(SPEC)
    (place / "specs" / "base.yaml").write_text(SPEC)
    (place / "specs" / "warned.yaml").write_text(WARNED)
    (place / "specs" / "inner" / "near.yaml").write_text(VARIANT.format("../base.yaml"))
    (place / "specs" / "inner" / "far.yaml").write_text(VARIANT.format("../../top.yaml"))
    (place / "out").symlink_to(tmp_path)
    monkeypatch.chdir(place)
    return place


def say(text: str) -> None:
    Path("pyproject.toml").write_text(f"[project]\nname = 'x'\n\n[tool.netspec]\n{text}\n")


def test_strict_is_for_all_specs_unless_the_call_says_otherwise() -> None:
    assert main(["check", "specs/warned.yaml"]) == 0
    say("strict = true")
    for command in ("check", "report", "render -o -"):
        assert main([*command.split(), "specs/warned.yaml"]) == 1, command
    assert main(["check", "specs/warned.yaml", "--no-strict"]) == 0
    say("strict = false")
    assert main(["check", "specs/warned.yaml"]) == 0
    assert main(["check", "specs/warned.yaml", "--strict"]) == 1
    assert main(["sweep", "specs/warned.yaml", "--set", "unused=1,2", "--strict"]) == 1


def test_standard_input_is_of_the_project_that_the_user_is_in() -> None:
    say("strict = true")
    assert "error[NS024]" in printed("check -", WARNED)


def test_a_page_is_for_all_figures_unless_the_call_says_otherwise() -> None:
    letter, slide = (printed(f"render top.yaml -o - --page {x}") for x in ("letter", "slide"))
    assert printed("render top.yaml -o -") == letter != slide
    say("page = 'slide'")
    assert printed("render top.yaml -o -") == slide
    assert printed("render top.yaml -o - --page letter") == letter
    assert main(["render", "top.yaml", "-o", "-", "--format", "mmd"]) == 0
    assert {*PAGES} == {*room.PAGES, "none"}


def test_the_root_is_what_the_project_says_unless_the_call_does() -> None:
    near, far = "specs/inner/near.yaml", "specs/inner/far.yaml"
    say("")
    assert main(["check", near, far]) == 0
    say('root = "specs"')
    assert main(["check", near]) == 0
    assert "error[NS060]" in printed(f"check {far}")
    assert main(["check", far, "--root", "."]) == 0
    netspec.load(near)
    with pytest.raises(SpecError):
        netspec.load(far)


@pytest.mark.parametrize("root", ["..", "../project/..", "out", "/", "specs/../..", "a\x07b"])
def test_no_root_leads_out_of_the_project(root: str) -> None:
    """What it says would let a spec read what is beside it."""
    Path("specs/out.yaml").write_text(VARIANT.format("../../outside.yaml"))
    say(f"root = {root!r}".replace("\\x07", "\\u0007").replace("'", '"'))
    told = printed("check specs/out.yaml")
    assert "pyproject.toml:5:1" in told and "not above this file" in told
    assert main(["build", "specs/out.yaml", "-o", "-"]) == 1


def test_the_file_is_the_nearest_of_the_repository(project: Path) -> None:
    say("strict = true")
    Path("specs/.git").mkdir()
    assert main(["check", "specs/warned.yaml"]) == 0
    Path("specs/.git").rmdir()
    assert main(["check", "specs/warned.yaml"]) == 1
    Path("specs/pyproject.toml").write_text("")
    assert configured(Path("specs")).folder == project / "specs"
    assert main(["check", "specs/warned.yaml"]) == 0


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("strct = true", "5:1", "did you mean `strict`?"),
        ("zzz = 1", "5:1", "it may have `ops`, `strict`, `page`, `root`"),
        ("# strict\n'strict' = 1", "6:2", "`strict` is true or false"),
        ("page = 'a5'", "5:1", "`page` is one of `letter`, `a4`, `slide`, `none`"),
        ("page = ['a4']", "5:1", "`page` is one of"),
        ("root = 1", "5:1", "not above this file"),
        ("root = 'nowhere'", "5:1", "there is no directory nowhere"),
        ("ops = 'a'", "5:1", "`ops` is a list of modules"),
        ("ops = [1]", "5:1", "`ops` is a list of modules"),
        ("ops = ['os; x']", "5:1", "`ops` is a list of modules"),
        ("strict = yes", "5:10", "this is no TOML"),
        ("page = 'a4'\npage = 'a4'", "6:12", "this is no TOML"),
        (f"strict = {'[' * 100_000}", "1:1", "this is no TOML"),
        ("[tool.netspec.strict]", "4:1", "`strict` is true or false"),
        ("[x]\nstrict = 1\nstrct = 2\n[tool]\nnetspec = 1", "", "this is no TOML"),
    ],
)
def test_a_mistake_is_told_once_and_at_its_place(text: str, place: str, told: str) -> None:
    say(text)
    shown = printed("check specs --format concise")
    assert shown.count("pyproject.toml:") == shown.count("\n") == 1
    assert f"pyproject.toml:{place}" in shown
    assert told in printed("check top.yaml")
    assert main(["trust", "."]) == 1


def test_what_is_no_table_is_told() -> None:
    for text in ("[tool]\nnetspec = 1", "tool = 'netspec'"):
        Path("pyproject.toml").write_text(text)
        assert "`[tool.netspec]` is a table" in printed("check top.yaml")
    Path("pyproject.toml").write_bytes(b"# netspec \xff")
    assert "this is no TOML" in printed("check top.yaml")


@pytest.mark.parametrize("command", ["check top.yaml", "render top.yaml -o figure.svg"])
def test_who_watches_is_told_of_a_mistake_and_waits_for_the_next_save(
    command: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(once: Callable[[], Mapping[str, object]]) -> NoReturn:
        for text in ("page = 1", "page = 'a4'"):
            say(text)
            assert str(project / PROJECT) in once()
        raise SystemExit

    monkeypatch.setattr("netspec.cli.common.watch", watch)
    with pytest.raises(SystemExit):
        main([*command.split(), "--watch"])
    assert "-o" not in command or Path("figure.svg").exists()


def test_an_editor_is_told_what_is_wrong_with_a_project_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    say("ops = ['json']")
    assert main(["trust", "."]) == 0
    say("ops = 1")
    with pytest.raises(OpsError, match="`ops` is a list of modules"):
        ops_for(Namespace(ops=[]), "top.yaml")


def test_what_the_file_says_is_no_text_for_the_terminal() -> None:
    say('"\\u001b[31m" = 1')
    assert "\x1b" not in printed("check top.yaml")


def test_this_project_says_nothing_wrong() -> None:
    assert configured(ROOT / "specs").folder == ROOT
