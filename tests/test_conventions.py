"""What hosts and package indices read of the project agrees, and is what they expect."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from netspec.cli import main
from netspec.version import __version__
from tests.support import ROOT
from tests.test_package import PROJECT, tracked

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
RELEASED = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""The headings of Keep a Changelog."""


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    released = dict(RELEASED.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    assert str(citation.get("date-released")) == str(released.get(__version__))


def test_the_changelog_has_its_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall("^## .*$", text, re.MULTILINE)
    assert headings[0] == "## [Unreleased]"
    assert all(RELEASED.fullmatch(heading) for heading in headings[1:])
    assert {*re.findall("^### (.*)$", text, re.MULTILINE)} <= KINDS
    for name in re.findall(r"^## \[(.*?)\]", text, re.MULTILINE):
        assert f"\n[{name}]: {PROJECT['urls']['Repository']}/" in text


def test_every_address_of_the_project_is_one_of_its_own():
    urls = PROJECT["urls"]
    raw = urls["Repository"].replace("github.com", "raw.githubusercontent.com")
    own = (urls["Repository"], urls["Homepage"].rstrip("/"), raw)
    mention = re.compile(r"https?://[\w.-]*(?:github(?:usercontent)?\.(?:com|io)/|netspec)[\w./-]*")
    for path in tracked():
        if path.suffix in (".svg", ".html", ".json", ".js", ".1") or b"\0" in path.read_bytes():
            continue
        for found in mention.findall(path.read_text(encoding="utf-8", errors="replace")):
            if re.search(r"/netspec\b|netspec-compiler", found):
                is_index = found.startswith("https://pypi.org/project/netspec-compiler")
                assert found.startswith(own) or is_index, (path, found)


def test_the_citation_is_of_this_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    assert citation["url"] == PROJECT["urls"]["Homepage"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/*.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("vendor.citation-file-format", "CITATION.cff"),
    ],
)
def test_the_hosts_files_are_what_it_reads(schema: str, pattern: str):
    check = pytest.importorskip("check_jsonschema")
    paths = [str(path) for path in ROOT.glob(pattern)]
    assert paths
    with pytest.raises(SystemExit) as ended:
        check.main(["--builtin-schema", schema, *paths])
    assert ended.value.code in (0, None)


# ------------------------------------------------------------------ the workflows


def steps(path: Path) -> Iterator[dict[str, str]]:
    """Yield the steps of a workflow, and its jobs that are other workflows."""
    for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
        yield from job.get("steps", [job])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_nobody_can_change(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    used = [line for line in lines if re.search(r"\buses:", line)]
    pinned = re.compile(r".*uses: (\./\S+|[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
    assert used and all(pinned.fullmatch(line) for line in used)
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}


def test_a_workflow_calls_what_the_project_has():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([\w-]+):", makefile, re.MULTILINE)}
    runs = [step.get("run", "") for path in WORKFLOWS for step in steps(path)]
    made = {
        word for run in runs for said in re.findall(r"\bmake (.+)", run) for word in said.split()
    }
    assert made and made <= targets
    extras = {extra for run in runs for extra in re.findall(r"\.\[(\w+)\]", run)}
    assert extras and extras <= PROJECT["optional-dependencies"].keys()


def test_the_oldest_and_the_newest_python_are_tried():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={named[0]}"
    for job in ("test", "installed"):
        assert jobs[job]["strategy"]["matrix"]["python"] == [named[0], named[-1]]


@pytest.mark.skipif(sys.platform == "win32", reason="shell syntax")
def test_a_releases_notes_are_the_changelogs(tmp_path: Path):
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- c\n\n## [1.2.3] - 2027-01-31\n\n### Added\n\n- b\n\n"
        "## [1.2.2] - 2027-01-01\n\n- a\n\n[1.2.3]: https://example.com\n"
    )
    release = ROOT / ".github/workflows/release.yml"
    run = next(step["run"] for step in steps(release) if "notes.md" in step.get("run", ""))
    for version, notes in (("1.2.3", "\n### Added\n\n- b\n\n"), ("1.2.2", "\n- a\n\n")):
        environment = {"GITHUB_REF_NAME": f"v{version}", "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "-ec", run], cwd=tmp_path, env=environment, check=True)
        assert (tmp_path / "notes.md").read_text() == notes


# ------------------------------------------------------------------ pre-commit


def test_a_hook_looks_at_every_yaml_file_and_passes_over_what_is_no_spec(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    spec = "netspec: 1\nname: N\ninputs: {x: [3, 8, 8]}\ngraph: {a: relu}\noutputs: {y: a}\n"
    other, good, bad = (tmp_path / name for name in ("other.yml", "good.yaml", "bad.yaml"))
    other.write_text("services:\n  netspec: {image: x}\n  - broken\n")
    good.write_text(spec)
    bad.write_text(spec.replace("relu", "  rellu"))
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")):
        assert hook["types"] == ["yaml"] and "files" not in hook
        program, *words = hook["entry"].split()
        capfd.readouterr()
        assert program == "netspec"
        assert main([*words, str(other)]) == 0
        assert capfd.readouterr() == ("", "")
        assert main([*words, str(other), str(good)]) == 0
        assert main([*words, str(bad)]) == (1 if words[0] == "check" else 0)
    assert other.read_text().endswith("- broken\n")
    assert bad.read_text() == spec.replace("relu", "rellu")


def test_own_hooks_run_what_the_gate_runs():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for entry in entries:
        tool = " ".join(entry.split()[2:4]) if "ruff" in entry else entry.split()[2]
        assert f"-m {tool}" in makefile, entry
