"""LaTeX compiles, whatever stands in it, and no line of it is wider than the text."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from netspec.emit.compare import compare
from netspec.emit.profile import profile_report
from netspec.emit.report import ROWS, Report, find_paper, paper_report, render, report
from netspec.emit.report.table import Column, Fact, Table, grid
from tests.hostile_text import PIECES, hostile_text
from tests.support import ROOT, SPECS, draws, load
from tests.test_documents import measured, points, profiled, reports

PACKAGES = ("booktabs.sty", "siunitx.sty", "longtable.sty")


def missing() -> str:
    """Return why nothing can be compiled here."""
    if not shutil.which("pdflatex"):
        return "pdflatex is not installed (apt: texlive-latex-recommended, texlive-science)"
    found = subprocess.run(["kpsewhich", *PACKAGES], capture_output=True, text=True).stdout
    names = {Path(line).name for line in found.split()}
    return ", ".join(f"{name} is not installed" for name in PACKAGES if name not in names)


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all is there")


def compile_latex(contents: Sequence[Report], folder: Path) -> str:
    """Return what LaTeX says of a document that holds these reports."""
    texts = [render(content, "latex") for content in contents]
    packages = sorted(set(re.findall(r"^% needs \\usepackage\{(.*)\}", "\n".join(texts), re.M)))
    lines = [r"\documentclass{article}", *(rf"\usepackage{{{name}}}" for name in packages)]
    body = "\n\\clearpage\n".join(texts)
    document = "\n".join([*lines, r"\begin{document}", body, r"\end{document}", ""])
    (folder / "all.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "all.log").read_text(encoding="latin-1")


def complaints(log: str) -> list[str]:
    """Return what is too wide, too long for its page, named twice or missing."""
    wrong = r"Overfull \\hbox.*|.*Float too large.*|.*multiply defined.*|Missing character.*"
    return re.findall(wrong, log)


@pytest.mark.long
def test_tables_are_no_wider_than_the_text(tmp_path: Path) -> None:
    googlenet = load(ROOT / "specs/googlenet.yaml").network
    contents = [*reports(googlenet), compare([load(path).network for path in SPECS])]
    for name in ("AlexNet", "InceptionV3", "ResNet152"):
        paper = find_paper(name)
        assert paper is not None
        network = next(net for net in map(load, SPECS) if net.name == name).network
        contents.append(paper_report(network, paper))
    assert complaints(compile_latex(contents, tmp_path)) == []


@pytest.mark.long
def test_tables_of_every_spec_are_no_wider_than_the_text(tmp_path: Path) -> None:
    networks = [load(path).network for path in SPECS]
    contents = [report(network, by, depth=2) for network in networks for by in ROWS]
    contents += [profile_report(profiled(network), ["line"]) for network in networks]
    assert complaints(compile_latex(contents, tmp_path)) == []


def hostile_report(random: Random) -> Report:
    """Return a report in which every text is a stranger's; names have at most 64 characters."""

    def name() -> str:
        return hostile_text(random)[:64]

    columns = [Column(f"k{i}", name(), "text") for i in range(random.randint(1, 6))]
    number = Column("n", name())
    rows = tuple(
        (*(name() for _ in columns), random.choice([None, 1, 2.5, -3, 1e-9]))
        for _ in range(random.choice([1, 5, 60]))
    )
    table = Table("t", name(), (*columns, number), rows, rows[:1])
    fact = Fact("f", name(), columns[0], hostile_text(random))
    return Report(name(), (fact,), (table,), (hostile_text(random), *PIECES))


def test_no_text_is_markup_or_too_wide(tmp_path: Path) -> None:
    contents = [hostile_report(Random(i)) for i in range(draws(12, 100))]
    log = compile_latex(contents, tmp_path)
    assert complaints(log) == []


def test_every_part_of_a_split_table_has_the_first_column() -> None:
    """And what is printed is what the table holds, but for the columns that are extra."""
    googlenet = load(ROOT / "specs/googlenet.yaml").network
    for content in (*reports(googlenet), report(googlenet, "layer")):
        text = render(content, "latex")
        for table in content.tables:
            shown = grid(table, without_extra=True)
            rows = [[_plain(cell) for cell in row] for row in (*shown.rows, *shown.totals)]
            found = {_plain(cell) for line in _lines(text) for cell in line}
            assert {cell for row in rows for cell in row} <= found
            names = {row[0] for row in rows}
            assert {line[0] for line in map(_cells, _lines(text))} >= names


def _lines(text: str) -> list[list[str]]:
    rows = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r" \\")]
    return [re.split(r" (?<!\\)& ", row) for row in rows]


def _cells(line: list[str]) -> list[str]:
    return [_plain(cell) for cell in line]


def _plain(cell: str) -> str:
    """Return a cell as it is read, without the commas and units that siunitx and headings have."""
    for written, read in (
        (r"$\times$", "×"), ("--", "–"), (r"$\cdot$", "·"), (r"\allowbreak{}", ""), ("$-$", "−"),
        (r"\ldots{}", "…"), ("''", '"'), ("``", '"'),
    ):  # fmt: skip
        cell = cell.replace(written, read)
    cell = re.sub(r"\\([&%$#_{}])", r"\1", cell)
    cell = re.sub(r"\{([\[\]*])\}", r"\1", cell)
    return re.sub(r"(?<=\d),(?=\d{3})", "", cell).strip().removesuffix("%")


def test_labels_are_words() -> None:
    googlenet = load(ROOT / "specs/googlenet.yaml").network
    swept = [point for point in points(googlenet) if not point.reason]
    assert len(swept) == 2 and len(measured(googlenet)) == 8
    for content in (*reports(googlenet), *(hostile_report(Random(i)) for i in range(9))):
        labels = re.findall(r"\\label\{(.*?)\}", render(content, "latex"))
        assert labels and len(labels) == len(set(labels))
        assert all(re.fullmatch(r"tab:[a-z0-9-]*", label) for label in labels)
