"""The formats of pictures: one table for the command, the API and what both say."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.cli import main
from netspec.cli.outputs import is_marked, marked
from netspec.emit.formats import FORMATS
from tests.support import ROOT, loads, one_block

SPEC = str(ROOT / "specs" / "alexnet.yaml")


@pytest.mark.parametrize("format", FORMATS)
def test_the_api_draws_what_the_command_writes(format: str, tmp_path: Path) -> None:
    output = tmp_path / f"figure.{format}"
    assert main(["render", SPEC, "-o", str(output)]) == 0
    assert output.read_bytes() == marked(netspec.load(SPEC).render(format), format)


@pytest.mark.parametrize("format", FORMATS)
def test_netspec_knows_its_own_file_of_every_format(format: str, tmp_path: Path) -> None:
    output = tmp_path / f"figure.{format}"
    assert main(["render", SPEC, "-o", str(output)]) == 0
    assert is_marked(str(output))


def test_who_asks_for_another_format_is_told_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=f"'bmp': expected one of {', '.join(FORMATS)}$"):
        netspec.load(SPEC).render("bmp")
    assert main(["render", SPEC, "-o", str(tmp_path / "figure.bmp")]) == 2
    assert ", ".join(f".{name}" for name in FORMATS) in capsys.readouterr().err
    assert all(f'"{name}"' in str(netspec.Net.render.__doc__) for name in FORMATS)


def test_options_that_cannot_be_are_told() -> None:
    net = netspec.load(SPEC)
    with pytest.raises(TypeError, match="no option `widht`; did you mean `width`"):
        net.render("svg", widht="3in")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"expected a length .* found `3.5`"):
        net.render("svg", width=3.5)  # type: ignore[arg-type]


def test_pieces_are_called_as_the_spec_calls_them() -> None:
    net = loads(
        one_block(
            """
            conv: {conv2d: [4, 3]}
            named: {split: [[1, 3]], names: [low, high]}
            cut: {chunk: 3, from: named.high}
            out: {concat: [], from: [named.low, cut.0, cut.2, cut.1]}
            """
        )
    )
    for kind in ("svg", "dot", "mmd", "html"):
        text = net.render(kind).decode()
        assert "split low" in text and "split high" in text and "split [" not in text
        assert "chunk [2]" in text or "chunk #91;2#93;" in text
