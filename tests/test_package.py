"""What strangers install: its name, what it draws in, and the files it is made of."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from netspec.runtime.installed import EXTRAS
from netspec.version import DISTRIBUTION, __version__, installation
from tests.support import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOLS = FACTS["project"], FACTS["tool"]

OTHER_PROJECT = re.compile(
    r"\bnetspec\[(?=[a-z{])"
    r"|\b(?:pip|pipx|uv|uvx|tool) +(?:install|add|run|uninstall) +(?:-\S+ +|\S+\.txt +)*"
    r"['\"]?netspec(?![-\w/])"
)
"""What would install, or ask for, another project's package."""


def tracked() -> list[Path]:
    """Return the repository's files."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the repository's files are known to git alone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize(
    ("text", "is_another"),
    [
        ("pip install 'netspec[figures]'", True),
        ("pip install -q -c constraints.txt netspec==0.2.6", True),
        ('dependencies = ["netspec[torch]"]', True),
        ("uv tool install netspec", True),
        ("pip install 'netspec-compiler[figures]'", False),
        ("pip install -e . && netspec build", False),
        ("pip install netspec_compiler-0.1.0-py3-none-any.whl", False),
    ],
)
def test_the_other_project_is_known(text, is_another):
    assert bool(OTHER_PROJECT.search(text)) is is_another


def test_nothing_installs_the_other_project():
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        data = path.read_bytes()
        if b"\0" not in data and (match := OTHER_PROJECT.search(data.decode(errors="replace"))):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert found == []


def test_the_project_is_called_what_the_hints_say():
    assert PROJECT["name"] == DISTRIBUTION
    assert installation(["torch", "plot"]) == "pip install 'netspec-compiler[torch,plot]'"
    assert installation() == "pip install netspec-compiler"


def test_a_hint_names_an_extra_of_the_project():
    assert EXTRAS.keys() <= PROJECT["optional-dependencies"].keys()


# ----------------------------------------------------------------- what is installed with it

PYTHONS = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r"3\.\d", text)]
SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}


def read(requirements: list[str], **environment: str) -> dict[str, Requirement]:
    """Return what is required in an environment, by canonical names; extras of our own opened."""
    found = {}
    for item in map(Requirement, requirements):
        if item.marker is None or item.marker.evaluate({"extra": "", **environment}):
            if item.name == DISTRIBUTION:
                inner = (PROJECT["optional-dependencies"][extra] for extra in item.extras)
                found |= read([*chain.from_iterable(inner)], **environment)
            found[canonicalize_name(item.name)] = item
    found.pop(DISTRIBUTION, None)
    return found


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_one_version_is_pinned_of_each_that_the_project_names(python, system):
    """And it is one that the project allows."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_system": system,
        "sys_platform": SYSTEMS[system],
    }
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = read([line for line in lines if not line.startswith("#")], **environment)
    extras = PROJECT["optional-dependencies"].values()
    wanted = read([*PROJECT["dependencies"], *chain.from_iterable(extras)], **environment)
    refused = [
        str(item)
        for name, item in wanted.items()
        if name not in pins or not item.specifier.contains(str(pins[name].specifier)[2:])
    ]
    assert refused == []


@pytest.mark.long
@pytest.mark.parametrize("system", ["x86_64-manylinux_2_28", "x86_64-pc-windows-msvc"])
@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[-1]])
def test_what_is_pinned_can_be_installed(python, system, tmp_path):
    """As wheels of the package index; of other Pythons, too, than the one that runs this."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    target = ["--target", str(tmp_path), "--python-version", python, "--python-platform", system]
    wanted = ["-c", "constraints.txt", "-r", "pyproject.toml", "--all-extras"]
    command = ["uv", "pip", "install", "--dry-run", "--only-binary", ":all:", *target, *wanted]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if re.search(r"error sending request|dns error|client error", result.stderr):
        pytest.skip("the package index cannot be reached")
    assert result.returncode == 0, result.stderr


def test_the_oldest_python_is_the_one_that_tools_check_for():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert oldest == PYTHONS[0] == TOOLS["mypy"]["python_version"]
    assert TOOLS["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text(encoding="utf-8")


# ----------------------------------------------------------------- what is uploaded


def made(folder: Path, umask: int, time: int) -> tuple[Path, Path]:
    """Build a copy of the repository's files; return the sdist, and the wheel made from it."""
    for name in ("build", "hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(name)
    for path in tracked():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o666 & ~umask)
        os.utime(copy, (time, time))
    command = [sys.executable, "-m", "build", "--no-isolation", str(folder)]
    plain = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT") if key in os.environ}
    subprocess.run(command, check=True, capture_output=True, env=plain, umask=umask)
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> tuple[Path, Path]:
    return made(tmp_path_factory.mktemp("one"), 0o022, 1_700_000_000)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="files of Windows have no modes")
def test_a_release_has_the_same_bytes_wherever_it_is_made(release, tmp_path):
    for one, two in zip(
        release, made(tmp_path / "another folder", 0o077, 1_800_000_000), strict=True
    ):
        assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())


@pytest.mark.long
def test_the_sdist_holds_the_repository(release):
    with tarfile.open(release[0]) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    assert found == {path.relative_to(ROOT).as_posix() for path in tracked()} | {"PKG-INFO"}


@pytest.mark.long
def test_the_page_on_an_index_leads_to_the_release(release):
    """And each of its addresses in the repository is that of a file."""
    with zipfile.ZipFile(release[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        facts = email.message_from_bytes(archive.read(name))
    text = re.sub(r"(?ms)^(`{3,}).*?^\1", "", str(facts.get_payload()))
    links = re.findall(r"\]\(([^)]+)\)|(?:href|src)=\"([^\"]+)\"", text)
    assert [link for link in map("".join, links) if not link.startswith(("https://", "#"))] == []
    at = f"https://(?:github|raw.githubusercontent).com/netspec-compiler/netspec/(?:blob/)?v{__version__}/"
    paths = re.findall(rf"{at}([^)\"#]+)", text)
    assert paths and [path for path in paths if not (ROOT / path).exists()] == []
