"""The specs that come with netspec are called by their names, wherever netspec is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netspec
from netspec.cli import main
from netspec.cli.trusted import project_of
from netspec.language import shipped
from tests.support import FEW, ROOT, SPECS, mostly, printed

STEMS = [path.stem for path in SPECS]
COMMANDS = (
    "check {}",
    "build {} -o -",
    "render {} -o - --format mmd",
    "report {}",
    "compare {} {}",
    "diff {} {}",
    "optimize {} -o -",
    "sweep {} --set classes=10,20 -o -",
    "fit {} --to params<=6M --vary classes --step 1000",
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_specs_are_shipped():
    assert shipped.names() == STEMS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_stands_for_its_file_in_each_command(command: str):
    spec = "googlenet_bn"
    by_name = printed(command.format(spec, spec))
    path = str(ROOT / "specs" / f"{spec}.yaml")
    by_path = printed(command.format(path, path))
    assert by_name and by_name == by_path.replace(path, spec).replace(f"({spec})", f"({spec}.yaml)")


@pytest.mark.parametrize("stem", mostly([path.stem for path in FEW], STEMS))
def test_python_takes_names_and_paths(stem: str):
    by_name, by_path = netspec.load(stem), netspec.load(shipped.file_of(stem))
    assert by_name.to_python() == by_path.to_python()
    assert by_name.network.spec.source.name == f"{stem}.yaml"


def test_what_is_there_goes_before_a_shipped_spec(tmp_path: Path, capsys):
    Path("unet").write_text(Path(shipped.file_of("nin")).read_text())
    assert netspec.load("unet").name == "NiN"
    Path("nin").mkdir()
    assert main(["check", "nin"]) == 2
    assert "there is no *.yaml below nin" in capsys.readouterr().err


UNKNOWN = "no file and no shipped spec is called"
WORDS = {
    "gogglenet": f"{UNKNOWN} `gogglenet`; did you mean `googlenet`? `netspec list` shows them",
    "GoogLeNet": "did you mean `googlenet`?",
    "xyzzy": f"{UNKNOWN} `xyzzy`; `netspec list` shows them",
    "specs/googlenet.yaml": "there is no file specs/googlenet.yaml; netspec has one of its own",
    "my.yaml": "there is no file my.yaml\n",
}


@pytest.mark.parametrize(("word", "hint"), WORDS.items())
def test_an_unknown_name_is_answered_as_a_missing_file(word: str, hint: str, capsys):
    assert main(["check", word]) == 2
    assert hint in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        netspec.load(word)


def test_a_shipped_spec_belongs_to_no_project_of_the_user(tmp_path: Path):
    Path("pyproject.toml").write_text("[tool.netspec]\nops = ['evil']\n")
    assert project_of("net.yaml") == tmp_path.resolve() and project_of("googlenet") is None
    # `extends` stays in their own folder, whatever the root of the user's.
    assert main(["check", "googlenet_bn", "--root", str(tmp_path)]) == 0


@pytest.mark.parametrize("command", ["check --fix", "fmt", "serve"])
def test_no_shipped_spec_is_changed(command: str, capsys):
    before = shipped.file_of("nin").read_bytes()
    if command == "serve":
        pytest.importorskip("starlette")
    assert main([*command.split(), "nin"]) == 2
    assert "netspec list nin -o nin.yaml" in capsys.readouterr().err
    assert shipped.file_of("nin").read_bytes() == before


def test_no_shipped_spec_is_written_over(capsys):
    file = shipped.file_of("nin")
    before = file.read_bytes()
    assert main(["optimize", "nin", "-o", str(file), "--force"]) == 2
    assert "a spec that this run reads" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_the_list_has_every_spec_with_its_exact_counts_and_its_paper():
    rows = json.loads(printed("list --format json", errors=False))["specs"]["rows"]
    assert [row["name"] for row in rows] == STEMS
    for row in rows:
        assert row["authors"] and row["year"].isdigit() and row["title"]
    for path in FEW:
        net = netspec.load(path)
        row = rows[STEMS.index(path.stem)]
        assert (row["params"], row["macs"]) == (net.parameters, net.macs)


@pytest.mark.parametrize("stem", mostly(["googlenet", "vgg19_bn"], STEMS))
def test_a_copy_stands_alone_and_is_the_same_network(stem: str, capsys):
    assert main(["list", stem, "-o", "copy.yaml"]) == 0
    copy, net = netspec.load("copy.yaml"), netspec.load(stem)
    assert copy.to_python().partition("\n\n")[2] == net.to_python().partition("\n\n")[2]
    assert main(["fmt", "--check", "copy.yaml"]) == 0
    assert main(["list", stem, "-o", "copy.yaml"]) == 2, "a file of the user's"


@pytest.mark.parametrize("words", [["list", "xyzzy"], ["list", "nin", "--format", "csv"]])
def test_a_list_of_what_is_not_there_is_a_misuse(words: list[str]):
    assert main(words) == 2
