"""What the commands write for every spec, and say about every mistake, as files that people read.

`pytest --update` rewrites them; the difference is then read before it is committed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from netspec.emit.report import FORMATS
from tests.support import ROOT, SPECS, printed

GOLDEN = ROOT / "tests" / "golden"
SHOWN = {
    **{(path.stem, "figure.svg"): ROOT / f"examples/figures/{path.stem}.svg" for path in SPECS},
    ("googlenet", "model.py"): ROOT / "examples" / "googlenet.py",
}
"""What users see is not kept twice."""
ERRORS = sorted((ROOT / "tests" / "errors").glob("*.yaml"))
REPORTS = {"text": "txt", "markdown": "md", "latex": "tex"}
COMMANDS = {
    "fmt.yaml": "fmt -",
    "model.py": "build {spec} -o -",
    "figure.svg": "render {spec} -o - --format svg",
    "figure.dot": "render {spec} -o - --format dot",
    "figure.mmd": "render {spec} -o - --format mmd",
    "figure.html": "render {spec} -o - --format html",
    "layers.csv": "report {spec} --by layer --format csv",
    "kinds.txt": "report {spec} --by op",
    **{f"report.{REPORTS.get(name, name)}": f"report {{spec}} --format {name}" for name in FORMATS},
}
OTHERS = {
    "ops.txt": "ops",
    "conv2d.txt": "ops conv2d",
    "compare.txt": "compare specs/googlenet.yaml specs/inception_v3.yaml specs/resnet50.yaml",
    "diff.txt": "diff specs/googlenet.yaml specs/googlenet_bn.yaml",
    "paper.txt": "report specs/googlenet.yaml --paper",
    **{
        f"paper_{name}.txt": f"report specs/{name}.yaml --paper"
        for name in ("alexnet", "inception_v3", "resnet50", "vgg16")
    },
    "schema.json": "schema",
    "diff.json": "diff specs/googlenet.yaml specs/googlenet_bn.yaml --format json",
}


def compare(path: Path, text: str, update: bool) -> None:
    """Compare a text with its golden file, or write it there."""
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path} is missing; `pytest --update` writes it"
    assert text == path.read_text()


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_command_writes_what_it_wrote(spec: Path, update: bool) -> None:
    for name, command in COMMANDS.items():
        text = printed(command.format(spec=os.path.relpath(spec)), spec.read_text())
        # The style and the script are no golden files, nor are the digests that allow them.
        text = re.sub(r"(<style>|<script>).*?(?=</style>|</script>)", r"\1", text, flags=re.DOTALL)
        text = re.sub(r"'sha256-[^']*'", "'sha256-'", text)
        compare(SHOWN.get((spec.stem, name), GOLDEN / spec.stem / name), text, update)


def test_the_page_that_is_shown_is_todays(update: bool) -> None:
    text = printed("render specs/googlenet.yaml -o - --format html")
    compare(ROOT / "examples" / "figures" / "googlenet.html", text, update)


@pytest.mark.parametrize("name", OTHERS)
def test_the_tables_are_what_they_were(name: str, update: bool) -> None:
    compare(GOLDEN / name, printed(OTHERS[name]), update)


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_a_mistake_reads_as_it_read(path: Path, update: bool) -> None:
    """A golden diagnostic stands beside its spec: every underline, note and cure."""
    compare(path.with_suffix(".txt"), printed(f"check {os.path.relpath(path)}"), update)
