"""A module imports only from lower layers, and what is slow to import only where it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

from netspec import ops
from tests.support import ROOT

ROOMS = {
    "netspec.version": 0,
    "netspec.limits": 0,
    "netspec.interrupt": 0,
    "netspec.text": 1,
    "netspec.ops": 2,
    "netspec.language": 3,
    "netspec.graph": 4,
    "netspec.analysis": 5,
    "netspec.rewrite": 6,
    "netspec.emit": 7,
    "netspec.runtime": 7,
    "netspec.testing": 3,
    "netspec.compiler": 8,
    "netspec.features": 8,
    "netspec.explore": 9,
    "netspec.importer": 9,
    "netspec.editing": 9,
    "netspec.server": 10,
    "netspec.net": 10,
    "netspec.api": 10,
    "netspec.cli": 11,
    "netspec": 12,
    "netspec.__main__": 12,
}
"""A module imports from its own room and from rooms of smaller numbers."""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted((ROOT / "netspec").rglob("*.py"))}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imports(module: str) -> set[str]:
    """Return the modules of netspec that a module imports anywhere, for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "netspec":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    upward = [name for name in imports(module) if ROOMS[room_of(name)] > ROOMS[room_of(module)]]
    assert upward == []


def test_no_modules_import_each_other():
    graph = networkx.DiGraph((a, b) for a in MODULES for b in imports(a))
    knots = networkx.strongly_connected_components(graph)
    assert [sorted(knot) for knot in knots if len(knot) > 1] == []


STAGES = [name for name in MODULES if room_of(name) not in ("netspec.ops", "netspec.rewrite")]


@pytest.mark.parametrize("module", STAGES)
def test_no_stage_knows_an_op(module):
    """Facts stand on the op's class; `Cut`, for several outputs, is a kind of node like `Join`.

    A rewrite is about some ops: they are what its proof is of.
    """
    homes = {f"{ops.__name__}.{name}" for name in ops.__all__} - {"netspec.ops.split"}
    assert not imports(module) & homes


def test_the_tree_in_the_guide_is_the_tree():
    shown = re.findall(r"[├└]── ([\w.]+)", (ROOT / "CONTRIBUTING.md").read_text())
    hidden = {"__init__.py", "__main__.py", "__pycache__", "interrupt.py", "py.typed", "version.py"}
    assert set(shown) == {path.name for path in (ROOT / "netspec").iterdir()} - hidden


def imported_by(*arguments: str) -> set[str]:
    """Return the modules that a command imports."""
    code = (
        "import sys\nfrom netspec.cli import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    return set(result.stderr.split())


def test_version_imports_nothing_beyond_argparse():
    assert not imported_by("--version") & {"yaml", "pydantic", "networkx", "graphviz", "torch"}


@pytest.mark.parametrize("command", ["check", "report"])
def test_commands_import_neither_torch_nor_graphviz(command):
    assert not imported_by(command, "specs/googlenet.yaml") & {"torch", "graphviz"}


def test_a_spec_without_mistakes_needs_nobody_to_explain_them():
    found = imported_by("check", "specs/googlenet.yaml")
    needless = ("analysis.blame", "analysis.repair", "text.explain", "text.yaml_errors.refused")
    assert not found & {f"netspec.{name}" for name in (*needless, "language.variant.patch")}


def test_build_does_not_import_torch():
    assert "torch" not in imported_by("build", "specs/googlenet.yaml", "-o", "-")
