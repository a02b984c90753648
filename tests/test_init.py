"""`netspec init`: a starter spec that is fine, and nothing replaced."""

from __future__ import annotations

import re
import shlex

import pytest

import netspec
from netspec.cli import main
from netspec.language.fmt.text import formatted
from netspec.text.diagnostics import Source


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "file", "name"),
    [("Net", "Net.yaml", "Net"), ("my_net", "my_net.yaml", "MyNet"), ("le.yaml", "le.yaml", "Le")],
)
def test_the_starter_is_fine(here, given, file, name):
    assert main(["init", given]) == 0
    net = netspec.load(file)
    assert (net.name, net.warnings) == (name, ())
    assert main(["check", "--strict", file]) == 0
    assert formatted(Source(file, (here / file).read_text())) == (here / file).read_text()


def test_the_starter_builds_and_runs():
    import torch

    main(["init", "starter"])
    model = netspec.load("starter.yaml").build(classes=7)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert main(["build", "starter.yaml", "-o", "starter.py", "--verify"]) == 0


def test_a_file_is_never_replaced_unasked(here, capsys):
    (here / "Net.yaml").write_text("mine")
    assert main(["init", "Net"]) == 2
    assert (here / "Net.yaml").read_text() == "mine"
    assert "exists already" in capsys.readouterr().err
    assert main(["init", "Net", "--force"]) == 0
    assert main(["check", "Net.yaml"]) == 0
    assert main(["init", "Net"]) == 2
    (here / "Link.yaml").symlink_to(here / "nothing.yaml")
    assert main(["init", "Link"]) == 2
    assert not (here / "nothing.yaml").exists()


@pytest.mark.parametrize("name", ["1x", "module", "my-net", "a b", "ünet", "", "9/-", "n" * 80])
def test_what_is_no_name_is_refused_and_a_better_one_proposed(here, name, capsys):
    (here / "9").mkdir()
    assert main(["init", name]) == 2
    told = capsys.readouterr().err
    better = re.search("`netspec init (.*)` writes", told)[1]
    assert main(["init", *shlex.split(better)]) == 0
    assert capsys.readouterr().err.startswith(f"wrote {better}.yaml: ")
    assert (name != "my-net") or better == "my_net"


def test_a_folder_that_is_not_there_is_not_made(here):
    assert main(["init", "nowhere/Net"]) == 2
    assert list(here.iterdir()) == []
