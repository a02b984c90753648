"""Builds the playground: static files with the page, the compiler, and Python for the browser.

    python playground/build.py FOLDER

What comes from npm and PyPI is fetched once and kept beside the folder, in `parts`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LOCKED = ("package.json", "package-lock.json")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob: data:; font-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
HEAD = '<meta charset="utf-8">\n'
LICENCES = f"""
{"-" * 72}

pyodide/ holds Pyodide (MPL-2.0, https://github.com/pyodide/pyodide), which holds Python (PSF-2.0).
packages.zip holds netspec and Python packages, each with its licence in its folder *.dist-info.
"""
STAMP = "stamp"
_YEAR = (2020, 1, 1, 0, 0, 0)


def build(parts: Path, folder: Path) -> None:
    """Put the playground into a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "netspec/data/live", folder)
    for name in ("home.js", "worker.js"):
        shutil.copy(HERE / name, folder)
    page = folder / "index.html"
    text = page.read_text()
    assert text.count(HEAD) == 1
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    page.write_text(text.replace(HEAD, HEAD + policy))
    (folder / "pyodide").mkdir()
    for name in (*PYODIDE, "pyodide-lock.json"):
        shutil.copy(parts / "node_modules/pyodide" / name, folder / "pyodide")
    pack(parts, folder / "packages.zip")
    with (folder / "LICENSES.txt").open("a") as licences:
        licences.write(LICENCES)
    large = [folder / "packages.zip", *(folder / "pyodide" / name for name in PYODIDE[2:])]
    total = sum(path.stat().st_size for path in large)
    (folder / "bytes.js").write_text(f"export const BYTES = {total};\n")


def pack(parts: Path, archive: Path) -> None:
    """Write what Python imports and the specs of the zoo into an archive, the same each time."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in sorted({**wheels(parts), **sources()}.items()):
            packed.writestr(zipfile.ZipInfo(name, _YEAR), data, zipfile.ZIP_DEFLATED)


def wheels(parts: Path) -> dict[str, bytes]:
    """Return the files of the wheels."""
    found = {}
    for path in (parts / "wheels").glob("*.whl"):
        with zipfile.ZipFile(path) as wheel:
            found |= {name: wheel.read(name) for name in wheel.namelist() if is_needed(name)}
    return found


def is_needed(name: str) -> bool:
    """Tell whether the browser needs a wheel's file: tests and other machines' code it does not."""
    return name.endswith("wasm32-emscripten.so") or not (
        name.endswith((".so", "/")) or "/tests/" in name
    )


def sources() -> dict[str, bytes]:
    """Return netspec as its own wheel has it, but for the page, and the specs."""
    return {
        "worker.py": (HERE / "worker.py").read_bytes(),
        **{f"zoo/{path.name}": path.read_bytes() for path in ROOT.glob("specs/*.yaml")},
        **{str(path.relative_to(ROOT)): path.read_bytes() for path in package()},
    }


def package() -> Iterator[Path]:
    left_out = {"__pycache__", "live", "page"}
    for path in (ROOT / "netspec").rglob("*"):
        if path.is_file() and not left_out & {*path.relative_to(ROOT).parts}:
            yield path


# ---------------------------------------------------------------------- what is fetched


def wanted() -> str:
    """Return what the parts are made from, as a digest."""
    files = [HERE / "requirements.txt", ROOT / "constraints.txt", *(HERE / name for name in LOCKED)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def is_fetched(parts: Path) -> bool:
    """Tell whether the parts are there, as the lock files say."""
    stamp = parts / STAMP
    return stamp.is_file() and stamp.read_text() == wanted()


def fetch(parts: Path) -> None:
    """Fetch the parts from npm and PyPI."""
    if shutil.which("npm") is None:
        sys.exit("npm is not installed")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    for name in LOCKED:
        shutil.copy(HERE / name, parts)
    quiet = ("--no-audit", "--no-fund", "--silent", "--ignore-scripts")
    subprocess.run(["npm", "ci", "--prefix", str(parts), *quiet], check=True)
    download(parts, "pyemscripten_2026_0_wasm32", "-r", str(HERE / "requirements.txt"))
    # PyYAML has no wheel for the browser, and needs none: of another one, its Python is enough.
    download(parts, "manylinux2014_x86_64", "--no-deps", "pyyaml")
    (parts / STAMP).write_text(wanted())


def download(parts: Path, platform: str, *names: str) -> None:
    """Fetch wheels for the Python that Pyodide is."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    target = ["--platform", platform, "--python-version", "3.14", "--implementation", "cp"]
    limits = ["--only-binary", ":all:", "-c", str(ROOT / "constraints.txt")]
    to = ["-d", str(parts / "wheels")]
    subprocess.run([*pip, *target, "--abi", "cp314", *limits, *to, *names], check=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if not is_fetched(target.parent / "parts"):
        fetch(target.parent / "parts")
    build(target.parent / "parts", target)
    print(f"python -m http.server -d {target}")
