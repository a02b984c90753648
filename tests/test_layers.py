"""A module imports only from lower layers, and what is slow to import only where it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

LAYERS = {
    "diagnostics": 0,
    "dim": 1,
    "layout": 1,
    "yaml_errors": 2,
    "ops": 2,
    "syntax": 3,
    "files": 4,
    "outputs": 5,
    "interrupt": 0,
    "formats": 13,
    "spec": 4,
    "fmt": 5,
    "project": 5,
    "schema": 5,
    "variant": 5,
    "check": 5,
    "graph": 5,
    "expand": 6,
    "shapes": 7,
    "receptive": 8,
    "costs": 8,
    "memory": 9,
    "blame": 9,
    "repair": 9,
    "contracts": 10,
    "network": 10,
    "features": 11,
    "habits": 11,
    "weights": 11,
    "emit": 11,
    "verify": 12,
    "compiler": 12,
    "api": 13,
    "explain": 13,
    "watch": 13,
    "cli": 14,
}
"""A module may import from its own layer and from those below it."""
MODULES = sorted((ROOT / "netspec").rglob("*.py"))


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "netspec").with_suffix("").parts[0]


def imports(path: Path) -> list[str]:
    """Return the netspec modules that a module imports, type-checking imports left out."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body.clear()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("netspec."):
            found.append(str(node.module).split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "netspec":
            found += [alias.name for alias in node.names if alias.name in LAYERS]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    own = layer_of(path)
    if own in ("__init__", "__main__"):
        return
    upward = [name for name in imports(path) if LAYERS[name] > LAYERS[own]]
    assert upward == [], f"{own} (layer {LAYERS[own]}) imports from higher layers"


def imported_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a command imports."""
    code = (
        "import sys\nfrom netspec.cli import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit: pass\n"
        "print('\\n'.join(sorted(m.split('.')[0] for m in sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    return set(result.stderr.split())


def test_version_imports_nothing_beyond_argparse():
    assert not imported_by("--version") & {"yaml", "pydantic", "networkx", "graphviz", "torch"}


@pytest.mark.parametrize("command", ["check", "report"])
def test_commands_import_neither_torch_nor_networkx(command):
    assert not imported_by(command, "specs/googlenet.yaml") & {"torch", "networkx", "graphviz"}


def test_build_does_not_import_torch():
    assert "torch" not in imported_by("build", "specs/googlenet.yaml", "-o", "-")
